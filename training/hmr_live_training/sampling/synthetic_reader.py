"""Synthetic people of :mod:`hmr_live_training.synthetic` as labelled people.

Their shards hold crops of the live tracker's crop box; here such a crop is the picture, and its
camera frame that of the crop's camera (:mod:`hmr_live.recovery.crop_camera`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import (
    COMMON,
    COMMON_NAMES,
    LANDMARK_OF,
    SMPL,
    to_common,
)
from hmr_live_training.data.readers.person import Array, LabelledPerson, box_around
from hmr_live_training.synthetic.labels import HIDDEN, OUTSIDE
from hmr_live_training.synthetic.shards import SyntheticShard, load_shard, shard_paths

_QUALITY: Final = (cv2.IMWRITE_JPEG_QUALITY, 95)
#: Common joints that SMPL lacks, from the landmarks measured on the mesh.
_FROM_LANDMARKS: Final = {
    joint: landmark for joint, landmark in LANDMARK_OF.items() if COMMON_NAMES[joint] not in SMPL
}


def read_synthetic(folder: Path | str, split: str) -> Iterator[LabelledPerson]:
    """The people of a split's shards; crops without a person are left out.

    Raises
    ------
    AssetError
        When there are no shards or one is damaged.
    """
    paths = shard_paths(Path(folder), split)
    if not paths:
        raise AssetError(f"There are no {split} shards in {folder}; write them first.")
    for path in paths:
        shard = load_shard(path)
        for number in np.flatnonzero(shard.labels["person"] > 0):
            yield _person(shard, int(number), split)


def _person(shard: SyntheticShard, number: int, split: str) -> LabelledPerson:
    labels = {name: values[number] for name, values in shard.labels.items()}
    flat = np.column_stack([labels["joints_2d"], labels["joint_visibility"]])
    marks = np.column_stack([labels["landmarks_2d"], labels["landmark_visibility"]])
    joints = to_common(flat, SMPL)
    joints[list(_FROM_LANDMARKS)] = marks[list(_FROM_LANDMARKS.values())]
    # From corner to corner to pixels whose middles are whole numbers.
    joints[:, :2] -= 0.5
    visibility = joints[:, 2].copy()
    joints[:, 2] = visibility != OUTSIDE
    unknown = np.ones(len(COMMON), np.bool_)
    unknown[[*range(len(SMPL)), *_FROM_LANDMARKS]] = False
    joints[unknown] = 0
    return LabelledPerson(
        picture=cv2.imencode(".jpg", shard.image(number), _QUALITY)[1].tobytes(),
        joints_2d=joints,
        occluded=(visibility == HIDDEN) & ~unknown,
        box=box_around(joints),
        data_set="synthetic",
        split=split,
        subject=str(int(labels["index"])),
        joints_3d=_in_crop(labels),
        pose=axis_angle_from_matrix(labels["rotmats"]).astype(np.float32),
        betas=labels["betas"].astype(np.float32),
        body="open_body",
    )


def _in_crop(labels: dict[str, Array]) -> Array:
    """Joints ``(K, 4)`` from the frame's camera to that of the turned crop."""
    turn = labels["rotmats"][0] @ labels["orient_frame"].T
    joints = labels["joints"] @ turn.T
    return to_common(np.column_stack([joints, np.ones(len(joints))]), SMPL)
