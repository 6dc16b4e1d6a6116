"""Angles of a posture as an observer sees them, from rotations that count from a flat T-pose.

There the legs hang straight down and the arms point sideways, so that the directions of limbs
follow from rotations alone.  :func:`hmr_live_training.synthetic.poses.sampler.onto_body` keeps
them, so the angles here are also those between the joints of the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, PARENTS

Array = NDArray[np.floating[Any]]

SIDES: Final = ("left", "right")
#: Share of an arm's length that lies above the elbow.
_UPPER_ARM: Final = 0.52


@dataclass(frozen=True)
class PostureAngles:
    """Angles of ``F`` frames in degrees; the second axis is (left, right) where there is one.

    Attributes
    ----------
    knee, elbow
        ``(F, 2)`` 0 is straight; negative knees are bent backwards.
    hip
        ``(F, 2)`` between the thigh and the lower trunk, 0 in line.
    shoulder
        ``(F, 2)`` between the upper arm and the trunk, 0 hanging.
    trunk
        ``(F,)`` from the vertical.
    thigh, leg
        ``(F, 2)`` of the thigh, and of the line from hip to ankle, from the vertical.
    foot
        ``(F, 2)`` of the sole from level, 0 to 90.
    hand
        ``(F, 2)`` height of the wrist above the shoulder in lengths of the arm, -1 to 1.
    """

    knee: Array
    elbow: Array
    hip: Array
    shoulder: Array
    trunk: Array
    thigh: Array
    leg: Array
    foot: Array
    hand: Array


def knee_flexion(knee: Array) -> Array:
    """Signed flexion in radians of relative knee rotations ``(..., 3, 3)``."""
    shank = -knee[..., 1]
    return np.asarray(np.arctan2(-shank[..., 2], -shank[..., 1]))


def posture_angles(poses: Array) -> PostureAngles:
    """Angles of ``(F, 24, 3)`` axis-angle poses since a flat T-pose, y up."""
    relative = matrix_from_axis_angle(poses)
    turn = np.empty_like(relative)
    for joint, parent in enumerate(PARENTS):
        local = relative[:, joint]
        turn[:, joint] = local if parent < 0 else turn[:, parent] @ local

    def of(name: str, axis: int, sign: float = 1.0) -> Array:
        return np.stack([sign * turn[:, JOINT[f"{s}_{name}"], :, axis] for s in SIDES], axis=1)

    outward = np.array([1.0, -1.0], poses.dtype)[:, None]
    thigh, shank, sole = of("hip", 1, -1), of("knee", 1, -1), of("ankle", 2)
    upper, fore = of("shoulder", 0) * outward, of("elbow", 0) * outward
    pelvis, chest = turn[:, JOINT["pelvis"], :, 1], turn[:, JOINT["spine3"], :, 1]
    knees = relative[:, [JOINT[f"{s}_knee"] for s in SIDES]]
    trunk = pelvis + chest
    return PostureAngles(
        knee=np.rad2deg(knee_flexion(knees)),
        elbow=_between(upper, fore),
        hip=_between(thigh, -pelvis[:, None]),
        shoulder=_between(upper, -chest[:, None]),
        trunk=_between(trunk, _UP),
        thigh=_between(thigh, -_UP),
        leg=_between(thigh + shank, -_UP),
        foot=np.abs(np.rad2deg(np.arcsin(np.clip(sole[..., 1], -1, 1)))),
        hand=_UPPER_ARM * upper[..., 1] + (1 - _UPPER_ARM) * fore[..., 1],
    )


_UP: Final = np.array([0.0, 1.0, 0.0])


def _between(a: Array, b: Array) -> Array:
    cosine = (a * b).sum(-1) / np.maximum(np.linalg.norm(a, axis=-1), 1e-9)
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine / np.linalg.norm(b, axis=-1), -1, 1))))
