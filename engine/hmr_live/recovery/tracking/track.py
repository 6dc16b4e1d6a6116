"""One tracked person: the next crop box, the state of the filters, and the appearance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from hmr_live.core.state import Array, BodyState, CropBox
from hmr_live.recovery.crop_to_camera import CameraSpaceBody, CropEstimate
from hmr_live.recovery.person_shape import PersonShape
from hmr_live.recovery.smoothing import BodySmoother
from hmr_live.recovery.tracking.appearance import Appearance

#: Nobody turns faster than this, radians a second (three turns a second); a body that seems to has
#: had its left and right confused by the network for a moment.
MAX_TURN_RATE: Final = 6 * math.pi
#: A smaller turn is accepted however short the time between two frames.
MIN_FLIP_ANGLE: Final = math.pi / 4
#: An implausible turn is rejected for this many frames in a row, then accepted.
MAX_REJECTED_FLIPS: Final = 2
#: Time constant of the velocity estimate, seconds.
_VELOCITY_TIME_S: Final = 0.2
#: Time constant with which the velocity of a lost track decays, seconds.
_VELOCITY_DECAY_S: Final = 0.5


class AcceptedBody(NamedTuple):
    """The last accepted body: its state, its raw root rotation, and its time."""

    state: BodyState
    root: Array
    time: float


class Track:
    """One person's track.

    Parameters
    ----------
    track_id
        Identity.
    seen
        The first estimate of the person.
    """

    def __init__(self, track_id: int, seen: CropEstimate) -> None:
        self.track_id = track_id
        #: Where to crop next.
        self.crop_box = seen.next_crop_box
        #: The latest estimate of the person.
        self.last = seen
        self.shape = PersonShape()
        self.smoother = BodySmoother()
        #: The last accepted body, and how many were rejected since.
        self.last_accepted: AcceptedBody | None = None
        self.flips_rejected = 0
        #: Frames since the detector last confirmed the person.
        self.frames_unchecked = 0
        self.appearance = Appearance()
        #: Frames in which a tentative track was seen.
        self.frames_seen = 0
        #: When the track was lost, and in how many frames it has not been seen since.
        self.lost_at = 0.0
        self.frames_lost = 0
        self._seen_at: float | None = None
        #: Pixels a second.
        self._velocity = 0.0, 0.0

    def is_implausible_flip(self, rotmats: Array, time: float) -> bool:
        """Whether the body has turned faster than anybody can: left and right have flipped."""
        if self.last_accepted is None or self.flips_rejected >= MAX_REJECTED_FLIPS:
            return False
        # The trace of the relative rotation, without the rotation.
        trace = float(np.vdot(self.last_accepted.root, rotmats[0]))
        angle = math.acos(min(max((trace - 1) / 2, -1.0), 1.0))
        # However short the time between two frames, a small turn may be noise.
        return angle > max(MAX_TURN_RATE * abs(time - self.last_accepted.time), MIN_FLIP_ANGLE)

    def smoothed(self, body: CameraSpaceBody, time: float) -> CameraSpaceBody:
        """The body, smoothed by the track's own filters."""
        rotmats, transl = self.smoother(body.rotmats, body.transl, time)
        return body._replace(rotmats=rotmats, transl=transl)

    def update(self, estimate: CropEstimate, time: float) -> None:
        """Take a new estimate: its raw joints, which do not lag, give the next crop box."""
        if self._seen_at is not None and time > self._seen_at:
            elapsed = time - self._seen_at
            weight = 1 - math.exp(-elapsed / _VELOCITY_TIME_S)
            x, y = self._velocity
            x += weight * ((estimate.next_crop_box.cx - self.crop_box.cx) / elapsed - x)
            y += weight * ((estimate.next_crop_box.cy - self.crop_box.cy) / elapsed - y)
            self._velocity = x, y
        self._seen_at, self.last = time, estimate
        self.crop_box = estimate.next_crop_box

    def predicted(self, time: float) -> CropBox:
        """Predicted crop box at ``time``, with a velocity that decays to zero."""
        elapsed = 0.0 if self._seen_at is None else max(time - self._seen_at, 0.0)
        way = _VELOCITY_DECAY_S * (1 - math.exp(-elapsed / _VELOCITY_DECAY_S))
        x, y = self._velocity
        return replace(self.crop_box, cx=self.crop_box.cx + way * x, cy=self.crop_box.cy + way * y)

    def restart(self, crop_box: CropBox) -> None:
        """Restart at ``crop_box`` after a gap, with fresh filters."""
        self.crop_box = crop_box
        self.smoother.reset()
        self.last_accepted, self.flips_rejected, self.frames_unchecked = None, 0, 0
        self._seen_at, self._velocity = None, (0.0, 0.0)
