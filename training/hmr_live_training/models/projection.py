"""Weak-perspective projection (Kanazawa et al. 2018, section 3.1)."""

from __future__ import annotations

from torch import Tensor


def project(points: Tensor, camera: Tensor) -> Tensor:
    """``x = s (X_xy + t)``.

    Parameters
    ----------
    points
        ``(N, K, 3)`` metres in the crop's camera frame, global rotation included.
    camera
        ``(N, 3)`` as (s, tx, ty).

    Returns
    -------
    ``(N, K, 2)`` in [-1, 1] across the crop, x right, y down.
    """
    return camera[:, None, :1] * (points[..., :2] + camera[:, None, 1:])
