"""What is measured on one recovered person or one stretch of film; numpy, no torch.

:mod:`hmr_live_training.evaluation.statistics` turns these into figures with intervals.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.evaluation import statistics
from hmr_live_training.landmarks import LSP_MIRROR

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_RIGHT_HIP, _LEFT_HIP, _LEFT_SHOULDER = 2, 3, 9
#: A torso shorter than this share of the crop half is no measure of anything.
_MIN_TORSO: Final = 0.05


def torso_length(labels: Array) -> Array:
    """|left shoulder - right hip| of LSP joints ``(N, 14, >= 2)``: ``(N,)``, the unit of PCK."""
    return np.asarray(
        np.linalg.norm(labels[:, _LEFT_SHOULDER, :2] - labels[:, _RIGHT_HIP, :2], axis=-1)
    )


def pck_hits(
    predicted: Array, labels: Array, threshold: float = 0.2, *, torso: Array | None = None
) -> tuple[Mask, Mask]:
    """Percentage of correct keypoints, joint by joint.

    Parameters
    ----------
    predicted
        ``(N, K, 2)``, the first K of LSP's joints; NaN for a person who was not found.
    labels
        ``(N, 14, 3)`` with visible flags.
    threshold
        Share of the torso, |left shoulder - right hip|.
    torso
        ``(N,)`` its length where it is known although these two joints are not labelled.

    Returns
    -------
    hits, counted
        ``(N, K)`` each; PCK is ``hits.sum() / counted.sum()``.  Photos without a measurable torso
        do not count.
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
    """Photos on which exchanging left and right would put more limb joints right.

    Parameters and conditions are those of :func:`pck_hits`.

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


def swapped_share(predicted: Array, labels: Array) -> float:
    """Share of photos on which exchanging left and right would put more limb joints right."""
    exchanged, judged = swapped(predicted, labels)
    return float(exchanged[judged].mean())


def hip_centred(limbs: Array, points: Array | None = None) -> Array:
    """Points ``(N, P, 3)`` (the limbs themselves by default) seen from the middle of the hips.

    ``limbs`` ``(N, 12, 3)`` are in LSP's order.
    """
    hips = limbs[:, [_RIGHT_HIP, _LEFT_HIP]].mean(axis=1, keepdims=True)
    return np.asarray((limbs if points is None else points) - hips)


def procrustes_aligned(predicted: Array, true: Array) -> Array:
    """Predicted points ``(N, K, 3)`` after the best similarity transform onto the true ones."""
    centre_p, centre_t = predicted.mean(axis=1, keepdims=True), true.mean(axis=1, keepdims=True)
    p, t = predicted - centre_p, true - centre_t
    u, singular, vt = np.linalg.svd(np.swapaxes(p, 1, 2) @ t)
    sign = np.sign(np.linalg.det(u @ vt))
    singular[:, -1] *= sign
    u[:, :, -1] *= sign[:, None]
    scale = singular.sum(axis=1) / np.maximum((p**2).sum(axis=(1, 2)), 1e-12)
    return np.asarray(scale[:, None, None] * (p @ (u @ vt)) + centre_t)


def mpjpe(predicted: Array, true: Array, counted: NDArray[np.bool_]) -> float:
    """Mean distance of those points ``(N, K, 3)`` that count ``(N, K)``, millimetres."""
    distance = np.linalg.norm(predicted - true, axis=-1)
    return float(distance[counted].mean() * 1000)


def point_errors(predicted: Array, true: Array) -> Array:
    """Mean distance of each person's points ``(N, P, 3)`` in metres: ``(N,)`` millimetres.

    MPJPE on hip-centred joints, PA-MPJPE on aligned ones, PVE on vertices.
    """
    return np.asarray(np.linalg.norm(predicted - true, axis=-1).mean(axis=-1) * 1000)


def accelerations(points: Array) -> Array:
    """Second differences of points ``(T, P, 3)`` in metres: ``(T - 2, P, 3)`` mm/frame^2."""
    return np.asarray((points[2:] - 2 * points[1:-1] + points[:-2]) * 1000)


def jitter(points: Array) -> Array:
    """Mean norm of the acceleration, ``(T, P, 3)`` metres -> ``(T - 2,)`` mm/frame^2.

    It holds the true movement too, so it compares estimators on the same film only.
    """
    return np.asarray(np.linalg.norm(accelerations(points), axis=-1).mean(axis=-1))


def acceleration_errors(predicted: Array, true: Array) -> Array:
    """Mean distance from the true acceleration, ``(T, P, 3)`` metres -> ``(T - 2,)`` mm/frame^2."""
    difference = accelerations(predicted) - accelerations(true)
    return np.asarray(np.linalg.norm(difference, axis=-1).mean(axis=-1))


def intersection_over_union(first: Mask, second: Mask) -> float:
    """IoU of two masks of one shape; 0 when both are empty."""
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 0.0


def bootstrap_interval(hits: Mask, counted: Mask) -> tuple[float, float]:
    """95 % interval of ``hits / counted`` in percent, photos drawn with replacement."""
    figure = statistics.percent(hits, counted)
    return (0.0, 0.0) if figure is None else (figure.low, figure.high)
