"""Turns a MakeHuman shape from its rest pose (arms lowered) into SMPL's T-pose.

The directions below are facts of SMPL's convention: where each limb points when theta is zero.
Bones get global rotations, one for each bone and shape, because a bone's direction at rest
depends on the shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hmr_live_training.body_builder.rotation_tools import (
    frame,
    partial_twist,
    shortest_rotation,
    turn,
    unit,
)
from hmr_live_training.body_builder.source import Floats, MakeHumanRig

# Left side; the right one is mirrored in x.
_THIGH = unit(np.array([0.046, -0.998, -0.018]))
_SHIN = unit(np.array([-0.037, -0.993, -0.108]))
_UPPER_ARM = unit(np.array([0.992, -0.050, -0.094]))
_FOREARM = unit(np.array([0.999, 0.033, -0.013]))
_HAND = unit(np.array([0.983, -0.083, -0.148]))

_X, _Y, _Z = np.eye(3)
_FOOT_TURNED_OUT = np.deg2rad(10)
_CLAVICLE_RAISED = np.deg2rad(11)
_SCAPULA_RAISED = np.deg2rad(19)
#: Degrees about x that straighten the trunk, each adding to those of the bones before.
_STRAIGHTEN = {
    "spine04": -2.0,
    "spine03": -2.0,
    "spine02": -1.5,
    "neck01": 2.0,
    "neck02": 2.0,
    "head": 1.5,
}
_LIMBS = ("upperleg", "lowerleg", "foot", "toe", "upperarm", "lowerarm", "wrist", "metacarpal",
          "finger")  # fmt: skip


@dataclass(frozen=True)
class TPose:
    """Rigid motion of every bone from MakeHuman's rest pose to the T-pose, of one shape.

    Attributes
    ----------
    rotations, translations
        ``(B, 3, 3)`` and ``(B, 3)``: ``x -> R x + t``.
    heads
        Posed heads of the bones, ``(B, 3)``.
    """

    rotations: Floats
    translations: Floats
    heads: Floats


def tpose(rig: MakeHumanRig, vertices: Floats) -> TPose:
    """Find the bone motions that bring a shape of the base mesh, ``(N, 3)``, into the T-pose."""
    heads, tails = rig.heads(vertices), rig.tails(vertices)
    rotations = _bone_rotations(rig, heads, tails)
    posed = np.zeros_like(heads)
    for bone, parent in enumerate(rig.parents):
        if parent < 0:
            posed[bone] = heads[bone]
        else:
            posed[bone] = posed[parent] + rotations[parent] @ (heads[bone] - heads[parent])
    return TPose(rotations, posed - np.einsum("bij,bj->bi", rotations, heads), posed)


def _bone_rotations(rig: MakeHumanRig, heads: Floats, tails: Floats) -> Floats:
    own: dict[str, Floats] = {}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        own |= _leg(rig, heads, side, sign)
        own |= _arm(rig, heads, side, sign)
    rotations = np.zeros((len(rig.names), 3, 3))
    for bone, (name, parent) in enumerate(zip(rig.names, rig.parents, strict=True)):
        inherited = rotations[parent] if parent >= 0 else np.eye(3)
        rotations[bone] = own.get(name, inherited)
    _straighten_trunk(rig, rotations)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        _flatten_fingers(rig, heads, tails, rotations, side, sign)
    return rotations


def _leg(rig: MakeHumanRig, heads: Floats, side: str, sign: float) -> dict[str, Floats]:
    def head(name: str) -> Floats:
        return np.asarray(heads[rig.number(f"{name}.{side}")])

    mirror = np.array([sign, 1, 1])
    hip, knee, ankle = head("upperleg01"), head("lowerleg01"), head("foot")
    thigh = shortest_rotation(unit(knee - hip), _THIGH * mirror)
    shin = shortest_rotation(unit(ankle - knee), _SHIN * mirror)
    # The sole stays level: the foot only turns about the vertical.
    toe = head("toe2-1") - ankle
    foot = turn(_Y, _FOOT_TURNED_OUT * sign - np.arctan2(toe[0], toe[2]))
    # The lower half of the shin takes half of the twist to the foot.
    shin_axis = unit(shin.T @ (_SHIN * mirror))
    lower_shin = shin @ partial_twist(shin.T @ foot, shin_axis, 0.5)
    return {
        f"upperleg01.{side}": thigh,
        f"upperleg02.{side}": thigh,
        f"lowerleg01.{side}": shin,
        f"lowerleg02.{side}": lower_shin,
        f"foot.{side}": foot,
    }


def _arm(rig: MakeHumanRig, heads: Floats, side: str, sign: float) -> dict[str, Floats]:
    def head(name: str) -> Floats:
        return np.asarray(heads[rig.number(f"{name}.{side}")])

    mirror = np.array([sign, 1, 1])
    clavicle, scapula = turn(_Z, sign * _CLAVICLE_RAISED), turn(_Z, sign * _SCAPULA_RAISED)
    shoulder, elbow, wrist = head("upperarm01"), head("lowerarm01"), head("wrist")
    upper_axis, lower_axis = unit(elbow - shoulder), unit(wrist - elbow)
    # SMPL's elbows bend about the vertical; at rest the bend shows where the hinge is.
    hinge, hinge_wanted = unit(np.cross(upper_axis, lower_axis)), -_Y * sign
    upper = frame(_UPPER_ARM * mirror, hinge_wanted) @ frame(upper_axis, hinge).T
    lower = frame(_FOREARM * mirror, hinge_wanted) @ frame(lower_axis, hinge).T
    # The first half of the upper arm takes half of the twist from the shoulder, the second all.
    swing = shortest_rotation(upper_axis, unit(scapula.T @ (_UPPER_ARM * mirror)))
    twist = swing.T @ scapula.T @ upper
    first_half = scapula @ swing @ partial_twist(twist, upper_axis, 0.5)
    hand = _hand(head, lower, wrist, sign)
    return {
        f"clavicle.{side}": clavicle,
        f"shoulder01.{side}": scapula,
        f"upperarm01.{side}": first_half,
        f"upperarm02.{side}": upper,
        f"lowerarm01.{side}": lower,
        f"lowerarm02.{side}": lower @ partial_twist(lower.T @ hand, lower_axis, 0.5),
        f"wrist.{side}": hand,
    }


def _hand(head: Callable[[str], Floats], lower: Floats, wrist: Floats, sign: float) -> Floats:
    """Middle knuckle along the hand's direction, palm down."""
    index, middle, little = head("finger2-1"), head("finger3-1"), head("finger5-1")
    along = unit(0.25 * (index + little) + 0.5 * middle - wrist)
    back = unit(np.cross(index - wrist, little - wrist)) * sign
    if back @ (lower.T @ _Y) < 0:
        back = -back
    wanted = frame(_HAND * np.array([sign, 1, 1]), np.array([0, 1, 0.10]))
    return np.asarray(wanted @ frame(along, back).T)


def _straighten_trunk(rig: MakeHumanRig, rotations: Floats) -> None:
    """Turn trunk, neck and head in place; limbs keep their directions."""
    total = np.zeros(len(rig.names))
    for bone, (name, parent) in enumerate(zip(rig.names, rig.parents, strict=True)):
        total[bone] = _STRAIGHTEN.get(name, 0.0) + (total[parent] if parent >= 0 else 0.0)
        is_limb = name[-2:-1] == "." and name.startswith(_LIMBS)
        if not is_limb and total[bone]:
            rotations[bone] = turn(_X, np.deg2rad(total[bone])) @ rotations[bone]


def _flatten_fingers(
    rig: MakeHumanRig, heads: Floats, tails: Floats, rotations: Floats, side: str, sign: float
) -> None:
    """Relaxed flat fingers with a little curl and spread; the thumb stays as it is."""
    hand = rotations[rig.number(f"wrist.{side}")]
    for finger in range(2, 6):
        spread = (3.2 - finger) * 0.07
        for phalanx in range(1, 4):
            bone = rig.number(f"finger{finger}-{phalanx}.{side}")
            now = unit(hand @ (tails[bone] - heads[bone]))
            curl = -0.06 - 0.05 * phalanx
            wanted = unit(_HAND * np.array([sign, 1, 1]) + np.array([0, curl, spread]))
            rotations[bone] = shortest_rotation(now, unit(0.75 * wanted + 0.25 * now)) @ hand
