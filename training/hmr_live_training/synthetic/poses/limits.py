"""Joint limits of synthetic poses: a range of each axis-angle component."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT, NUM_JOINTS

Array = NDArray[np.floating[Any]]

#: Degrees (low, high) about x, y and z; limbs are given for the left side.
_RANGES: Final = {
    "spine1": ((-25, 50), (-30, 30), (-25, 25)),
    "spine2": ((-20, 35), (-30, 30), (-22, 22)),
    "spine3": ((-20, 30), (-30, 30), (-20, 20)),
    "neck": ((-35, 40), (-45, 45), (-30, 30)),
    "head": ((-45, 55), (-50, 50), (-42, 42)),
    "hip": ((-135, 35), (-50, 70), (-35, 75)),
    "knee": ((-5, 150), (-15, 15), (-10, 10)),
    "ankle": ((-40, 55), (-42, 42), (-25, 25)),
    "foot": ((-55, 60), (-10, 10), (-10, 10)),
    "collar": ((-15, 15), (-25, 25), (-15, 35)),
    "shoulder": ((-110, 110), (-130, 75), (-105, 115)),
    "elbow": ((-90, 90), (-150, 5), (-45, 85)),
    "wrist": ((-100, 100), (-48, 48), (-75, 75)),
    "hand": ((-15, 15), (-20, 20), (-85, 20)),
}


def _limits() -> tuple[Array, Array]:
    low, high = np.full((NUM_JOINTS, 3), -np.inf), np.full((NUM_JOINTS, 3), np.inf)
    for name, ranges in _RANGES.items():
        bounds = np.deg2rad(np.array(ranges, np.float64))
        if name in JOINT:
            low[JOINT[name]], high[JOINT[name]] = bounds.T
            continue
        low[JOINT[f"left_{name}"]], high[JOINT[f"left_{name}"]] = bounds.T
        # A mirrored component about y or z changes sign, so its bounds change places.
        mirrored = np.array([bounds[0], -bounds[1, ::-1], -bounds[2, ::-1]])
        low[JOINT[f"right_{name}"]], high[JOINT[f"right_{name}"]] = mirrored.T
    return low.astype(np.float32), high.astype(np.float32)


LOW, HIGH = _limits()


def within_range(axis_angle: Array) -> Array:
    """Clamp axis-angle ``(..., 24, 3)`` to the joint limits; the root has none."""
    return np.clip(axis_angle, LOW, HIGH)
