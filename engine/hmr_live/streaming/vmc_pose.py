"""An SMPL body as the bones of a VRM avatar, in Unity's axes.

Unity: metres, left-handed, y up; a humanoid at rest looks along +z with its left hand towards -x,
arms level, legs straight down, every bone unrotated (VRM's T-pose).  SMPL's body frame is the
mirror image in x, so vectors map as ``(-x, y, z)`` and quaternions as ``(x, -y, -z, w)``.

SMPL's rest pose is a T-pose only roughly: the thighs stand some degrees apart and the arms hang a
little.  Each limb bone therefore gets the small rotation ``A`` from VRM's rest direction to the
body's own, ``G' = G A`` with ``G`` the joint's rotation in the world, so that the avatar's limbs
point exactly where the person's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hmr_live.body.rotations import (
    matrix_from_axis_angle,
    quaternion_from_matrix,
    rotation_between,
)
from hmr_live.body.skeleton import JOINT, PARENTS
from hmr_live.core.state import Array, BodyState

#: SMPL joint -> Unity's HumanBodyBones, parents first.  SMPL's hand joints have no bone, and the
#: network does not estimate fingers, eyes and jaw.
BONES: Final = {
    "pelvis": "Hips",
    "left_hip": "LeftUpperLeg",
    "right_hip": "RightUpperLeg",
    "spine1": "Spine",
    "left_knee": "LeftLowerLeg",
    "right_knee": "RightLowerLeg",
    "spine2": "Chest",
    "left_ankle": "LeftFoot",
    "right_ankle": "RightFoot",
    "spine3": "UpperChest",
    "left_foot": "LeftToes",
    "right_foot": "RightToes",
    "neck": "Neck",
    "left_collar": "LeftShoulder",
    "right_collar": "RightShoulder",
    "head": "Head",
    "left_shoulder": "LeftUpperArm",
    "right_shoulder": "RightUpperArm",
    "left_elbow": "LeftLowerArm",
    "right_elbow": "RightLowerArm",
    "left_wrist": "LeftHand",
    "right_wrist": "RightHand",
}

#: Joint -> (the joint its bone points at, the bone's direction in VRM's T-pose, body frame).
_LIMBS: Final = {
    f"{side}_{start}": (f"{side}_{end}", direction)
    for side, out in (("left", 1.0), ("right", -1.0))
    for start, end, direction in (
        ("hip", "knee", (0.0, -1.0, 0.0)),
        ("knee", "ankle", (0.0, -1.0, 0.0)),
        ("shoulder", "elbow", (out, 0.0, 0.0)),
        ("elbow", "wrist", (out, 0.0, 0.0)),
    )
}
_FEET: Final = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("ankle", "foot")]
#: Height of a foot's lowest joint above the floor, metres.
_SOLE: Final = 0.03
#: Camera frame (x right, y down, z forward) -> world of a person who faces the camera.
_WORLD_FROM_CAMERA: Final = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True)
class VrmPose:
    """Bones of one person in the order of :data:`BONES`, in Unity's axes.

    Attributes
    ----------
    positions
        ``(22, 3)`` metres, relative to the parent bone; the hips: to the root.
    quaternions
        ``(22, 4)`` as (x, y, z, w), relative to the parent bone.
    """

    positions: Array
    quaternions: Array


def vrm_pose(body: BodyState, origin: Array) -> VrmPose:
    """Turn a body into the bones of an avatar that stands on the floor y = 0.

    A person upright before the camera looks along +z, as VRM avatars do.  The height of the
    camera is not known, so the lower foot stands on the floor.

    Parameters
    ----------
    body
        The person.
    origin
        ``(3,)`` metres, camera frame: the point that becomes x = z = 0.
    """
    world = _world_rotations(body.rotmats)
    joints = (body.joints.astype(np.float64) - origin) @ _WORLD_FROM_CAMERA.T
    joints[:, 1] += _SOLE - joints[_FEET, 1].min()
    turned = world @ _rest_alignment(world, joints)

    positions, rotations = [], []
    for name in BONES:
        joint, parent = JOINT[name], PARENTS[JOINT[name]]
        if parent < 0:
            positions.append(joints[joint])
            rotations.append(turned[joint])
        else:
            positions.append(turned[parent].T @ (joints[joint] - joints[parent]))
            rotations.append(turned[parent].T @ turned[joint])
    return VrmPose(_to_unity(np.array(positions)), _quaternions_to_unity(np.array(rotations)))


def _world_rotations(rotmats: Array) -> Array:
    """Rotation of every joint from the rest pose to the world, ``(24, 3, 3)``."""
    world = rotmats.astype(np.float64)
    world[0] = _WORLD_FROM_CAMERA @ world[0]
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            world[joint] = world[parent] @ world[joint]
    return world


def _rest_alignment(world: Array, joints: Array) -> Array:
    """``A`` of every joint: from VRM's rest direction to the body's, ``(24, 3, 3)``."""
    vectors = np.zeros((len(PARENTS), 3))
    for name, (end, vrm_direction) in _LIMBS.items():
        start, target = JOINT[name], JOINT[end]
        bone = world[start].T @ (joints[target] - joints[start])
        vectors[start] = rotation_between(np.array(vrm_direction), bone / np.linalg.norm(bone))
    return matrix_from_axis_angle(vectors)


def _to_unity(vectors: Array) -> Array:
    return np.asarray(vectors * np.array([-1.0, 1.0, 1.0]))


def _quaternions_to_unity(rotations: Array) -> Array:
    """``(..., 3, 3)`` -> ``(..., 4)`` (x, y, z, w) of the rotation seen in the mirror x -> -x."""
    w, x, y, z = np.moveaxis(quaternion_from_matrix(rotations), -1, 0)
    return np.stack([x, -y, -z, w], axis=-1)
