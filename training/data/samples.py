"""The one sample type of training: stored features with every label in crop coordinates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import AssetError
from training.data.crops import CROP_SIZE, apply_matrix, rotate_to_crop
from training.data.features import FeatureRound
from training.data.lspet import Photos
from training.data.teacher import TeacherLabels, trust
from training.landmarks import BLAZEPOSE_MIRROR, BLAZEPOSE_POINTS, LSP_MIRROR

Array = NDArray[np.floating[Any]]


class Samples(NamedTuple):
    """N crops with labels; a missing label has weight 0.

    Attributes
    ----------
    emb
        ``(N, D)`` float16, of the published trunk.
    maps
        ``(N, C, 8, 8)`` float16 in front of its late layers; ``(N, 0)`` when not needed.
    lsp
        ``(N, 14, 3)`` the photo's joints: x, y in [-1, 1] across the crop, weight.
    points
        ``(N, 27, 3)`` the teacher's points: x, y, weight.
    world
        ``(N, 27, 4)`` the teacher's 3D points: metres relative to the hips' middle, weight.
    """

    emb: Tensor
    maps: Tensor
    lsp: Tensor
    points: Tensor
    world: Tensor

    def at(self, index: Tensor) -> Samples:
        """The chosen samples, in float32."""
        return Samples(*(part[index].float() for part in self))


def make_samples(
    photos: Photos,
    teacher: TeacherLabels,
    crops: FeatureRound,
    *,
    maps: bool = False,
    outside_weight: float = 1.0,
) -> Samples:
    """Bring labels from photo to crop coordinates.

    Parameters
    ----------
    photos, teacher
        Labels of one split, photo by photo.
    crops
        Stored features; ``crops.photo`` says which photo each belongs to.
    maps
        Take the 8 x 8 maps too.
    outside_weight
        Factor for points beyond the imagined camera frame: they can only be guessed.

    Raises
    ------
    AssetError
        When labels and photos do not belong together.
    """
    if len(teacher.flag) != len(photos) or crops.photo.max(initial=0) >= len(photos):
        raise AssetError("Features, labels and photos are of different splits; prepare them again.")
    matrix = crops.matrix.astype(np.float64)
    mirrored = np.linalg.det(matrix[:, :, :2]) < 0
    believed = trust(teacher, photos.keypoints)[crops.photo]
    visibility = teacher.visibility[crops.photo]
    lsp = _crop_points(matrix, photos.keypoints[crops.photo, :, :2])
    points = _crop_points(matrix, teacher.points[crops.photo])
    world = rotate_to_crop(matrix, teacher.world[crops.photo].astype(np.float64))
    lsp_weight = photos.keypoints[crops.photo, :, 2] * _inside(lsp, crops.visible, outside_weight)
    frame_weight = _inside(points, crops.visible, outside_weight)
    point_weight = believed * visibility * frame_weight
    world_weight = believed * (0.4 + 0.6 * visibility) * frame_weight
    chosen = list(BLAZEPOSE_POINTS)
    blazepose = (np.dstack([points, point_weight]), np.dstack([world, world_weight]))
    stored = crops.features if maps else np.zeros((len(crops.emb), 0), np.float16)
    if stored is None:
        raise AssetError("The features were stored without 8 x 8 maps; prepare them again.")
    return Samples(
        torch.from_numpy(crops.emb),
        torch.from_numpy(stored),
        _swapped(np.dstack([lsp, lsp_weight]), LSP_MIRROR, mirrored),
        *(_swapped(part, BLAZEPOSE_MIRROR, mirrored)[:, chosen] for part in blazepose),
    )


def _crop_points(matrix: Array, points: Array) -> Array:
    return apply_matrix(matrix, points.astype(np.float64)) * (2 / CROP_SIZE) - 1


def _inside(points: Array, visible: Array, outside_weight: float) -> Array:
    pixels = (points + 1) * (CROP_SIZE / 2)
    low, high = visible[:, None, :2], visible[:, None, 2:]
    inside = ((pixels >= low) & (pixels <= high)).all(axis=-1)
    whole = (visible == np.array([0, 0, CROP_SIZE, CROP_SIZE])).all(axis=1)
    return np.where(inside | whole[:, None], 1.0, outside_weight)


def _swapped(labels: Array, mirror: tuple[int, ...], mirrored: NDArray[np.bool_]) -> Tensor:
    """Exchange left and right in mirrored crops."""
    labels = np.where(mirrored[:, None, None], labels[:, list(mirror)], labels)
    return torch.from_numpy(labels.astype(np.float32))


def join_samples(parts: list[Samples]) -> Samples:
    """Several sets as one."""
    return Samples(*(torch.cat(column) for column in zip(*parts, strict=True)))
