"""Where the shipped files are, in a checkout and in an installed package."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hmr_live.core.errors import AssetError

_PACKAGE = Path(__file__).resolve().parents[1]
#: In a wheel the files are inside the package, in a checkout beside the three top-level folders.
ROOT = next(
    (folder for folder in (_PACKAGE / "assets", _PACKAGE.parents[1] / "assets") if folder.is_dir()),
    _PACKAGE / "assets",
)


def asset_path(*parts: str) -> Path:
    """Path of a shipped file, e.g. ``asset_path("networks", "full.onnx")``.

    Raises
    ------
    AssetError
        If the file is not there.
    """
    path = ROOT.joinpath(*parts)
    if not path.is_file():
        raise AssetError(
            f"The file {path}, a part of hmr-live, is missing: install the program again."
        )
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def network_file(name: str) -> Path:
    """Path of a network: a shipped one by its name, such as ``heavy``, any other by its path.

    A file of that name in the current folder comes first.
    """
    path = Path(name)
    shipped = ROOT / "networks" / f"{name}.onnx"
    if not path.exists() and path.name == name and not path.suffix and shipped.is_file():
        return shipped
    return path


def read_manifest(model: Path) -> dict[str, Any]:
    """Read the JSON manifest beside a network file and check that it belongs to the file.

    Parameters
    ----------
    model
        Path of an ``.onnx`` file; the manifest has the same name with ``.json``.

    Raises
    ------
    AssetError
        If either file is missing or unreadable, or if the SHA-256 differs.
    """
    manifest_path = model.with_suffix(".json")
    if not model.is_file():
        raise AssetError(f"There is no network at {model}: check the path.")
    if not manifest_path.is_file():
        raise AssetError(
            f"The network {model.name} has no manifest: put {manifest_path.name} beside it."
        )
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AssetError(
            f"The manifest {manifest_path} cannot be read ({error}): export the network again."
        ) from error
    if not isinstance(manifest, dict) or "sha256" not in manifest:
        raise AssetError(f"{manifest_path} is not a network manifest: export the network again.")
    if sha256_of(model) != manifest["sha256"]:
        raise AssetError(
            f"The network {model.name} is damaged or belongs to another manifest (its SHA-256 "
            "differs): install or export it again."
        )
    return manifest
