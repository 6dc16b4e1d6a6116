"""People who stand or sit while their arms do anything: what webcams see most and capture lacks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.synthetic.poses.archetypes import Posture, sit

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator

_LEGS: Final = [
    JOINT[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("hip", "knee", "ankle", "foot")
]
_SPINE: Final = [JOINT[name] for name in ("spine1", "spine2", "spine3")]
#: Share of standing people, of whom some have their weight on one leg.
_STANDING: Final = 0.72
_ONE_LEG: Final = 0.3


def stand_straight(rng: Generator, body: Posture) -> None:
    """On stretched legs, feet a little apart and turned out; perhaps one knee is relaxed."""
    apart, relaxed = float(rng.uniform(-3, 10)), -1
    if rng.random() < _ONE_LEG:
        relaxed = int(rng.integers(2))
    lean = float(rng.normal(0, 2.0))
    for k, left in enumerate((True, False)):
        bend = float(rng.uniform(8, 35)) if k == relaxed else abs(float(rng.normal(0, 2.5)))
        turn = float(rng.uniform(-3, 18))
        stride = float(rng.normal(0, 2.5))
        degrees = {
            "hip": (-bend / 2 + lean + stride, turn, apart + float(rng.normal(0, 1.5))),
            "knee": (bend, 0, 0),
            "ankle": (-bend / 2 - stride, 0, -apart),
        }
        for name, (x, y, z) in degrees.items():
            body.side(left, name, (np.deg2rad(x), np.deg2rad(y), np.deg2rad(z)))


def everyday_legs(rng: Generator, pose: Array) -> Array:
    """The arms and part of the trunk of a pose over legs that stand or sit.

    Parameters
    ----------
    rng
        Random generator.
    pose
        ``(24, 3, 3)`` on the body's rest pose.

    Returns
    -------
    ``(24, 3, 3)``, upright, facing along z.
    """
    body = Posture()
    angles = axis_angle_from_matrix(pose)
    if rng.random() < _STANDING:
        stand_straight(rng, body)
        angles[0] = np.deg2rad(rng.normal(0, 2, 3)) * (1, 0, 1)
    else:
        sit(rng, body)
        angles[0] = body.angles[0]
    angles[_LEGS] = body.angles[_LEGS]
    angles[_SPINE] *= float(rng.uniform(0.2, 0.7))
    return np.asarray(matrix_from_axis_angle(angles), np.float32)
