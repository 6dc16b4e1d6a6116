"""One followed person: where to look next, the filters with their past, and how they look."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from hmr_live.core.state import Array, BodyState, CropBox
from hmr_live.recovery.crop_to_camera import Placed, Sighting
from hmr_live.recovery.smoothing import BodySmoother
from hmr_live.recovery.tracking.appearance import Appearance

#: Nobody turns about faster than this, radians a second (three turns a second); a body that does is
#: one whose left and right the network has mixed up for a moment.
FASTEST_TURN: Final = 6 * math.pi
#: A smaller turn is believed however short the time was.
LEAST_DOUBTED: Final = math.pi / 4
#: For so many frames in a row an implausible turn is not believed; then it is.
TURNS_DOUBTED: Final = 2
#: Seconds over which the speed in the picture is averaged.
_SPEED_OVER_S: Final = 0.2
#: Somebody out of sight is thought to go on with their last speed for about so long.
_GOES_ON_S: Final = 0.5


class Believed(NamedTuple):
    """What was shown for a frame, the raw root rotation behind it, and when."""

    state: BodyState
    root: Array
    time: float


class Track:
    """A person with an identity.

    Parameters
    ----------
    person
        Identity.
    seen
        What the network saw of the person first.
    """

    def __init__(self, person: int, seen: Sighting) -> None:
        self.person = person
        #: Where to look next.
        self.crop_box = seen.around
        #: What the network saw of the person last.
        self.last = seen
        self.smoother = BodySmoother()
        #: The last answer that was believed, and how many have not been since.
        self.believed: Believed | None = None
        self.doubted = 0
        #: Frames since the detector last saw the person.
        self.unchecked = 0
        self.appearance = Appearance()
        #: In how many frames somebody who may be a person was seen.
        self.frames_seen = 0
        #: When the person was lost, and in how many frames they have not been seen since.
        self.lost_at = 0.0
        self.frames_lost = 0
        self._seen_at: float | None = None
        #: Pixels a second.
        self._velocity = 0.0, 0.0

    def doubts(self, rotmats: Array, time: float) -> bool:
        """Whether the body ``(24, 3, 3)`` has turned about faster than anybody can."""
        if self.believed is None or self.doubted >= TURNS_DOUBTED:
            return False
        # The trace of the turn between them, without the turn.
        trace = float(np.vdot(self.believed.root, rotmats[0]))
        angle = math.acos(min(max((trace - 1) / 2, -1.0), 1.0))
        # However short the time between two frames is, a little turn may always be noise.
        return angle > max(FASTEST_TURN * abs(time - self.believed.time), LEAST_DOUBTED)

    def smoothed(self, placed: Placed, time: float) -> Placed:
        """What the person's own filters make of a body."""
        return Placed(*self.smoother(*placed, time))

    def move_to(self, sighting: Sighting, time: float) -> None:
        """Look next where the person was seen; the raw joints, which do not lag, say where."""
        if self._seen_at is not None and time > self._seen_at:
            elapsed = time - self._seen_at
            share = 1 - math.exp(-elapsed / _SPEED_OVER_S)
            x, y = self._velocity
            x += share * ((sighting.around.cx - self.crop_box.cx) / elapsed - x)
            y += share * ((sighting.around.cy - self.crop_box.cy) / elapsed - y)
            self._velocity = x, y
        self._seen_at, self.last = time, sighting
        self.crop_box = sighting.around

    def predicted(self, time: float) -> CropBox:
        """Where the person should be at ``time``, if they go on as they did and then stop."""
        elapsed = 0.0 if self._seen_at is None else max(time - self._seen_at, 0.0)
        way = _GOES_ON_S * (1 - math.exp(-elapsed / _GOES_ON_S))
        x, y = self._velocity
        return replace(self.crop_box, cx=self.crop_box.cx + way * x, cy=self.crop_box.cy + way * y)

    def start_again(self, crop_box: CropBox) -> None:
        """The person is back at ``crop_box`` after a gap: the filters know nothing of them."""
        self.crop_box = crop_box
        self.smoother.reset()
        self.believed, self.doubted, self.unchecked = None, 0, 0
        self._seen_at, self._velocity = None, (0.0, 0.0)
