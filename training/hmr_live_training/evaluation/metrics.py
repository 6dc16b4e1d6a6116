"""The measures of human mesh recovery, each defined once; numpy only.

Values belong to one person (or one frame of a video); :mod:`.statistics` turns them into figures
with intervals.  Limb joints are the first twelve joints of LSP, in LSP's order
(:data:`.LSP_NAMES`): ankle, knee and hip of both legs, wrist, elbow and shoulder of both arms.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.landmarks import LSP_MIRROR

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_RIGHT_HIP, _LEFT_HIP, _LEFT_SHOULDER = 2, 3, 9
#: A torso shorter than this, in half crops, is too short to be a unit of length.
_MIN_TORSO: Final = 0.05


def torso_length(labels: Array) -> Array:
    """Distance from the left shoulder to the right hip, the unit of PCK.

    Parameters
    ----------
    labels
        ``(N, 14, >= 2)`` LSP joints, in any 2D coordinates.

    Returns
    -------
    ``(N,)`` in the same coordinates.
    """
    return np.asarray(
        np.linalg.norm(labels[:, _LEFT_SHOULDER, :2] - labels[:, _RIGHT_HIP, :2], axis=-1)
    )


def pck_hits(
    predicted: Array, labels: Array, threshold: float = 0.2, *, torso: Array | None = None
) -> tuple[Mask, Mask]:
    """Percentage of correct keypoints (PCK), joint by joint.

    A joint is correct when it lies nearer to its label than ``threshold`` torso lengths
    (:func:`torso_length`).  PCK12@0.2 is ``100 * hits.sum() / counted.sum()`` percent over the
    twelve limb joints and all photos.  Source: Yang & Ramanan, "Articulated human detection with
    flexible mixtures of parts", PAMI 2013; the torso as the unit follows Sapp & Taskar, "MODEC",
    CVPR 2013.

    Parameters
    ----------
    predicted
        ``(N, K, 2)`` the first K joints of LSP in [-1, 1] across the crop, x right, y down; NaN
        for a person who was not found.
    labels
        ``(N, 14, 3)`` LSP joints in the same coordinates, then a flag: labelled where > 0.
    threshold
        In torso lengths.
    torso
        ``(N,)`` torso lengths, where they are known although the two joints are not labelled.

    Returns
    -------
    hits, counted
        ``(N, K)`` each.  Joints without a label and photos without a measurable torso do not
        count.
    """
    count = predicted.shape[1]
    length = torso_length(labels) if torso is None else torso
    measurable = length > _MIN_TORSO
    if torso is None:
        measurable &= (labels[:, [_LEFT_SHOULDER, _RIGHT_HIP], 2] > 0).all(axis=1)
    distance = np.linalg.norm(predicted - labels[:, :count, :2], axis=-1)
    counted = (labels[:, :count, 2] > 0) & measurable[:, None]
    return np.asarray((distance < threshold * length[:, None]) & counted), np.asarray(counted)


def swapped(predicted: Array, labels: Array, *, torso: Array | None = None) -> tuple[Mask, Mask]:
    """Left-right swaps: people for whom exchanging the sides makes more joints correct.

    Joints, frame and unit are those of :func:`pck_hits` at 0.2 torso lengths, as are the
    parameters.  The figure is ``100 * swapped.sum() / judged.sum()`` percent.  Source: this
    project.

    Returns
    -------
    swapped, judged
        ``(N,)`` each; photos without a measurable torso are not judged.
    """
    count = predicted.shape[1]
    own, counted = pck_hits(predicted, labels, torso=torso)
    order = [k for k in LSP_MIRROR if k < count]
    other, _ = pck_hits(predicted[:, order], labels, torso=torso)
    judged = counted.any(axis=1)
    return np.asarray((other.sum(axis=1) > own.sum(axis=1)) & judged), np.asarray(judged)


def hip_centred(limbs: Array, points: Array | None = None) -> Array:
    """Points relative to the midpoint of the hips, the root of MPJPE.

    Parameters
    ----------
    limbs
        ``(N, 12, 3)`` limb joints.
    points
        ``(N, P, 3)`` what to move, in the same frame; the limbs themselves by default.
    """
    hips = limbs[:, [_RIGHT_HIP, _LEFT_HIP]].mean(axis=1, keepdims=True)
    return np.asarray((limbs if points is None else points) - hips)


def procrustes_aligned(predicted: Array, true: Array) -> Array:
    """Points after the similarity transform (scale, rotation, shift) that fits them best.

    The alignment of PA-MPJPE; mirror images are not allowed.  Source: Umeyama, "Least-squares
    estimation of transformation parameters between two point patterns", PAMI 1991.

    Parameters
    ----------
    predicted, true
        ``(N, K, 3)`` in the same unit.
    """
    centre_p, centre_t = predicted.mean(axis=1, keepdims=True), true.mean(axis=1, keepdims=True)
    p, t = predicted - centre_p, true - centre_t
    u, singular, vt = np.linalg.svd(np.swapaxes(p, 1, 2) @ t)
    sign = np.sign(np.linalg.det(u @ vt))
    singular[:, -1] *= sign
    u[:, :, -1] *= sign[:, None]
    scale = singular.sum(axis=1) / np.maximum((p**2).sum(axis=(1, 2)), 1e-12)
    return np.asarray(scale[:, None, None] * (p @ (u @ vt)) + centre_t)


def joint_distances(predicted: Array, true: Array) -> Array:
    """Distances between points ``(N, K, 3)`` in metres: ``(N, K)`` metres."""
    return np.asarray(np.linalg.norm(predicted - true, axis=-1))


def mpjpe(predicted: Array, true: Array) -> Array:
    """Mean per-joint position error (MPJPE) of each person, millimetres.

    Both are hip-centred (:func:`hip_centred`) limb joints in the camera frame of the crop; of
    vertices it is the per-vertex error (PVE).  Source: Ionescu et al., "Human3.6M", PAMI 2014.

    Parameters
    ----------
    predicted, true
        ``(N, K, 3)`` metres.

    Returns
    -------
    ``(N,)``.
    """
    return np.asarray(joint_distances(predicted, true).mean(axis=-1) * 1000)


def pa_mpjpe(predicted: Array, true: Array) -> Array:
    """MPJPE of each person after Procrustes alignment (:func:`procrustes_aligned`), millimetres.

    Also called reconstruction error; the frame does not matter.  Source: Kanazawa et al.,
    "End-to-end recovery of human shape and pose", CVPR 2018.

    Parameters
    ----------
    predicted, true
        ``(N, K, 3)`` metres, limb joints.

    Returns
    -------
    ``(N,)``.
    """
    return mpjpe(procrustes_aligned(predicted, true), true)


def outside_limits(rotmats: Array, limits: JointLimits) -> Mask:
    """Joints bent more than 10 degrees beyond the range of motion capture.

    The figure is the percentage over people and SMPL's joints 1 to 21; see :class:`.JointLimits`.
    Source: this project.

    Parameters
    ----------
    rotmats
        ``(N, 24, 3, 3)`` rotations relative to the parent joint.
    limits
        Range of each axis-angle component.

    Returns
    -------
    ``(N, 21)``.
    """
    return limits.outside(axis_angle_from_matrix(rotmats))


def accelerations(points: Array) -> Array:
    """Second differences of a sequence, ``(T, P, 3)`` metres -> ``(T - 2, P, 3)`` mm/frame^2."""
    return np.asarray((points[2:] - 2 * points[1:-1] + points[:-2]) * 1000)


def jitter(points: Array) -> Array:
    """Mean norm of the acceleration over joints, mm/frame^2.

    It contains the true motion too, so it only compares estimators on the same video.  Source:
    Kanazawa et al., "Learning 3D human dynamics from video", CVPR 2019.

    Parameters
    ----------
    points
        ``(T, P, 3)`` hip-centred joints in metres, camera frame.

    Returns
    -------
    ``(T - 2,)``.
    """
    return np.asarray(np.linalg.norm(accelerations(points), axis=-1).mean(axis=-1))


def acceleration_errors(predicted: Array, true: Array) -> Array:
    """Mean distance to the true acceleration over joints, mm/frame^2.

    Frame, joints and source are those of :func:`jitter`.

    Parameters
    ----------
    predicted, true
        ``(T, P, 3)`` metres.

    Returns
    -------
    ``(T - 2,)``.
    """
    difference = accelerations(predicted) - accelerations(true)
    return np.asarray(np.linalg.norm(difference, axis=-1).mean(axis=-1))


def intersection_over_union(first: Mask, second: Mask) -> float:
    """Intersection over union (IoU) of two masks of one shape, in [0, 1]; 0 when both are empty."""
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 0.0
