"""Skinning weights: MakeHuman's, merged to SMPL's 24 joints and smoothed."""

from __future__ import annotations

import numpy as np

from hmr_live.body.skeleton import JOINT, MIRROR, NUM_JOINTS
from hmr_live_training.body_builder.joint_placement import TORSO, joint_of_bone
from hmr_live_training.body_builder.mesh_tools import neighbour_mean
from hmr_live_training.body_builder.source import Floats, Ints, MakeHumanRig
from hmr_live_training.body_builder.surface import SkinSurface

#: The highest neck bone bends with both.
_SHARED_BONE = {"neck03": (("neck", 0.55), ("head", 0.45))}
#: Joints of the trunk from below: the joint above, offset of the passage to it, its width (m).
_PASSAGES = (("spine1", 0.01, 0.20), ("spine2", -0.005, 0.15), ("spine3", 0.035, 0.16))
_SMOOTHED = ("pelvis", "left_hip", "right_hip", "spine1", "spine2", "spine3", "left_collar",
             "right_collar", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
             "left_knee", "right_knee", "neck")  # fmt: skip
_SMOOTHING_ROUNDS = 6
_SMALLEST = 4e-3
_MOST_JOINTS = 6


def merge_weights(
    rig: MakeHumanRig, surface: SkinSurface, template: Floats, joints: Floats, partners: Ints
) -> Floats:
    """Return weights for 24 joints, ``(V, 24)``, rows sum to 1, at most six joints a vertex.

    Parameters
    ----------
    rig, surface
        MakeHuman's weights and the skin.
    template, joints
        Mean vertices ``(V, 3)`` and joints ``(24, 3)``.
    partners
        Mirror partner of each vertex, ``(V,)``.
    """
    weights, torso = _sum_by_joint(rig, rig.weights[surface.source_vertices])
    _divide_torso(weights, torso, template[:, 1], joints[:, 1])
    weights = _smoothed(weights, surface.faces)
    weights = 0.5 * (weights + weights[partners][:, list(MIRROR)])
    return _sparse(weights)


def _sum_by_joint(rig: MakeHumanRig, bone_weights: Floats) -> tuple[Floats, Floats]:
    weights, torso = np.zeros((len(bone_weights), NUM_JOINTS)), np.zeros(len(bone_weights))
    for bone, name in enumerate(rig.names):
        joint = joint_of_bone(name)
        if joint == TORSO:
            torso += bone_weights[:, bone]
            continue
        for target, share in _SHARED_BONE.get(name, ((joint, 1.0),)):
            weights[:, JOINT[target]] += share * bone_weights[:, bone]
    return weights, torso


def _divide_torso(weights: Floats, torso: Floats, height: Floats, joint_height: Floats) -> None:
    """Divide the trunk by height: each joint passes it on to the next around that one's height."""
    rest, below = torso, "pelvis"
    for above, offset, width in _PASSAGES:
        t = np.clip((height - joint_height[JOINT[above]] - offset) / width + 0.5, 0, 1)
        passed = rest * (t * t * (3 - 2 * t))
        weights[:, JOINT[below]] += rest - passed
        rest, below = passed, above
    weights[:, JOINT[below]] += rest


def _smoothed(weights: Floats, faces: Ints) -> Floats:
    """Smooth trunk and large joints over the surface; fingers and face keep what they have."""
    mean = neighbour_mean(faces, len(weights))
    soft = np.clip(weights[:, [JOINT[name] for name in _SMOOTHED]].sum(axis=1), 0, 1)
    soft *= 1 - np.clip(weights[:, JOINT["head"]], 0, 1)
    for _ in range(_SMOOTHING_ROUNDS):
        weights = weights + (0.5 * soft)[:, None] * (mean @ weights - weights)
    return weights


def _sparse(weights: Floats) -> Floats:
    weights = np.where(weights < _SMALLEST, 0, weights)
    smallest = np.argsort(-weights, axis=1)[:, _MOST_JOINTS:]
    np.put_along_axis(weights, smallest, 0, axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
