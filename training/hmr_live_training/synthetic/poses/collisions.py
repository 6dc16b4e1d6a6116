"""Self-penetration of limbs and body, from capsules around the bones."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT

Array = NDArray[np.floating[Any]]


def _bone(start: str, end: str, radius: float) -> tuple[int, int, float]:
    return JOINT[start], JOINT[end], radius


#: Thick parts: bone and radius in metres.
_SOLID: Final = (
    _bone("pelvis", "spine1", 0.115),
    _bone("spine1", "spine3", 0.105),
    _bone("spine3", "neck", 0.085),
    _bone("head", "head", 0.09),
    _bone("left_hip", "left_knee", 0.06),
    _bone("right_hip", "right_knee", 0.06),
    _bone("left_knee", "left_ankle", 0.045),
    _bone("right_knee", "right_ankle", 0.045),
)
#: Parts that move into them: bone, and which solids are not their own neighbours.
_MOVING: Final = (
    *((_bone(f"{s}_elbow", f"{s}_wrist", 0.03), range(8)) for s in ("left", "right")),
    *((_bone(f"{s}_wrist", f"{s}_hand", 0.03), range(8)) for s in ("left", "right")),
    (_bone("left_knee", "left_ankle", 0.045), (0, 1, 2, 3, 5, 7)),
    (_bone("right_knee", "right_ankle", 0.045), (0, 1, 2, 3, 4)),
)
#: Where along a moving bone the distance is measured.
_STOPS: Final = np.array([0.35, 0.7, 1.0])


def _tables() -> tuple[list[Array], list[tuple[int, int]]]:
    moving = [list(column) for column in zip(*(bone for bone, _ in _MOVING), strict=True)]
    solid = [list(column) for column in zip(*_SOLID, strict=True)]
    pairs = [(m, s) for m, (_, solids) in enumerate(_MOVING) for s in solids]
    return [np.array(part) for part in (*moving, *solid)], pairs


(_M_START, _M_END, _M_RADIUS, _S_START, _S_END, _S_RADIUS), _PAIRS = _tables()
_M_OF_PAIR, _S_OF_PAIR = (np.array(part) for part in zip(*_PAIRS, strict=True))
_GAP: Final = (_M_RADIUS[_M_OF_PAIR] + _S_RADIUS[_S_OF_PAIR])[:, None]


def self_penetration(joints: Array) -> float:
    """Deepest penetration of a limb into another part, metres (0 = none), of ``(24, 3)`` joints."""
    start, end = joints[_M_START], joints[_M_END]
    points = (start[:, None] + (end - start)[:, None] * _STOPS[:, None])[_M_OF_PAIR]
    base = joints[_S_START][_S_OF_PAIR][:, None]
    axis = (joints[_S_END] - joints[_S_START])[_S_OF_PAIR][:, None]
    length2 = np.maximum((axis * axis).sum(axis=-1), 1e-9)
    along = np.clip(((points - base) * axis).sum(axis=-1) / length2, 0, 1)
    distance = np.linalg.norm(points - base - along[..., None] * axis, axis=-1)
    return float(max((_GAP - distance).max(), 0.0))
