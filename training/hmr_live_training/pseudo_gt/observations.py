"""The observations that people are fitted to: joints of the photos, points of the teacher."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import Photos
from hmr_live_training.data.teacher import TeacherLabels, teacher_confidence
from hmr_live_training.landmarks import BLAZEPOSE_POINTS

Array = NDArray[np.floating[Any]]


class Observations(NamedTuple):
    """Observations of N people.

    Attributes
    ----------
    labels
        ``(N, 14, 3)`` the photo's own joints: x, y in photo pixels, weight.
    points
        ``(N, 27, 3)`` the teacher's points: x, y in photo pixels, weight.
    world
        ``(N, 27, 4)`` the teacher's 3D points: metres in the photo's camera frame, relative to
        the hips' middle; weight.
    """

    labels: Tensor
    points: Tensor
    world: Tensor

    def at(self, index: Tensor | slice) -> Observations:
        """Some of the people."""
        return Observations(*(part[index] for part in self))


def observe(photos: Photos, teacher: TeacherLabels) -> Observations:
    """Collect the observations of a split, photo by photo.

    Raises
    ------
    AssetError
        When the teacher's labels are of another split.
    """
    if len(teacher.flag) != len(photos):
        raise AssetError(
            f"The teacher labelled {len(teacher.flag)} photos, but the {photos.split} split has "
            f"{len(photos)}; run hmr_live_training.sampling.prepare teacher again."
        )
    chosen = list(BLAZEPOSE_POINTS)
    confidence = teacher_confidence(teacher, photos.keypoints)[:, chosen]
    visibility = teacher.visibility[:, chosen]
    points = np.dstack([teacher.points[:, chosen], confidence * visibility])
    world = np.dstack([teacher.world[:, chosen], confidence * (0.4 + 0.6 * visibility)])
    parts = (photos.keypoints, points, world)
    return Observations(*(torch.from_numpy(part.astype(np.float32)) for part in parts))
