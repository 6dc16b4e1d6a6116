"""Figures that say how good recovered bodies are; numpy, no torch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.landmarks import LSP_MIRROR

Array = NDArray[np.floating[Any]]

_RIGHT_HIP, _LEFT_SHOULDER = 2, 9
#: A torso shorter than this share of the crop half is no measure of anything.
_MIN_TORSO: Final = 0.05


def pck_hits(
    predicted: Array, labels: Array, threshold: float = 0.2
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Percentage of correct keypoints, joint by joint.

    Parameters
    ----------
    predicted
        ``(N, K, 2)``, the first K of LSP's joints.
    labels
        ``(N, 14, 3)`` with visible flags.
    threshold
        Share of the torso, |left shoulder - right hip|.

    Returns
    -------
    hits, counted
        ``(N, K)`` each; PCK is ``hits.sum() / counted.sum()``.  Photos without a measurable torso
        do not count.
    """
    count = predicted.shape[1]
    torso = np.linalg.norm(labels[:, _LEFT_SHOULDER, :2] - labels[:, _RIGHT_HIP, :2], axis=-1)
    measurable = (labels[:, [_LEFT_SHOULDER, _RIGHT_HIP], 2] > 0).all(axis=1) & (torso > _MIN_TORSO)
    distance = np.linalg.norm(predicted - labels[:, :count, :2], axis=-1)
    counted = (labels[:, :count, 2] > 0) & measurable[:, None]
    return (distance < threshold * torso[:, None]) & counted, counted


def swapped_share(predicted: Array, labels: Array) -> float:
    """Share of photos on which exchanging left and right would put more limb joints right."""
    count = predicted.shape[1]
    own, counted = pck_hits(predicted, labels)
    order = [k for k in LSP_MIRROR if k < count]
    other, _ = pck_hits(predicted[:, order], labels)
    judged = counted.any(axis=1)
    return float((other.sum(axis=1) > own.sum(axis=1))[judged].mean())


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


def bootstrap_interval(
    hits: NDArray[np.bool_], counted: NDArray[np.bool_], rounds: int = 1000
) -> tuple[float, float]:
    """95 % interval of ``hits / counted`` in percent, photos drawn with replacement."""
    rng = np.random.default_rng(0)
    per_photo = np.stack([hits.sum(axis=1), counted.sum(axis=1)], axis=1)
    draws = rng.integers(0, len(hits), (rounds, len(hits)))
    totals = per_photo[draws].sum(axis=1)
    low, high = np.percentile(100 * totals[:, 0] / np.maximum(totals[:, 1], 1), [2.5, 97.5])
    return float(low), float(high)
