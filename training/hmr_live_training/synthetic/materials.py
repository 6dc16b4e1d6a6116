"""Photographs in scenes: person-free backgrounds and fabric patches.

A background belongs to a split by its panorama, a patch by its file, a motion capture sequence
by its number: nothing that the test split shows has been seen in training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live.core.state import Image

#: Every n-th panorama (or single photo) and every n-th patch belongs to the test split.
TEST_PANORAMA: Final = 5
TEST_PATCH: Final = 6

#: Which patches make which garment.
FABRICS: Final = {
    "top": ("t-shirt", "shirt", "longsleeve", "dress"),
    "jacket": ("outwear",),
    "bottom": ("pants", "shorts"),
    "skirt": ("skirt", "dress"),
}
#: Between trouser legs the photo shows what the garment lay on.
_TWO_LEGGED: Final = ("pants", "shorts")
_ABOVE_CROTCH: Final = 0.5


class Materials:
    """The photographs of one split.

    Parameters
    ----------
    data
        Folder with ``backgrounds_hdri_crops``, ``backgrounds_coco_cc`` and
        ``clothing_patches_192``.
    split
        "train" or "test".

    Raises
    ------
    AssetError
        When a folder is missing or leaves the split without pictures.
    """

    def __init__(self, data: Path | str, split: str) -> None:
        data = Path(data)
        self.backgrounds = background_files(data, split)
        self.patches = _patches(data, split)

    def background(self, rng: np.random.Generator) -> Image:
        """A random background, BGR."""
        return _read(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def fabric(self, rng: np.random.Generator, kind: str) -> Image:
        """A random patch for a garment of :data:`FABRICS`, BGR."""
        paths = self.patches[kind]
        path = paths[int(rng.integers(len(paths)))]
        patch = _read(path)
        if path.name.startswith(_TWO_LEGGED):
            patch = patch[: int(_ABOVE_CROTCH * len(patch))]
        return patch


def panorama(path: Path) -> str:
    """Name of the panorama that a background was cut from; a single photo is its own."""
    stem, _, view = path.stem.rpartition("_")
    return stem if stem and view.isdigit() and len(view) < 4 else path.stem


def background_files(data: Path, split: str) -> list[Path]:
    """Photographs of places without people; those of one panorama are all in one split."""
    chosen: list[Path] = []
    for folder in ("backgrounds_hdri_crops", "backgrounds_coco_cc"):
        files = sorted((data / folder).rglob("*.jpg"))
        names = sorted({panorama(path) for path in files})
        test = set(names[TEST_PANORAMA // 2 :: TEST_PANORAMA])
        chosen += [path for path in files if (panorama(path) in test) == (split == "test")]
    if not chosen:
        raise AssetError(f"There are no {split} backgrounds in {data}; give the data with --data.")
    return chosen


def _patches(data: Path, split: str) -> dict[str, list[Path]]:
    by_garment: dict[str, list[Path]] = {}
    for path in sorted((data / "clothing_patches_192").glob("*.jpg")):
        by_garment.setdefault(path.name.split("_")[0], []).append(path)
    patches: dict[str, list[Path]] = {}
    for kind, garments in FABRICS.items():
        patches[kind] = [
            path
            for garment in garments
            for n, path in enumerate(by_garment.get(garment, []))
            if (n % TEST_PATCH == 0) == (split == "test")
        ]
        if not patches[kind]:
            raise AssetError(
                f"There are no {split} fabric patches for {kind} in {data}; give the data with "
                "--data."
            )
    return patches


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise AssetError(f"{path} cannot be read as a picture; copy the data folder again.")
    return np.asarray(image, np.uint8)
