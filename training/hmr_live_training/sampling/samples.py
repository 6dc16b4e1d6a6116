"""The one sample type of training, and how labels get from a picture into a crop of it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmr_live.body.skeleton import MIRROR, NUM_JOINTS
from hmr_live.core.errors import AssetError
from hmr_live_training.data.crops import CROP_SIZE, apply_matrix, rotate_to_crop
from hmr_live_training.data.lspet import Photos
from hmr_live_training.data.teacher import TeacherLabels, teacher_confidence
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, LANDMARK_MIRROR, LSP_MIRROR, NUM_BLAZEPOSE
from hmr_live_training.sampling.features import FeatureRound

Array = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

_POINT_MIRROR = LANDMARK_MIRROR[:NUM_BLAZEPOSE]
#: Inverse focal length of crops whose camera is unknown: a person seven metres away.
USUAL_PERSPECTIVE: Final = 0.18
_FLIP = np.array([-1.0, 1.0, 1.0])


class Labels(NamedTuple):
    """What is known about N people in their pictures; what is not known has weight 0.

    Attributes
    ----------
    lsp
        ``(N, 14, 3)`` joints of :data:`.LSP_NAMES`: picture pixels, weight.
    points
        ``(N, 27, 3)`` the body's BlazePose landmarks: picture pixels, weight.
    world
        ``(N, 27, 4)`` the same in metres, camera frame, relative to the hips' middle; weight.
    visible
        ``(N, 27, 3)`` probability that the landmark is not hidden, of being inside the picture that
        was taken; weight.
    rotmats
        ``(N, 24, 3, 3)`` SMPL rotations, joint 0 into the picture's camera frame.
    betas
        ``(N, 10)``.
    body
        ``(N, 2)`` weights of rotations and betas.
    person
        ``(N,)`` 1 where somebody is, 0 where nobody is.
    focal
        ``(N,)`` focal length of the picture's camera in its pixels, whose axis is the picture's
        middle; 0 where it is not known.
    """

    lsp: Array
    points: Array
    world: Array
    visible: Array
    rotmats: Array
    betas: Array
    body: Array
    person: Array
    focal: Array

    def at(self, index: NDArray[np.integer[Any]]) -> Labels:
        """The chosen people."""
        return Labels(*(part[index] for part in self))


class Samples(NamedTuple):
    """N crops with labels; a missing label has weight 0.

    Attributes
    ----------
    inputs
        The backbone's output in front of its first trained layer, as the run needs it:
        features ``(N, D)``, 8 x 8 maps ``(N, C, 8, 8)`` or the stem's maps as one array
        ``(N, D)``, any floating type; or the crops as they are ``(N, 256, 256, 3)`` BGR uint8.
    lsp, points
        ``(N, 14, 3)`` and ``(N, 27, 3)``: x, y in [-1, 1] across the crop, weight.
    world
        ``(N, 27, 4)`` metres in the crop's camera frame relative to the hips' middle, weight.
    visible
        ``(N, 27, 3)`` probability of being not hidden, of being inside the frame, weight.
    rotmats, betas, body
        ``(N, 24, 3, 3)``, ``(N, 10)`` and their weights ``(N, 2)``.
    person
        ``(N,)``.
    perspective
        ``(N, 1)`` inverse focal length in halves of the crop.
    """

    inputs: Tensor
    lsp: Tensor
    points: Tensor
    world: Tensor
    visible: Tensor
    rotmats: Tensor
    betas: Tensor
    body: Tensor
    person: Tensor
    perspective: Tensor

    def at(self, index: Tensor) -> Samples:
        """The chosen samples, in float32."""
        return Samples(*(part[index].float() for part in self))

    def to(self, device: torch.device) -> Samples:
        """The same on a device; copies from page-locked memory do not wait."""
        return Samples(*(part.to(device, non_blocking=True) for part in self))


def nobody(count: int) -> Labels:
    """Labels of ``count`` pictures without people."""
    rotmats = np.broadcast_to(np.eye(3), (count, NUM_JOINTS, 3, 3))
    return Labels(
        lsp=np.zeros((count, 14, 3)),
        points=np.zeros((count, NUM_BLAZEPOSE, 3)),
        world=np.zeros((count, NUM_BLAZEPOSE, 4)),
        visible=np.zeros((count, NUM_BLAZEPOSE, 3)),
        rotmats=rotmats,
        betas=np.zeros((count, 10)),
        body=np.zeros((count, 2)),
        person=np.zeros(count),
        focal=np.zeros(count),
    )


def photo_labels(photos: Photos, teacher: TeacherLabels) -> Labels:
    """Labels of photos: their own joints, and the teacher's points as far as they can be believed.

    Raises
    ------
    AssetError
        When labels and photos do not belong together.
    """
    if len(teacher.flag) != len(photos):
        raise AssetError("Labels and photos are of different splits; prepare them again.")
    chosen = list(BLAZEPOSE_POINTS)
    believed, visible = (
        teacher_confidence(teacher, photos.keypoints)[:, chosen],
        teacher.visibility[:, chosen],
    )
    return nobody(len(photos))._replace(
        lsp=photos.keypoints.astype(np.float64),
        points=np.dstack([teacher.points[:, chosen], believed * visible]),
        world=np.dstack([teacher.world[:, chosen], believed * (0.4 + 0.6 * visible)]),
        visible=np.dstack([visible, np.ones_like(visible), believed]),
        person=np.ones(len(photos)),
    )


def inverse_focal(focal: Array, matrix: Array) -> Array:
    """Inverse focal lengths ``(N,)`` in halves of the crop.

    Parameters
    ----------
    focal
        ``(N,)`` focal lengths in picture pixels.  Where they are 0, a crop of a picture that does
        not say what took it, :data:`USUAL_PERSPECTIVE` stands for them.
    matrix
        ``(N, 2, 3)`` picture -> crop pixels.
    """
    scale = np.sqrt(np.abs(np.linalg.det(matrix[:, :, :2])))
    known = (CROP_SIZE / 2) / np.maximum(focal * scale, 1e-6)
    return np.where(focal > 0, known, USUAL_PERSPECTIVE)


def place(
    labels: Labels, inputs: Tensor, matrix: Array, visible: Array, outside_weight: float = 1.0
) -> Samples:
    """Labels of crops.

    Parameters
    ----------
    labels
        Of N people, in their pictures.
    inputs
        ``(N, ...)`` what the backbone makes of the crops.
    matrix
        ``(N, 2, 3)`` picture -> crop pixels; negative determinant = mirrored.
    visible
        ``(N, 4)`` left, top, right, bottom of the camera frame in crop pixels.
    outside_weight
        Factor for points beyond the imagined camera frame: they can only be guessed.
    """
    matrix = matrix.astype(np.float64)
    mirrored = np.linalg.det(matrix[:, :, :2]) < 0
    lsp, points = (_crop_points(matrix, part[..., :2]) for part in (labels.lsp, labels.points))
    lsp_inside, points_inside = (_inside(part, visible) for part in (lsp, points))
    lsp_weight = labels.lsp[..., 2] * np.where(lsp_inside, 1.0, outside_weight)
    frame = np.where(points_inside, 1.0, outside_weight)
    world = rotate_to_crop(matrix, labels.world[..., :3].astype(np.float64))
    # A crop goes on beyond the picture, whose edge it repeats: nobody is seen there.
    in_crop = (np.abs(points) < 1).all(axis=-1) & points_inside & (labels.visible[..., 1] > 0)
    seen = np.dstack([labels.visible[..., 0] * in_crop, in_crop, labels.visible[..., 2]])
    parts = (
        _swapped(np.dstack([lsp, lsp_weight]), LSP_MIRROR, mirrored),
        _swapped(np.dstack([points, labels.points[..., 2] * frame]), _POINT_MIRROR, mirrored),
        _swapped(np.dstack([world, labels.world[..., 3] * frame]), _POINT_MIRROR, mirrored),
        _swapped(seen, _POINT_MIRROR, mirrored),
        turned_rotations(labels.rotmats, matrix),
        labels.betas,
        labels.body,
        labels.person,
        inverse_focal(labels.focal, matrix)[:, None],
    )
    return Samples(inputs, *(torch.from_numpy(part.astype(np.float32)) for part in parts))


def turned_rotations(rotmats: Array, matrix: Array) -> Array:
    """Rotations ``(N, 24, 3, 3)`` of people whose pictures are turned and mirrored.

    Mirroring exchanges left and right and conjugates every rotation with the reflection of x; the
    body frame's x points to the left as the camera's does to the right, so joint 0 follows the
    same rule.
    """
    linear = matrix[:, :, :2].astype(np.float64)
    determinant = np.linalg.det(linear)
    reflected = np.where(
        (determinant < 0)[:, None, None, None],
        rotmats[:, list(MIRROR)] * (_FLIP[:, None] * _FLIP),
        rotmats,
    )
    # What is left of the matrix once the reflection is taken out turns about the view axis.
    unit = linear / np.sqrt(np.abs(determinant))[:, None, None]
    unit[determinant < 0] = unit[determinant < 0] @ np.diag([-1.0, 1.0])
    turn = np.broadcast_to(np.eye(3), (len(matrix), 3, 3)).copy()
    turn[:, :2, :2] = unit
    return np.concatenate([(turn @ reflected[:, 0])[:, None], reflected[:, 1:]], axis=1)


def make_samples(
    labels: Labels, crops: FeatureRound, *, maps: bool = False, outside_weight: float = 1.0
) -> Samples:
    """Stored crops with their labels.

    Parameters
    ----------
    labels
        Of one split, photo by photo.
    crops
        Stored features; ``crops.photo`` says which photo each belongs to.
    maps
        Take the 8 x 8 maps instead of the features.
    outside_weight
        See :func:`place`.

    Raises
    ------
    AssetError
        When labels and crops do not belong together.
    """
    if crops.photo.max(initial=0) >= len(labels.person):
        raise AssetError("Features and labels are of different splits; prepare them again.")
    stored = crops.feature_map if maps else crops.features
    if stored is None:
        raise AssetError("The features were stored without 8 x 8 maps; prepare them again.")
    chosen = labels.at(crops.photo)
    return place(chosen, torch.from_numpy(stored), crops.matrix, crops.visible, outside_weight)


def _crop_points(matrix: Array, points: Array) -> Array:
    return apply_matrix(matrix, points.astype(np.float64)) * (2 / CROP_SIZE) - 1


def _inside(points: Array, visible: Array) -> Flags:
    """Whether points are in the camera frame; a frame that fills the crop goes on beyond it."""
    pixels = (points + 1) * (CROP_SIZE / 2)
    low, high = visible[:, None, :2], visible[:, None, 2:]
    inside = ((pixels >= low) & (pixels <= high)).all(axis=-1)
    whole = (visible == np.array([0, 0, CROP_SIZE, CROP_SIZE])).all(axis=1)
    return np.asarray(inside | whole[:, None])


def _swapped(labels: Array, mirror: tuple[int, ...], mirrored: Flags) -> Array:
    """Exchange left and right in mirrored crops."""
    return np.where(mirrored[:, None, None], labels[:, list(mirror)], labels)


def join_samples(parts: list[Samples]) -> Samples:
    """Several sets as one."""
    return Samples(*(torch.cat(column) for column in zip(*parts, strict=True)))
