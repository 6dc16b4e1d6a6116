"""Place people from the camera frame on the floor of a world with y up.

A single camera knows neither where the floor is nor how far away a person stands: the estimated
distance jitters from frame to frame.  The world's origin therefore follows people slowly: quick
movements (a step, a jump) are visible, a slow drift of the estimate is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array, BodyState
from hmr_live.render.view_camera import VIEW_FROM_CAMERA

#: Metres from the lowest foot or ankle joint down to the sole.
_FOOT_HEIGHT = {"left_foot": 0.03, "right_foot": 0.03, "left_ankle": 0.08, "right_ankle": 0.08}
_FEET = np.array([JOINT[name] for name in _FOOT_HEIGHT])
_SOLES = np.array(list(_FOOT_HEIGHT.values()), np.float32)


class FloorTracker:
    """The slowly moving transform from the camera frame to the world.

    Parameters
    ----------
    time_constant
        Seconds after which 63 % of a constant offset is compensated.
    """

    def __init__(self, time_constant: float = 0.8) -> None:
        self.time_constant = time_constant
        #: Metres from the origin to the person farthest from it.
        self.spread = 0.0
        self._origin: Array | None = None
        self._time = 0.0

    def reset(self) -> None:
        """Forget the floor; the next person seen is placed on it at once."""
        self._origin = None

    def follow(self, bodies: Sequence[BodyState], time: float) -> None:
        """Update with the people seen at ``time`` seconds; without any, nothing changes.

        The floor is that of the first person; the origin is in the middle of them all.
        """
        if not bodies:
            return
        floor_points = np.stack([_floor_point(body.joints) for body in bodies])
        target = np.asarray(floor_points.mean(axis=0), np.float32)
        target[1] = floor_points[0, 1]
        spread = float(np.linalg.norm((floor_points - target)[:, [0, 2]], axis=1).max())
        elapsed = time - self._time
        self._time = time
        if self._origin is None or elapsed < 0:
            self._origin, self.spread = target, spread
            return
        weight = 1 - np.exp(-elapsed / self.time_constant)
        self._origin = np.asarray(self._origin + weight * (target - self._origin), np.float32)
        self.spread += float(weight) * (spread - self.spread)

    @property
    def world_from_camera(self) -> Array:
        """``(4, 4)`` from camera frame to world: floor at y = 0, people around x = z = 0."""
        matrix = VIEW_FROM_CAMERA.copy()
        if self._origin is not None:
            matrix[:3, 3] = -self._origin
        return matrix


def _floor_point(joints: Array) -> Array:
    """Point on the floor under the pelvis, ``(3,)``, in the camera frame rotated to y up."""
    up = np.asarray(joints @ VIEW_FROM_CAMERA[:3, :3].T)
    floor = (up[_FEET, 1] - _SOLES).min()
    pelvis = up[JOINT["pelvis"]]
    return np.array([pelvis[0], floor, pelvis[2]], np.float32)
