"""Leeds Sports Pose Extended (Johnson & Everingham, CVPR 2011) as 224 x 224 crops.

The folder holds ``images/im00001.jpg`` ... and ``lspet_224.npz`` with ``imgname`` (N,),
``joints`` (N, 14, 3) as crop pixels and a visible flag, and ``order`` (the joints' names; left
and right are the person's own).  Near-duplicates come in bursts, so the split is by blocks of
photo numbers and not at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live_training.landmarks import LSP_NAMES

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]
Split = Literal["train", "development"]

#: Photos from this number on are the development test set; nothing is ever trained on them.
FIRST_DEVELOPMENT_PHOTO: Final = 8001


@dataclass(frozen=True)
class Photos:
    """One split of the data set.

    Attributes
    ----------
    folder
        Where the pictures lie.
    names
        ``(N,)`` file names.
    keypoints
        ``(N, 14, 3)`` float32: x, y in pixels and 1 (labelled) or 0, in the order of
        :data:`hmr_live_training.landmarks.LSP_NAMES`.
    split
        Which part this is.
    """

    folder: Path
    names: NDArray[np.str_]
    keypoints: Array
    split: Split

    def __len__(self) -> int:
        return len(self.names)

    def at(self, index: NDArray[np.integer[Any]]) -> Photos:
        """The chosen photos."""
        return replace(self, names=self.names[index], keypoints=self.keypoints[index])

    def image(self, index: int) -> Image:
        """BGR picture as it is in the file, black padding included."""
        path = self.folder / str(self.names[index])
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise AssetError(f"Cannot read the photo {path}; copy the data set again.")
        return np.asarray(image, np.uint8)


def photo_number(name: str) -> int:
    """``"im08001.jpg"`` -> 8001."""
    return int(Path(name).stem.removeprefix("im"))


def load_lspet(data: Path | str, split: Split) -> Photos:
    """Read one split of ``<data>/lspet_224``.

    Raises
    ------
    AssetError
        When the data set is missing or its joints come in another order.
    """
    folder = Path(data) / "lspet_224"
    try:
        file = np.load(folder / "lspet_224.npz")
    except OSError as error:
        raise AssetError(
            f"There is no lspet_224/lspet_224.npz in {data}; give the data folder with --data."
        ) from error
    if tuple(file["order"]) != LSP_NAMES:
        raise AssetError(f"The joints in {folder} are not in LSP's order; copy the data set again.")
    numbers = np.array([photo_number(str(name)) for name in file["imgname"]])
    development = numbers >= FIRST_DEVELOPMENT_PHOTO
    kept = development if split == "development" else ~development
    keypoints = file["joints"][kept].astype(np.float32)
    keypoints[..., 2] = keypoints[..., 2] > 0
    return Photos(folder / "images", file["imgname"][kept], keypoints, split)
