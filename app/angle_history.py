"""The joint angles of the last seconds, without Qt."""

from __future__ import annotations

import numpy as np

from engine.angles import ANGLES
from engine.state import Array, FrameResult


class AngleHistory:
    """A ring of the newest samples.

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
        self._count = 0

    def add(self, result: FrameResult) -> None:
        """Take in the first body of a frame; nobody in sight leaves a gap.

        Time that runs backwards is the beginning of another source: the past is forgotten.
        """
        time = result.frame.time
        if self._count and time < self.newest:
            self.clear()
        row = self._count % len(self._times)
        self._times[row] = time
        self._values[row] = result.bodies[0].angles if result.bodies else np.nan
        self._count += 1

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0

    @property
    def newest(self) -> float:
        """Time of the newest sample in seconds; 0 when there is none."""
        return float(self._times[(self._count - 1) % len(self._times)]) if self._count else 0.0

    def latest(self) -> Array:
        """Newest angles ``(len(ANGLES),)`` in degrees; NaN when nobody is in sight."""
        if not self._count:
            return np.full(len(ANGLES), np.nan, np.float32)
        return np.array(self._values[(self._count - 1) % len(self._times)])

    def window(self) -> tuple[Array, Array]:
        """Samples of the last :attr:`seconds`, oldest first.

        Returns
        -------
        times, values
            ``(N,)`` seconds before the newest sample (so the last one is 0) and
            ``(N, len(ANGLES))`` degrees; NaN where nobody was in sight.
        """
        size = len(self._times)
        kept = min(self._count, size)
        rows = np.arange(self._count - kept, self._count) % size
        ages = self._times[rows] - self.newest
        recent = ages >= -self.seconds
        return np.asarray(ages[recent]), self._values[rows[recent]]
