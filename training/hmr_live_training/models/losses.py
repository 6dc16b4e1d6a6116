"""Supervised losses on the last Theta (Kanazawa et al. 2018, section 3.2).

Each is a weighted mean over the points that count: a batch with few labels does not weigh less
than one with many, and a batch with none gives zero.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from hmr_live_training.landmarks import HIPS, LSP_LIMBS_IN_LANDMARKS
from hmr_live_training.models.rotations import axis_angle_from_matrix

_EPSILON = 1e-6
#: Share of the torso within which a joint counts as found, as in PCK@0.2.
NEAR: Final = 0.2
_RIGHT_HIP, _LEFT_SHOULDER = LSP_LIMBS_IN_LANDMARKS[2], LSP_LIMBS_IN_LANDMARKS[9]
#: Crop halves.
_AGREEMENT = 0.12
#: Root mean square of a rotation matrix' change by about 4 degrees.
_ROUNDED: Final = 0.03


def weighted_l1(difference: Tensor, weight: Tensor, saturation: float | None = None) -> Tensor:
    """Mean absolute difference a coordinate.

    Parameters
    ----------
    difference
        ``(N, K, C)``.
    weight
        ``(N, K)``.
    saturation
        A point that is so far away, in the difference's unit, pulls a quarter as much as one that
        is near.
    """
    distance = difference.abs().mean(-1)
    if saturation is not None:
        distance = distance / (1 + distance / saturation)
    return weighted_mean(distance, weight)


def reprojection_loss(projected: Tensor, labels: Tensor, saturation: float | None = None) -> Tensor:
    """``sum v_i |x_i - x^_i|_1``: points ``(N, K, 2)``, labels ``(N, K, 3)`` as x, y, weight.

    For ``saturation`` see :func:`weighted_l1`; the paper has none.
    """
    return weighted_l1(projected - labels[..., :2], labels[..., 2], saturation)


def backbone_agreement(points: Tensor, labels: Tensor, least: float = 0.0) -> Tensor:
    """How well the backbone's limbs agree with the labels, ``(N, 1)`` in [0, 1].

    Limbs are ``(N, 12, 2)``, labels ``(N, 12, 3)``.  A Gaussian of the mean distance with sigma 15
    pixels of the crop, at least ``least``; 0 without labels.
    """
    weight = labels[..., 2]
    distance = ((points - labels[..., :2]).norm(dim=-1) * weight).sum(dim=1)
    mean = distance / weight.sum(dim=1).clamp_min(_EPSILON)
    agreement = torch.exp(-((mean / _AGREEMENT) ** 2)).clamp_min(least)
    agreement = agreement * (weight.sum(dim=1) > 0)
    return agreement[:, None]


def hip_centred(landmarks: Tensor) -> Tensor:
    """Landmarks ``(N, K, 3)`` relative to the middle of the two hips among them."""
    return landmarks - landmarks[:, list(HIPS)].mean(dim=1, keepdim=True)


def world_loss(landmarks: Tensor, labels: Tensor) -> Tensor:
    """L1 between hip-centred landmarks ``(N, K, 3)`` and labels ``(N, K, 4)``: x, y, z, weight."""
    return weighted_l1(hip_centred(landmarks) - labels[..., :3], labels[..., 3])


def rotation_loss(predicted: Tensor, true: Tensor, *, median: bool = False) -> Tensor:
    """Mean squared difference of rotation matrices ``(N, 24, 3, 3)``, ``(N,)``.

    The root counts four-fold: it turns the whole body, so an error there costs more than one in a
    wrist.  With ``median`` it is not squared: linear beyond a few degrees.
    """
    squared = ((predicted - true) ** 2).mean(dim=(2, 3))
    if median:
        squared = _ROUNDED * (torch.sqrt(1 + squared / _ROUNDED**2) - 1)
    return (squared[:, 1:].sum(dim=1) + 4 * squared[:, 0]) / (squared.shape[1] + 3)


def joint_limit_loss(rotmats: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Radians by which axis-angle components leave ``[low, high]``, summed, mean over bodies.

    Parameters
    ----------
    rotmats
        ``(N, 24, 3, 3)``; joints 1 to 21 are judged.
    low, high
        ``(21, 3)`` radians.
    """
    axis_angle = axis_angle_from_matrix(rotmats[:, 1:22])
    beyond = (low - axis_angle).clamp_min(0) + (axis_angle - high).clamp_min(0)
    return beyond.sum(dim=(1, 2)).mean()


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of values by weight, of one shape; 0 when nothing counts."""
    return (values * weight).sum() / weight.sum().clamp_min(_EPSILON)


def weighted_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Binary cross entropy of logits of any shape, averaged by weight."""
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return weighted_mean(each, weight)


def confidence_targets(
    points: Tensor, labels: Tensor, visible: Tensor, person: Tensor
) -> tuple[Tensor, Tensor]:
    """Targets of the confidence head and their weights, ``(N, 27)`` each.

    A landmark counts as found when it lies within :data:`NEAR` torso lengths of its label; one
    that is outside the picture never is, nor is any where nobody is.

    Parameters
    ----------
    points
        ``(N, 27, 2)`` of the body.
    labels
        ``(N, 27, 3)`` x, y, weight; their torso, left shoulder to right hip, is the measure, the
        body's where they have none.
    visible
        ``(N, 27, 3)`` see :class:`hmr_live_training.sampling.samples.Samples`.
    person
        ``(N,)``.
    """
    ends = [_LEFT_SHOULDER, _RIGHT_HIP]
    labelled = (labels[:, ends, 2] > 0).all(dim=1)[:, None, None]
    shoulder, hip = torch.where(labelled, labels[:, ends, :2], points[:, ends]).unbind(dim=1)
    torso = (shoulder - hip).norm(dim=-1, keepdim=True)
    distance = (points - labels[..., :2]).norm(dim=-1)
    near = (distance < NEAR * torso).float()
    somebody = person[:, None]
    inside = visible[..., 1] * somebody
    # A label that is hardly believed says little about the body.
    known = torch.where(inside > 0, labels[..., 2], visible[..., 2] * somebody)
    return near * inside, torch.where(somebody > 0, known, torch.ones_like(known))
