"""The camera of a crop (Kanazawa et al. 2018, section 3.1), with its perspective where known.

The regressor's camera is (s, tx, ty) in either case; :mod:`hmr_live.recovery.crop_camera` says
what it means.  Perspective is given as the inverse ``1 / F`` of the crop's focal length in halves
of the crop: 0 is weak perspective.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: A point nearer to the camera than this share of the body's distance counts as so near.
_NEAREST: Final = 0.2


def relative_depth(points: Tensor, camera: Tensor, perspective: Tensor | None) -> Tensor:
    """Depth of points over that of the body's origin, ``(N, K, 1)``.

    Parameters
    ----------
    points
        ``(N, K, 3)`` metres in the crop's camera frame, global rotation included.
    camera
        ``(N, 3)`` as (s, tx, ty).
    perspective
        ``(N, 1)`` inverse focal lengths; None for weak perspective.
    """
    if perspective is None:
        return torch.ones_like(points[..., :1])
    depth = 1 + (camera[:, :1] * perspective)[:, None] * points[..., 2:]
    return depth.clamp_min(_NEAREST)


def project(points: Tensor, camera: Tensor, perspective: Tensor | None = None) -> Tensor:
    """``x = s (X_xy + t) / (1 + s X_z / F)``.

    Parameters
    ----------
    points, camera, perspective
        See :func:`relative_depth`.

    Returns
    -------
    ``(N, K, 2)`` in [-1, 1] across the crop, x right, y down.
    """
    near = camera[:, None, :1] * (points[..., :2] + camera[:, None, 1:])
    if perspective is None:
        return near
    return near / relative_depth(points, camera, perspective)
