"""The joint angles of the last seconds, without Qt."""

from __future__ import annotations

import numpy as np

from hmr_live.angles import ANGLES, AngleContinuity
from hmr_live.core.state import Array, FrameResult


class AngleHistory:
    """A ring of the newest samples, continued from frame to frame.

    Angles run on beyond 180 degrees and hold at singularities, as
    :class:`hmr_live.angles.AngleContinuity` says.

    Parameters
    ----------
    seconds
        How far back it remembers.
    capacity
        Most samples kept; 120 a second for the default length.
    """

    def __init__(self, seconds: float = 10.0, capacity: int = 1200) -> None:
        self.seconds = seconds
        self._times = np.zeros(capacity)
        self._values = np.full((capacity, len(ANGLES)), np.nan, np.float32)
        self._continuity = AngleContinuity()
        self._track_id: int | None = None
        self._count = 0

    def add(self, result: FrameResult) -> None:
        """Add the angles of a frame's leader; without one there is a gap.

        The history is cleared when time runs backwards, because another source has begun, and when
        the leader is another person.
        """
        time, body = result.frame.time, result.leader
        if self._count and time < self.newest:
            self.clear()
        if body is not None and body.track_id != self._track_id:
            self.clear()
            self._track_id = body.track_id
        row = self._count % len(self._times)
        self._times[row] = time
        if body is not None:
            self._values[row] = self._continuity.update(body.angles)
        else:
            self._values[row] = np.nan
        self._count += 1

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0
        self._continuity.reset()

    @property
    def newest(self) -> float:
        """Time of the newest sample in seconds; 0 when there is none."""
        return float(self._times[(self._count - 1) % len(self._times)]) if self._count else 0.0

    def latest(self) -> Array:
        """Newest angles ``(len(ANGLES),)``, -180 to 180 degrees; NaN when nobody is in sight."""
        if not self._count:
            return np.full(len(ANGLES), np.nan, np.float32)
        newest = self._values[(self._count - 1) % len(self._times)]
        return np.asarray(newest - whole_turns(newest))

    def window(self) -> tuple[Array, Array]:
        """Samples of the last :attr:`seconds`, oldest first.

        Returns
        -------
        times, values
            ``(N,)`` seconds before the newest sample (so the last one is 0) and
            ``(N, len(ANGLES))`` degrees without jumps by 360; NaN where nobody was in sight.
        """
        size = len(self._times)
        kept = min(self._count, size)
        rows = np.arange(self._count - kept, self._count) % size
        ages = self._times[rows] - self.newest
        recent = ages >= -self.seconds
        return np.asarray(ages[recent]), self._values[rows[recent]]


def whole_turns(degrees: Array) -> Array:
    """The multiples of 360 that bring angles to -180 to 180 when taken away."""
    return np.asarray(360 * np.round(degrees / 360))
