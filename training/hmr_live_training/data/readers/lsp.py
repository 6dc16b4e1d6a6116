"""Leeds Sports Pose (Johnson & Everingham, BMVC 2010) and its extension (CVPR 2011).

Both come as ``joints.mat`` beside a folder ``images``, and differ where one does not expect it:

LSP
    ``joints`` is 3 x 14 x 2000; the third row is 1 where the joint is *hidden*; hidden joints
    have been placed by eye and count as labels.  Pictures ``im0001.jpg``; the first 1,000 are for
    training, the others for testing.
LSPET
    ``joints`` is 14 x 3 x 10000; the third column is 1 where the joint is *visible*; the others
    have no position.  Pictures ``im00001.jpg``; published as training data only.  This project
    keeps the photos from im08001 on as its development test set.

Coordinates are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import FIRST_DEVELOPMENT_PHOTO
from hmr_live_training.data.readers.joint_sets import LSP, to_common
from hmr_live_training.data.readers.matlab import load_numbers
from hmr_live_training.data.readers.person import Array, LabelledPerson, box_around

_LSP_TRAINING = 1000


def read_lsp(folder: Path | str, split: Literal["train", "test"]) -> Iterator[LabelledPerson]:
    """People of ``<folder>/joints.mat`` (original or 150-pixel size)."""
    path = Path(folder) / "joints.mat"
    joints = load_numbers(path, "joints")
    if joints.ndim != 3 or joints.shape[:2] != (3, 14):
        raise AssetError(f"'joints' in {path} is not 3 x 14 x n; is this the extended data set?")
    first = 0 if split == "train" else _LSP_TRAINING
    last = _LSP_TRAINING if split == "train" else joints.shape[2]
    for index in range(first, min(last, joints.shape[2])):
        x, y, hidden = joints[:, :, index]
        labels = np.stack([x, y, np.ones(14), hidden], axis=1)
        yield _person(Path(folder) / "images" / f"im{index + 1:04d}.jpg", labels, "lsp", split)


def read_lspet(
    folder: Path | str, split: Literal["train", "development"]
) -> Iterator[LabelledPerson]:
    """People of the extended set's ``<folder>/joints.mat`` with at least one visible joint."""
    path = Path(folder) / "joints.mat"
    joints = load_numbers(path, "joints")
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        raise AssetError(f"'joints' in {path} is not 14 x 3 x n; is this the original LSP?")
    development = range(FIRST_DEVELOPMENT_PHOTO - 1, joints.shape[2])
    training = range(min(FIRST_DEVELOPMENT_PHOTO - 1, joints.shape[2]))
    for index in training if split == "train" else development:
        visible = joints[:, 2, index] > 0
        if visible.any():
            labels = np.column_stack([joints[:, :2, index], visible, np.zeros(14)])
            labels[~visible] = 0
            picture = Path(folder) / "images" / f"im{index + 1:05d}.jpg"
            yield _person(picture, labels, "lspet", split)


def _person(picture: Path, labels: Array, data_set: str, split: str) -> LabelledPerson:
    """From LSP joints ``(14, 4)``: x, y, weight, hidden."""
    common = to_common(labels, LSP)
    return LabelledPerson(
        picture=picture,
        joints_2d=common[:, :3],
        occluded=common[:, 3] > 0,
        box=box_around(common[:, :3]),
        data_set=data_set,
        split=split,
        subject=picture.stem,
    )
