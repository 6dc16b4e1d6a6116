"""How MakeHuman's fine rig deforms an average adult when one of SMPL's joints turns.

The reference is a blend of dual quaternion and linear skinning with all bones of the rig, among
them twist bones, several vertebrae and a shoulder girdle that follows the arm.  What it does and
24-joint linear skinning cannot is what the pose correctives are fitted to.
"""

from __future__ import annotations

import numpy as np

from hmr_live.body.rotations import slerp
from hmr_live.body.skeleton import JOINT, JOINT_NAMES, NUM_JOINTS, PARENTS
from hmr_live_training.body_builder.joint_placement import (
    TORSO,
    joint_of_bone,
    place_joints,
    split_side,
)
from hmr_live_training.body_builder.rotation_tools import partial_twist, swing, turn, unit
from hmr_live_training.body_builder.skinning import dual_quaternion_blend, linear_blend
from hmr_live_training.body_builder.source import Floats, Ints, MakeHumanRig
from hmr_live_training.body_builder.tpose import tpose

_DUAL_QUATERNION_SHARE = 0.6
#: Joint, bone: the joint at the bone's other end, and how much of the twist the bone takes.
_SWING_AND_TWIST = {
    ("shoulder", "upperarm01"): ("elbow", 0.5),
    ("hip", "upperleg01"): ("knee", 0.5),
    ("elbow", "lowerarm01"): ("wrist", 0.6),
}
#: Joint, bone before the joint: how much of the twist about that bone it takes.
_TWIST_BEFORE = {("wrist", "lowerarm02"): 0.55, ("ankle", "lowerleg02"): 0.4}
#: Joint, bone: a share of the whole rotation.
_SHARE = {
    ("head", "neck03"): 0.5,
    ("neck", "neck01"): 0.45,
    ("spine1", "spine04"): 0.4,
    ("spine2", "spine03"): 0.25,
    ("spine2", "spine02"): 0.7,
}
_JOINT_OF_TORSO = {"spine03": "spine1", "spine02": "spine2", "spine01": "spine3",
                   "breast": "spine3"}  # fmt: skip
#: Raising the arm by one degree turns the shoulder girdle by this much ...
_SCAPULA_SHARE = 0.20
#: ... and moves the upper arm's bones by these shares of what the shoulder joint moves.
_SHOULDER_DRAG = {"upperarm01": 0.75, "upperarm02": 0.35}


def descends_from(joint: int, ancestor: int) -> bool:
    """Whether a joint is ``ancestor`` or a descendant of it."""
    while joint >= 0:
        if joint == ancestor:
            return True
        joint = PARENTS[joint]
    return False


class ReferenceMotion:
    """An average adult whose SMPL joints can be turned one at a time.

    Parameters
    ----------
    rig, skin
        MakeHuman's rig, and the base mesh's vertices that are skin, ``(V,)``.
    shape
        The adult in MakeHuman's rest pose, ``(N, 3)``.
    smpl_weights
        The 24-joint skinning weights of the body being built, ``(V, 24)``.

    Attributes
    ----------
    joints
        The adult's SMPL joints in the T-pose, ``(24, 3)``.
    num_vertices
        V.
    """

    def __init__(self, rig: MakeHumanRig, skin: Ints, shape: Floats, smpl_weights: Floats) -> None:
        self._rig = rig
        self._rest = shape[skin]
        self._pose = tpose(rig, shape)
        self._bone_weights = rig.weights[skin].astype(np.float64)
        self._smpl_weights = smpl_weights
        self.joints = place_joints(rig, self._pose.heads)
        self.num_vertices = len(skin)
        self._tpose_skin = _blend(
            self._rest, rig.weights[skin], self._pose.rotations, self._pose.translations
        )

    def corrective(self, joint: int, rotation: Floats, chosen: Ints) -> Floats:
        """Displacement in the T-pose after which linear skinning equals the reference.

        With the share w of a vertex that turns by R about the joint at c, linear skinning is
        ``((1 - w) I + w R) x + w (c - R c)``; solving for x gives the wanted vertex.

        Parameters
        ----------
        joint, rotation
            SMPL joint and its rotation, ``(3, 3)``.
        chosen
            Vertex numbers, ``(n,)``.

        Returns
        -------
        NDArray
            ``(n, 3)`` metres.
        """
        rotations, translations = self._turned(joint, rotation)
        weights = self._bone_weights[chosen]
        used = weights.any(axis=0)
        moved = _blend(self._rest[chosen], weights[:, used], rotations[used], translations[used])
        moving = [other for other in range(NUM_JOINTS) if descends_from(other, joint)]
        share = self._smpl_weights[:, moving].sum(axis=1)[chosen, None]
        centre = self.joints[joint]
        # A little identity keeps the half-way blend of opposite rotations invertible.
        skinning = (1 - share)[:, :, None] * np.eye(3) + share[:, :, None] * rotation
        inverse = np.linalg.inv(skinning + 1e-3 * np.eye(3))
        unposed = np.einsum("vij,vj->vi", inverse, moved - share * (centre - rotation @ centre))
        return np.asarray(unposed - self._tpose_skin[chosen])

    def _turned(self, joint: int, rotation: Floats) -> tuple[Floats, Floats]:
        """Rigid motions of all bones after the joint turned."""
        rotations, translations = self._pose.rotations.copy(), self._pose.translations.copy()
        centre = self.joints[joint]
        for bone, name in enumerate(self._rig.names):
            follow = self._bone_rotation(name, joint, rotation)
            if follow is not None:
                rotations[bone] = follow @ rotations[bone]
                translations[bone] = follow @ (translations[bone] - centre) + centre
        if JOINT_NAMES[joint].endswith("shoulder"):
            self._turn_shoulder_girdle(joint, rotation, rotations, translations)
        return rotations, translations

    def _bone_rotation(self, name: str, joint: int, rotation: Floats) -> Floats | None:
        """Rotation that a bone takes from a joint; None if it stays."""
        side, bone = split_side(name)
        joint_side, joint_kind = _split_joint(JOINT_NAMES[joint])
        key = (joint_kind, bone)
        if side == joint_side:
            if key in _SWING_AND_TWIST:
                end, share = _SWING_AND_TWIST[key]
                axis = unit(self.joints[JOINT[side + end]] - self.joints[joint])
                return swing(rotation, axis) @ partial_twist(rotation, axis, share)
            if key in _TWIST_BEFORE:
                axis = unit(self.joints[joint] - self.joints[PARENTS[joint]])
                return partial_twist(rotation, axis, _TWIST_BEFORE[key])
            if key in _SHARE:
                return slerp(np.eye(3), rotation, _SHARE[key])
        owner = joint_of_bone(name)
        if owner == TORSO:
            owner = _JOINT_OF_TORSO.get(bone, "pelvis")
        return rotation if descends_from(JOINT[owner], joint) else None

    def _turn_shoulder_girdle(
        self, joint: int, rotation: Floats, rotations: Floats, translations: Floats
    ) -> None:
        """Scapulo-humeral rhythm: the girdle's skin goes along a little when the arm rises."""
        side = _split_joint(JOINT_NAMES[joint])[0]
        sign, letter = (1.0, "L") if side == "left_" else (-1.0, "R")
        arm = rotation @ unit(self.joints[JOINT[side + "elbow"]] - self.joints[joint])
        elevation = np.arcsin(np.clip(arm[1], -1, 1))
        girdle = turn(np.array([0, 0, 1.0]), sign * _SCAPULA_SHARE * elevation)
        centre = self.joints[JOINT[side + "collar"]]
        for name in ("clavicle", "shoulder01"):
            bone = self._rig.number(f"{name}.{letter}")
            rotations[bone] = girdle @ rotations[bone]
            translations[bone] = girdle @ (translations[bone] - centre) + centre
        drag = (girdle - np.eye(3)) @ (self.joints[joint] - centre)
        for name, share in _SHOULDER_DRAG.items():
            translations[self._rig.number(f"{name}.{letter}")] += share * drag


def _split_joint(name: str) -> tuple[str, str]:
    for side in ("left_", "right_"):
        if name.startswith(side):
            return side, name.removeprefix(side)
    return "", name


def _blend(vertices: Floats, weights: Floats, rotations: Floats, translations: Floats) -> Floats:
    linear = linear_blend(vertices, weights, rotations, translations)
    dual = dual_quaternion_blend(vertices, weights, rotations, translations)
    return (1 - _DUAL_QUATERNION_SHARE) * linear + _DUAL_QUATERNION_SHARE * dual
