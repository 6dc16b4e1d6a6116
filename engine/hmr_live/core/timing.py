"""A timer for the stages of one frame, and statistics over many frames."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


class StageTimer:
    """Wall-clock time of the stages of one frame; a stage entered twice adds up."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a ``with`` statement as ``stage``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1000
            self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + spent


@dataclass(frozen=True, slots=True)
class StageSummary:
    """Median and 95th percentile of a stage in milliseconds, over ``count`` frames."""

    p50: float
    p95: float
    count: int


def summarise(milliseconds: Iterable[float]) -> StageSummary:
    """Median, 95th percentile and count of at least one measurement."""
    ordered = sorted(map(float, milliseconds))
    return StageSummary(_quantile(ordered, 0.50), _quantile(ordered, 0.95), len(ordered))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Like numpy's, in a tenth of the time on a few hundred numbers: the display calls it often."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


class StageStatistics:
    """Timings of the last ``window`` frames, stage by stage (all frames when None)."""

    def __init__(self, window: int | None = 120) -> None:
        self._window = window
        self._samples: dict[str, deque[float]] = {}

    def add(self, timings: Mapping[str, float]) -> None:
        """Add the milliseconds of one frame."""
        for stage, milliseconds in timings.items():
            self._samples.setdefault(stage, deque(maxlen=self._window)).append(milliseconds)

    def summary(self) -> dict[str, StageSummary]:
        """Stage -> median, p95 and count, in the order in which the stages were first seen."""
        return {stage: summarise(samples) for stage, samples in self._samples.items()}


class RateMeter:
    """Events a second over the last ``span`` seconds."""

    def __init__(self, span: float = 2.0) -> None:
        self._span = span
        self._times: deque[float] = deque()

    def tick(self, now: float) -> None:
        """Count one event at ``now`` (seconds, monotonic)."""
        self._times.append(now)
        while self._times and now - self._times[0] > self._span:
            self._times.popleft()

    def rate(self, now: float) -> float:
        """Events a second, as seen at ``now``; 0 when they have stopped."""
        recent = [t for t in list(self._times) if now - t <= self._span]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0]) if recent[-1] > recent[0] else 0.0
