"""From the camera frame to an upright world with the floor at the soles.

The world of a take has the camera's own axes, rotated so that y is up.  If the camera was tilted,
the floor is tilted too; :func:`level` corrects that from the frames in which the person stands.

Imported takes know where their camera stands (``world_from_camera`` in their ``info``), so that
they are exported in the file's own world again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT

Array = NDArray[np.floating[Any]]
UpAxis = Literal["y", "z"]

#: Camera frame (x right, y down, z forward) -> the same axes with y up and z backward.
Y_UP_FROM_CAMERA: Final = np.diag([1.0, -1.0, -1.0])
#: World with y up -> world with z up (x stays; what pointed to the camera points along -y).
Z_UP_FROM_Y_UP: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])

_FEET: Final = [JOINT[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "foot")]
_ANKLES: Final = [JOINT["left_ankle"], JOINT["right_ankle"]]
_TOES: Final = [JOINT["left_foot"], JOINT["right_foot"]]
#: Joints that are straight when somebody stands upright.
_STANDING: Final = [
    JOINT[name]
    for name in ("left_hip", "right_hip", "left_knee", "right_knee", "spine1", "spine2", "spine3")
]
_MAX_BEND: Final = np.deg2rad(35)
#: A camera on a desk or under a ceiling is tilted less than this.
_MAX_TILT: Final = np.deg2rad(50)
#: The floor is at this percentile of the lowest sole heights: outliers lie below.
_LOWEST_SHARE: Final = 2.0


def world_of(info: Mapping[str, Any]) -> tuple[Array, Array]:
    """Rotation ``(3, 3)`` and translation ``(3,)`` from a take's camera frame to y up, metres."""
    stored = info.get("world_from_camera")
    if stored is None:
        return Y_UP_FROM_CAMERA, np.zeros(3)
    return np.asarray(stored["rotation"], float), np.asarray(stored["translation"], float)


def level(rotmats: Array, joints: Array, rest: Array) -> Array:
    """Rotation ``(3, 3)`` that makes the person upright; the identity if they never stand.

    Parameters
    ----------
    rotmats
        ``(T, 24, 3, 3)`` of the frames in which the person was seen.
    joints
        ``(T, 24, 3)`` in a world whose y axis is roughly up.
    rest
        ``(24, 3)`` rest joints; they give the point between heel and toes below the neck.
    """
    bent = np.linalg.norm(axis_angle_from_matrix(rotmats[:, _STANDING]), axis=-1)
    stands = (bent < _MAX_BEND).all(axis=1)
    if not stands.any():
        return np.eye(3)
    neck = JOINT["neck"]
    ankles, toes = rest[_ANKLES].mean(axis=0), rest[_TOES].mean(axis=0)
    share = (rest[neck, 2] - ankles[2]) / (toes[2] - ankles[2])
    heel = joints[stands][:, _ANKLES].mean(axis=1)
    toe = joints[stands][:, _TOES].mean(axis=1)
    support = heel + share * (toe - heel)
    up = np.median(joints[stands, neck] - support, axis=0)
    up /= np.linalg.norm(up)
    angle = float(np.arccos(np.clip(up[1], -1, 1)))
    if not 1e-6 < angle < _MAX_TILT:
        return np.eye(3)
    axis = np.cross(up, [0.0, 1.0, 0.0])
    return matrix_from_axis_angle(axis / np.linalg.norm(axis) * angle)


def floor_height(joints: Array, rest: Array, sole: float) -> float:
    """Height (y) of the floor, metres.

    Parameters
    ----------
    joints
        ``(T, 24, 3)`` with y up.
    rest
        ``(24, 3)`` rest joints.
    sole
        Height of the soles of the rest body, in its own frame.
    """
    above_sole = rest[_FEET, 1] - sole
    lowest = (joints[:, _FEET, 1] - above_sole).min(axis=1)
    return float(np.percentile(lowest, _LOWEST_SHARE))
