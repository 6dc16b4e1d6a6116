"""Anatomical joint angles in degrees, from SMPL rotations.

The neutral pose is SMPL's T-pose for legs and spine; for the shoulders it is the arm hanging down.
Axes of a joint at rest: x to the person's left, y up, z forward.  Joints with one main axis are
split as flexion about x, then side bending about the carried z, then twist about the carried y
(Grood and Suntay 1983 use the same order for the knee): ``R = Rx(a) Rz(c) Ry(b)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.skeleton import JOINT
from engine.state import Array

#: Below this sine of the elevation, the arm points straight down or up and its plane is undefined.
_POLE = 0.1


@dataclass(frozen=True, slots=True)
class AngleDefinition:
    """Name of an angle, the side it belongs to and its meaning, sign included."""

    name: str
    side: str
    definition: str


_SIDED: Final = (
    ("shoulder elevation", "upper arm against the trunk's downward axis; 0 hanging, 180 overhead"),
    (
        "shoulder plane",
        "vertical plane in which the arm is raised; 0 sideways, +90 forward, 0 when it hangs or "
        "points straight up",
    ),
    ("elbow flexion", "forearm against the straight arm; 0 straight, positive bent"),
    ("wrist flexion", "positive towards the palm"),
    ("hip flexion", "positive when the thigh swings forward"),
    ("hip abduction", "positive when the thigh swings outward"),
    ("hip rotation", "about the thigh; positive inward"),
    ("knee flexion", "0 straight, positive when the heel moves towards the seat"),
    ("ankle dorsiflexion", "positive when the toes rise"),
)
_MIDLINE: Final = (
    ("trunk flexion", "thorax against pelvis; positive forward"),
    ("trunk side bend", "thorax against pelvis; positive to the person's left"),
    ("trunk rotation", "thorax against pelvis; positive to the person's left"),
    ("neck flexion", "head against thorax; positive forward"),
    ("neck side bend", "head against thorax; positive to the person's left"),
    ("neck rotation", "head against thorax; positive to the person's left"),
)

#: Every angle, in the order of :func:`joint_angles`.
ANGLES: Final = (
    *(
        AngleDefinition(f"{side} {name}", side, text)
        for side in ("left", "right")
        for name, text in _SIDED
    ),
    *(AngleDefinition(name, "", text) for name, text in _MIDLINE),
)
ANGLE_INDEX: Final = {angle.name: index for index, angle in enumerate(ANGLES)}


def joint_angles(rotmats: Array) -> Array:
    """Angles of one pose.

    Parameters
    ----------
    rotmats
        ``(24, 3, 3)`` rotations relative to the parent; joint 0 is not used.

    Returns
    -------
    ``(len(ANGLES),)`` float32 degrees in the order of :data:`ANGLES`.
    """
    trunk = _split(_chain(rotmats, "spine1", "spine2", "spine3"))
    neck = _split(_chain(rotmats, "neck", "head"))
    values = [*_side(rotmats, "left", 1.0), *_side(rotmats, "right", -1.0)]
    for flexion, side_bend, twist in (trunk, neck):
        values += [flexion, -side_bend, twist]
    return np.asarray(np.degrees(values), np.float32)


def _side(rotmats: Array, side: str, out: float) -> list[float]:
    """Angles of one side in radians; ``out`` is the sign of x that points away from the body."""
    hip_flexion, hip_bend, hip_twist = _split(rotmats[JOINT[f"{side}_hip"]])
    knee_flexion, _, _ = _split(rotmats[JOINT[f"{side}_knee"]])
    ankle_flexion, _, _ = _split(rotmats[JOINT[f"{side}_ankle"]])
    arm = _chain(rotmats, f"{side}_collar", f"{side}_shoulder")[:, 0] * out
    elbow = rotmats[JOINT[f"{side}_elbow"]]
    hand = rotmats[JOINT[f"{side}_wrist"]][:, 0]
    raised = np.hypot(arm[0], arm[2])
    return [
        float(np.arctan2(raised, -arm[1])),
        float(np.arctan2(arm[2], out * arm[0])) if raised > _POLE else 0.0,
        float(np.arccos(np.clip(elbow[0, 0], -1, 1))),
        float(np.arctan2(-out * hand[1], hand[0])),
        -hip_flexion,
        out * hip_bend,
        -out * hip_twist,
        knee_flexion,
        -ankle_flexion,
    ]


def _chain(rotmats: Array, *names: str) -> Array:
    """Rotation of the last joint against the first one's parent."""
    total: Array = rotmats[JOINT[names[0]]]
    for name in names[1:]:
        total = total @ rotmats[JOINT[name]]
    return total


def _split(rotation: Array) -> tuple[float, float, float]:
    """``R = Rx(a) Rz(c) Ry(b)`` -> (a, c, b) radians: flexion, side bend, twist."""
    flexion = np.arctan2(rotation[2, 1], rotation[1, 1])
    side_bend = np.arcsin(np.clip(-rotation[0, 1], -1, 1))
    twist = np.arctan2(rotation[0, 2], rotation[0, 0])
    return float(flexion), float(side_bend), float(twist)
