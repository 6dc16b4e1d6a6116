"""Confidence in a fit, and which fits are kept.

A fit is judged by the terms of its energy: the joints of the photo, the joint limits, the prior,
the teacher's 3D points.  A fit that agrees in the image can still be wrong in depth, so its weight
is lower without 3D evidence, and zero where labels and teacher disagree about left and right.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from hmr_live.body.skeleton import JOINT_NAMES, NUM_JOINTS
from hmr_live_training.landmarks import (
    BODY_LANDMARKS,
    LIMBS,
    LSP_LIMBS,
    LSP_LIMBS_IN_LANDMARKS,
    LSP_MIRROR,
    NUM_BLAZEPOSE,
)
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.pseudo_gt.bodies import Bodies
from hmr_live_training.pseudo_gt.energy import FitEnergy, PosedBodies, teacher_scale
from hmr_live_training.pseudo_gt.observations import Observations

#: Fewer labelled limb joints than this do not determine a pose.
_LEAST_LABELS: Final = 8
#: Torsos: a joint nearer to its label than this is right (PCK@0.2) ...
_RIGHT: Final = 0.2
#: ... and so many of the labelled joints have to be.
_SHARE: Final = 0.8
#: Torsos, mean distance to the photo's own joints.
_RESIDUAL: Final = 0.16
#: Radians, summed over joints.
_BEYOND: Final = 0.3
_PRIOR: Final = 120.0
#: Metres, mean distance to the teacher's 3D points, weighted by confidence.
_DEPTH: Final = 0.16
#: Sigmas of the agreement of single points: torsos in the picture, metres in space.
_AGREE_FLAT: Final = 0.15
_AGREE_DEEP: Final = 0.15
#: Confidence in a fit without any 3D evidence.
_UNSUPPORTED: Final = 0.4
#: Labels are swapped when exchanging the sides reduces their distance to the teacher to this share.
_SWAPPED: Final = 0.5
_ARMS: Final = (6, 7, 10, 11)
_LEGS: Final = (0, 1, 4, 5)
_TRUNK: Final = (2, 3, 8, 9)

#: Landmarks that show a joint's rotation; ``{s}`` is the joint's side.
_SHOWN_BY: Final = {
    "pelvis": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "spine1": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "spine2": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "spine3": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "neck": ("nose", "left_ear", "right_ear"),
    "head": ("nose", "left_ear", "right_ear"),
    "hip": ("{s}_knee", "{s}_ankle"),
    "knee": ("{s}_ankle",),
    "ankle": ("{s}_heel", "{s}_toe"),
    "collar": ("{s}_shoulder",),
    "shoulder": ("{s}_elbow", "{s}_wrist"),
    "elbow": ("{s}_wrist",),
    "wrist": ("{s}_pinky", "{s}_index", "{s}_thumb"),
}


class Quality(NamedTuple):
    """Judgement of N fits; the fields are those of :class:`.Fits`."""

    weight: Tensor
    joint_weight: Tensor
    residual: Tensor
    beyond_limits: Tensor
    prior: Tensor
    depth: Tensor
    support: Tensor


@torch.no_grad()
def judge(energy: FitEnergy, bodies: Bodies, seen: Observations) -> Quality:
    """Judge N fits by their observations."""
    posed = energy.pose(bodies)
    labelled = seen.labels[..., 2]
    count = labelled.sum(dim=1).clamp_min(1)
    torso = bodies.camera[:, :1] * _torso(energy, bodies)[:, None]
    flat = posed.projected
    own = (flat[:, NUM_BLAZEPOSE:] - seen.labels[..., :2]).norm(dim=-1) / torso
    residual = (own * labelled).sum(dim=1) / count
    right = ((own < _RIGHT) * labelled).sum(dim=1) / count
    deep = _distance_in_space(posed, seen)
    confidence = seen.world[..., 3]
    depth = (deep * confidence).sum(dim=1) / confidence.sum(dim=1).clamp_min(1e-3)
    support = (confidence[:, list(LIMBS)] > 0.25).float().mean(dim=1)
    beyond = energy.beyond_limits(posed.axis_angle)
    prior = energy.prior(posed.axis_angle[:, 1:])
    kept = (
        (labelled[:, list(LSP_LIMBS)].sum(dim=1) >= _LEAST_LABELS)
        & (labelled[:, list(_TRUNK)].sum(dim=1) >= len(_TRUNK) / 2)
        & (right >= _SHARE)
        & (residual < _RESIDUAL)
        & (beyond < _BEYOND)
        & (prior < _PRIOR)
        & (depth < _DEPTH)
        & ~labels_swapped(seen)
    )
    trusted = _UNSUPPORTED + (1 - _UNSUPPORTED) * support
    weight = kept * trusted * torch.exp(-((residual / _RESIDUAL) ** 2))
    taught = (flat[:, :NUM_BLAZEPOSE] - seen.points[..., :2]).norm(dim=-1) / torso
    shown = _shown(own, taught, deep, seen)
    joint_weight = weight[:, None] * _joint_evidence(shown)
    return Quality(weight, joint_weight, residual, beyond, prior, depth, support)


def labels_swapped(seen: Observations) -> Tensor:
    """Left-right swaps ``(N,)``: labels that lie where the teacher has the other side.

    Either may be wrong; the fit would follow the labels in the picture and neither in depth.
    Arms, legs and torso are judged separately, because annotators swap them separately.
    """
    limbs = list(LSP_LIMBS)
    labels = seen.labels[:, limbs]
    points = seen.points[:, list(LSP_LIMBS_IN_LANDMARKS), :2]
    other = [LSP_MIRROR[k] for k in limbs]
    both = labels[..., 2] * labels[:, other, 2]
    own = (points - labels[..., :2]).norm(dim=-1) * both
    exchanged = (points - labels[:, other, :2]).norm(dim=-1) * both
    extent = labels[..., :2].amax(dim=1) - labels[..., :2].amin(dim=1)
    least = 0.05 * extent.norm(dim=1)
    found = torch.zeros(len(labels), dtype=torch.bool)
    for part in (_ARMS, _LEGS, _TRUNK):
        number = both[:, list(part)].sum(dim=1).clamp_min(1)
        before = own[:, list(part)].sum(dim=1) / number
        after = exchanged[:, list(part)].sum(dim=1) / number
        found |= (after < _SWAPPED * before) & (before > least)
    return found


def _torso(energy: FitEnergy, bodies: Bodies) -> Tensor:
    """``(N,)`` metres from the left shoulder to the right hip of the resting body."""
    rest = energy.body.tree.rest_joints(bodies.betas)
    left_shoulder, right_hip = (JOINT_NAMES.index(n) for n in ("left_shoulder", "right_hip"))
    length: Tensor = (rest[:, left_shoulder] - rest[:, right_hip]).norm(dim=-1)
    return length


def _distance_in_space(posed: PosedBodies, seen: Observations) -> Tensor:
    """``(N, 27)`` metres between the body's points and the teacher's, brought to its size."""
    centred = hip_centred(posed.landmarks[:, :NUM_BLAZEPOSE])
    apart = centred - teacher_scale(centred, seen.world) * seen.world[..., :3]
    distance: Tensor = apart.norm(dim=-1)
    return distance


def _shown(own: Tensor, taught: Tensor, deep: Tensor, seen: Observations) -> Tensor:
    """Evidence of each of the 27 points and agreement of the fit with it, ``(N, 27)`` in [0, 1]."""
    met = seen.points[..., 2] * torch.exp(-((taught / _AGREE_FLAT) ** 2))
    limbs = list(LSP_LIMBS_IN_LANDMARKS)
    labelled = seen.labels[:, list(LSP_LIMBS), 2]
    by_label = torch.exp(-((own[:, list(LSP_LIMBS)] / _AGREE_FLAT) ** 2))
    met[:, limbs] = torch.where(labelled > 0, by_label, met[:, limbs])
    certain = seen.world[..., 3] * torch.exp(-((deep / _AGREE_DEEP) ** 2))
    return met * (_UNSUPPORTED + (1 - _UNSUPPORTED) * certain)


def _joint_evidence(shown: Tensor) -> Tensor:
    """From points to the joints whose rotations they show, ``(N, 24)``; feet and hands have 0."""
    place = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS[:NUM_BLAZEPOSE])}
    evidence = torch.zeros(len(shown), NUM_JOINTS)
    for number, name in enumerate(JOINT_NAMES):
        side, _, part = name.rpartition("_")
        points = [place[p.format(s=side)] for p in _SHOWN_BY.get(part, ())]
        if points:
            evidence[:, number] = shown[:, points].mean(dim=1)
    return evidence
