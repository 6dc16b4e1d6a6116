"""One followed person: where to look next, the filters with their past, and how they look."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from hmr_live.core.state import Array, BodyState, CropBox
from hmr_live.recovery.crop_to_camera import CameraSpaceBody, CropEstimate
from hmr_live.recovery.smoothing import BodySmoother
from hmr_live.recovery.tracking.appearance import Appearance

#: Nobody turns about faster than this, radians a second (three turns a second); a body that does is
#: one whose left and right the network has mixed up for a moment.
MAX_TURN_RATE: Final = 6 * math.pi
#: A smaller turn is believed however short the time was.
MIN_FLIP_ANGLE: Final = math.pi / 4
#: For so many frames in a row an implausible turn is not believed; then it is.
MAX_REJECTED_FLIPS: Final = 2
#: Seconds over which the speed in the picture is averaged.
_SPEED_OVER_S: Final = 0.2
#: Somebody out of sight is thought to go on with their last speed for about so long.
_VELOCITY_DECAY_S: Final = 0.5


class AcceptedBody(NamedTuple):
    """What was shown for a frame, the raw root rotation behind it, and when."""

    state: BodyState
    root: Array
    time: float


class Track:
    """A person with an identity.

    Parameters
    ----------
    track_id
        Identity.
    seen
        What the network saw of the person first.
    """

    def __init__(self, track_id: int, seen: CropEstimate) -> None:
        self.track_id = track_id
        #: Where to look next.
        self.crop_box = seen.next_crop_box
        #: What the network saw of the person last.
        self.last = seen
        self.smoother = BodySmoother()
        #: The last answer that was believed, and how many have not been since.
        self.last_accepted: AcceptedBody | None = None
        self.flips_rejected = 0
        #: Frames since the detector last saw the person.
        self.frames_unchecked = 0
        self.appearance = Appearance()
        #: In how many frames somebody who may be a person was seen.
        self.frames_seen = 0
        #: When the person was lost, and in how many frames they have not been seen since.
        self.lost_at = 0.0
        self.frames_lost = 0
        self._seen_at: float | None = None
        #: Pixels a second.
        self._velocity = 0.0, 0.0

    def is_implausible_flip(self, rotmats: Array, time: float) -> bool:
        """Whether the body ``(24, 3, 3)`` has turned about faster than anybody can."""
        if self.last_accepted is None or self.flips_rejected >= MAX_REJECTED_FLIPS:
            return False
        # The trace of the turn between them, without the turn.
        trace = float(np.vdot(self.last_accepted.root, rotmats[0]))
        angle = math.acos(min(max((trace - 1) / 2, -1.0), 1.0))
        # However short the time between two frames is, a little turn may always be noise.
        return angle > max(MAX_TURN_RATE * abs(time - self.last_accepted.time), MIN_FLIP_ANGLE)

    def smoothed(self, body: CameraSpaceBody, time: float) -> CameraSpaceBody:
        """What the person's own filters make of a body."""
        return CameraSpaceBody(*self.smoother(*body, time))

    def update(self, estimate: CropEstimate, time: float) -> None:
        """Look next where the person was seen; the raw joints, which do not lag, say where."""
        if self._seen_at is not None and time > self._seen_at:
            elapsed = time - self._seen_at
            share = 1 - math.exp(-elapsed / _SPEED_OVER_S)
            x, y = self._velocity
            x += share * ((estimate.next_crop_box.cx - self.crop_box.cx) / elapsed - x)
            y += share * ((estimate.next_crop_box.cy - self.crop_box.cy) / elapsed - y)
            self._velocity = x, y
        self._seen_at, self.last = time, estimate
        self.crop_box = estimate.next_crop_box

    def predicted(self, time: float) -> CropBox:
        """Where the person should be at ``time``, if they go on as they did and then stop."""
        elapsed = 0.0 if self._seen_at is None else max(time - self._seen_at, 0.0)
        way = _VELOCITY_DECAY_S * (1 - math.exp(-elapsed / _VELOCITY_DECAY_S))
        x, y = self._velocity
        return replace(self.crop_box, cx=self.crop_box.cx + way * x, cy=self.crop_box.cy + way * y)

    def restart(self, crop_box: CropBox) -> None:
        """The person is back at ``crop_box`` after a gap: the filters know nothing of them."""
        self.crop_box = crop_box
        self.smoother.reset()
        self.last_accepted, self.flips_rejected, self.frames_unchecked = None, 0, 0
        self._seen_at, self._velocity = None, (0.0, 0.0)
