"""Puts people from the camera frame on the floor of a room with y up.

A single camera knows neither where the floor is nor how far away a person stands: the distance
trembles from frame to frame.  The room therefore follows people slowly: quick movements (a step,
a jump) are seen as they are, a slow drift of the estimate is not.
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
    """The moving relation between the camera frame and the room.

    Parameters
    ----------
    time_constant
        Seconds after which 63 % of a standing difference is made up for.
    """

    def __init__(self, time_constant: float = 0.8) -> None:
        self.time_constant = time_constant
        #: Metres from the middle of the room to the person farthest from it.
        self.spread = 0.0
        self._origin: Array | None = None
        self._time = 0.0

    def reset(self) -> None:
        """Forget where the floor was; the next person seen is put on it at once."""
        self._origin = None

    def follow(self, bodies: Sequence[BodyState], time: float) -> None:
        """Take note of the people seen at ``time`` seconds; nobody leaves the room as it is.

        The floor is the first one's; they all stand around the middle.
        """
        if not bodies:
            return
        spots = np.stack([_spot(body.joints) for body in bodies])
        wanted = np.asarray(spots.mean(axis=0), np.float32)
        wanted[1] = spots[0, 1]
        spread = float(np.linalg.norm((spots - wanted)[:, [0, 2]], axis=1).max())
        elapsed = time - self._time
        self._time = time
        if self._origin is None or elapsed < 0:
            self._origin, self.spread = wanted, spread
            return
        share = 1 - np.exp(-elapsed / self.time_constant)
        self._origin = np.asarray(self._origin + share * (wanted - self._origin), np.float32)
        self.spread += float(share) * (spread - self.spread)

    @property
    def world_from_camera(self) -> Array:
        """``(4, 4)`` from the camera frame to the room: floor at y = 0, people around x = z = 0."""
        matrix = VIEW_FROM_CAMERA.copy()
        if self._origin is not None:
            matrix[:3, 3] = -self._origin
        return matrix


def _spot(joints: Array) -> Array:
    """Point on the floor under the pelvis, ``(3,)`` in camera directions turned to y up."""
    up = np.asarray(joints @ VIEW_FROM_CAMERA[:3, :3].T)
    floor = (up[_FEET, 1] - _SOLES).min()
    pelvis = up[JOINT["pelvis"]]
    return np.array([pelvis[0], floor, pelvis[2]], np.float32)
