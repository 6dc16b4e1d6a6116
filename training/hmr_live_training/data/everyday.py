"""How often motion capture should show which posture.

Capture studios record dance, fights and climbing; before a webcam people stand, walk, sit and talk.
Frames are drawn so that the everyday has its share; none is left out.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT

Array = NDArray[np.floating[Any]]

#: Kinds of postures and their share among drawn frames.
SHARES: Final = {"standing": 0.32, "walking": 0.24, "sitting": 0.12, "other": 0.32}
#: Degrees: a leg that stands, one that walks, and one that sits.
_STANDS: Final = 18.0
_WALKS: Final = 75.0
_SITS: Final = (55.0, 130.0)
#: Degrees between the trunk and the vertical of somebody upright.
_UPRIGHT: Final = 25.0

_HIPS: Final = [JOINT["left_hip"], JOINT["right_hip"]]
_KNEES: Final = [JOINT["left_knee"], JOINT["right_knee"]]


def kinds(poses: Array) -> NDArray[np.str_]:
    """Kind of each posture, one of :data:`SHARES`.

    Parameters
    ----------
    poses
        ``(F, 24, 3)`` axis-angle; joint 0 turns into a world with y up.
    """
    knees = np.degrees(np.linalg.norm(poses[:, _KNEES], axis=-1))
    hips = np.degrees(-poses[:, _HIPS, 0])
    up = matrix_from_axis_angle(poses[:, 0])[:, 1, 1]
    upright = up > np.cos(np.radians(_UPRIGHT))
    stands = upright & (knees.max(axis=1) < _STANDS) & (np.abs(hips).max(axis=1) < 2 * _STANDS)
    walks = upright & ~stands & (knees.min(axis=1) < 2 * _STANDS) & (knees.max(axis=1) < _WALKS)
    sits = upright & (hips.min(axis=1) > _SITS[0]) & (knees.min(axis=1) > _SITS[0])
    sits &= knees.max(axis=1) < _SITS[1]
    return np.select([stands, walks, sits], ["standing", "walking", "sitting"], "other")


def everyday_weights(poses: Array) -> Array:
    """Probability ``(F,)`` of each frame with which kinds have their share; sums to one."""
    found = kinds(poses)
    weights = np.zeros(len(poses))
    for kind, share in SHARES.items():
        chosen = found == kind
        if chosen.any():
            weights[chosen] = share / chosen.sum()
    return np.asarray(weights / weights.sum())


def everyday_frames(poses: Array, *, seed: int = 0) -> Array:
    """As many frames as there are, drawn with :func:`everyday_weights`, ``(F, 24, 3)``."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(poses), len(poses), p=everyday_weights(poses))
    return np.asarray(poses[np.sort(chosen)])
