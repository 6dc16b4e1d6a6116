"""A pack: one tar file with what a recipe needs to be continued on another machine.

::

    pack.json      network, and how many photos at the end of the training photos are held out
    recipe.yaml    as it was packed
    data/          photos, motion capture, backgrounds, fabric patches, cut down
    encoders/      BlazePose's file of the recipe
    cache/         the teacher's labels of the photos
    networks/      the network to start from, with its manifest
    body/          the body
    wheels/        packages that the other machine may lack

Nothing here imports a package that the other machine may lack.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hmr_live.core.errors import AssetError

#: Imported packages of a training, and what they are called where they come from.
_PACKAGES: Final = {
    "torch": "torch",
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "onnxscript": "onnxscript",
    "yaml": "pyyaml",
    "scipy": "scipy",
    "numba": "numba",
    "flatbuffers": "flatbuffers",
    "tflite": "tflite",
    "platformdirs": "platformdirs",
    "cv2_enumerate_cameras": "cv2-enumerate-cameras",
    "moderngl": "moderngl",
    "glcontext": "glcontext",
}


@dataclass(frozen=True)
class PackFolder:
    """An unpacked pack."""

    root: Path

    @property
    def recipe(self) -> Path:
        """The recipe's YAML file."""
        return self.root / "recipe.yaml"

    @property
    def data(self) -> Path:
        """Training data."""
        return self.root / "data"

    @property
    def encoders(self) -> Path:
        """BlazePose's files."""
        return self.root / "encoders"

    @property
    def cache(self) -> Path:
        """The teacher's labels; converted encoders come here too."""
        return self.root / "cache"

    @property
    def networks(self) -> Path:
        """The network to start from."""
        return self.root / "networks"

    @property
    def body(self) -> Path:
        """The body's file."""
        return self.root / "body" / "body.npz"

    @property
    def wheels(self) -> Path:
        """Packages."""
        return self.root / "wheels"

    @property
    def about(self) -> Path:
        """What :class:`PackContents` holds."""
        return self.root / "pack.json"


@dataclass(frozen=True)
class PackContents:
    """What a pack says about itself.

    Attributes
    ----------
    network
        Name of the recipe's network.
    start
        File name of the network to start from.
    held_photos
        How many of its training photos are held out, at their end.
    """

    network: str
    start: str
    held_photos: int

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def write_pack(folder: PackFolder, path: Path) -> None:
    """Write the pack; the file appears when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with tarfile.open(part, "w") as tar:
        for child in sorted(folder.root.iterdir()):
            tar.add(child, child.name)
    part.replace(path)


def unpack(path: Path, root: Path) -> tuple[PackFolder, PackContents]:
    """Unpack into a folder.

    Raises
    ------
    AssetError
        When the file is no pack, or is missing.
    """
    folder = PackFolder(root)
    try:
        with tarfile.open(path) as tar:
            tar.extractall(root, filter="data")
        return folder, PackContents(**json.loads(folder.about.read_text(encoding="utf-8")))
    except (OSError, tarfile.TarError, ValueError, TypeError) as error:
        raise AssetError(
            f"{path} is no pack ({error}); write one with python -m hmr_live_training.build.pack."
        ) from error


def add_wheels(folder: PackFolder) -> None:
    """Install the pack's wheels beside it, for this process and those that it starts.

    What this Python has already comes first.

    Raises
    ------
    AssetError
        When pip cannot install them here.
    """
    wheels = sorted(str(path) for path in folder.wheels.glob("*.whl"))
    if not wheels:
        return
    site = folder.root / "site"
    options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), *wheels]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssetError(
            "The pack's wheels do not fit this Python; pack those for Python "
            f"{sys.version_info.major}.{sys.version_info.minor} on this system.\n{done.stderr}"
        )
    sys.path.append(str(site))
    importlib.invalidate_caches()


def check_packages() -> None:
    """Whether everything that training imports is there.

    Raises
    ------
    AssetError
        Naming all that is missing.
    """
    missing = [name for module, name in _PACKAGES.items() if not importlib.util.find_spec(module)]
    if missing:
        raise AssetError(
            f"This Python lacks {', '.join(missing)}. Install them with pip, or put their wheels "
            "for this Python into the pack: python -m hmr_live_training.build.pack --wheels DIR."
        )
