"""The parameters of a fit: pose, shape and a weak-perspective camera in photo pixels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Bodies(NamedTuple):
    """N fitted bodies.

    Attributes
    ----------
    pose
        ``(N, 24, 6)`` relative rotations in 6-D; joint 0 turns the body into the camera frame.
    betas
        ``(N, 10)``.
    camera
        ``(N, 3)`` as (scale, u, v): photo pixels per metre, and the pixel of the pelvis.
    """

    pose: Tensor
    betas: Tensor
    camera: Tensor

    def at(self, index: Tensor | slice) -> Bodies:
        """Some of the bodies."""
        return Bodies(*(part[index] for part in self))


def join_bodies(parts: list[Bodies]) -> Bodies:
    """Several batches as one."""
    return Bodies(*(torch.cat(column) for column in zip(*parts, strict=True)))


def to_photo(points: Tensor, pelvis: Tensor, camera: Tensor) -> Tensor:
    """Weak-perspective projection into photo pixels.

    Parameters
    ----------
    points
        ``(N, K, 3)`` metres, camera frame.
    pelvis
        ``(N, 3)`` the body's first joint in the same frame.
    camera
        ``(N, 3)`` as in :class:`Bodies`.
    """
    return camera[:, None, :1] * (points - pelvis[:, None])[..., :2] + camera[:, None, 1:]


def fit_camera(points: Tensor, pelvis: Tensor, labels: Tensor) -> Tensor:
    """Least-squares camera ``(N, 3)`` that brings points ``(N, K, 3)`` onto labels ``(N, K, 3)``.

    The scale is at least a fifth of the one that gives both the same extent, because a body in a
    wrong pose would otherwise shrink to a point.
    """
    weight = labels[..., 2:]
    total = weight.sum(dim=1).clamp_min(1e-6)
    flat = (points - pelvis[:, None])[..., :2]
    middle = (flat * weight).sum(dim=1) / total
    centre = (labels[..., :2] * weight).sum(dim=1) / total
    own, seen = flat - middle[:, None], labels[..., :2] - centre[:, None]
    size = (weight * own**2).sum(dim=(1, 2)).clamp_min(1e-6)
    extent = ((weight * seen**2).sum(dim=(1, 2)) / size).sqrt()
    scale = torch.maximum((weight * own * seen).sum(dim=(1, 2)) / size, 0.2 * extent)
    return torch.cat([scale[:, None], centre - scale[:, None] * middle], dim=1)
