"""From the grab of a frame to the swap of the screen's buffers: measured on every frame shown."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import numpy as np

from hmr_live.core.timing import StageSummary, summarise

#: Frames that the live figures look back on: ten seconds of a usual camera.
RECENT: Final = 300
#: Frames that a report holds: ten minutes.
_MOST_FRAMES: Final = 18_000
#: Width of a histogram's bars, and where the last one, which takes the rest, begins (ms).
_BAR_MS: Final = 2.5
_LAST_BAR_MS: Final = 150.0


class FrameTimestamps(NamedTuple):
    """Moments of one frame, seconds on the monotonic clock, each at or after the one before.

    Attributes
    ----------
    grabbed
        The camera had it.
    started, finished
        A live session took it up for recovery, and was done with it.
    delivered
        The window's main thread had it.
    swapped
        The buffers with its picture were swapped.
    """

    grabbed: float
    started: float
    finished: float
    delivered: float
    swapped: float


#: What lies between two milestones.
SEGMENTS: Final = ("capture", "recovery", "hand-over", "drawing")


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Latency of many frames, milliseconds.

    Attributes
    ----------
    frames
        How many were measured.
    p50, p95, longest
        From grab to swap.
    segments
        Segment (:data:`SEGMENTS`) -> its median and 95th percentile.  *capture* is decoding and
        the wait for the recovery thread, *hand-over* the wait for the main thread.
    shares
        Segment -> its part of the mean latency, adding up to 1.
    bar_ms, bars
        Histogram: width of a bar, and frames in each; the last bar holds everything slower.
    """

    frames: int
    p50: float
    p95: float
    longest: float
    segments: dict[str, StageSummary]
    shares: dict[str, float]
    bar_ms: float
    bars: tuple[int, ...]

    def as_text(self) -> str:
        """Table for people."""
        rows = [f"{'stage':<12}{'p50 ms':>8}{'p95 ms':>8}{'share':>8}"]
        rows += [
            f"{name:<12}{summary.p50:>8.1f}{summary.p95:>8.1f}{self.shares[name]:>8.0%}"
            for name, summary in self.segments.items()
        ]
        rows.append(f"{'all':<12}{self.p50:>8.1f}{self.p95:>8.1f}{1:>8.0%}")
        return f"Capture to screen over {self.frames} frames\n" + "\n".join(rows)

    def as_json(self) -> str:
        """The same, and the histogram, as JSON."""
        return json.dumps(asdict(self), indent=2)


class LatencyMeter:
    """Keeps the milestones of the frames shown."""

    def __init__(self) -> None:
        self._frames: deque[FrameTimestamps] = deque(maxlen=_MOST_FRAMES)

    def add(self, frame: FrameTimestamps) -> None:
        """Take in a frame that has been shown."""
        self._frames.append(frame)

    def clear(self) -> None:
        """Begin anew."""
        self._frames.clear()

    @property
    def count(self) -> int:
        """How many frames a report would be of."""
        return len(self._frames)

    def recent(self) -> StageSummary | None:
        """Milliseconds from grab to swap over the last :data:`RECENT` frames; None without any."""
        if not self._frames:
            return None
        count = min(len(self._frames), RECENT)
        latest = [self._frames[-number] for number in range(1, count + 1)]
        return summarise(1000 * (frame.swapped - frame.grabbed) for frame in latest)

    def report(self) -> LatencyReport | None:
        """Everything since the beginning; None when nothing was shown yet."""
        if not self._frames:
            return None
        moments = np.array(self._frames, np.float64)
        parts = 1000 * np.diff(moments, axis=1)
        whole = parts.sum(axis=1)
        total = summarise(whole)
        means = parts.mean(axis=0) / max(float(whole.mean()), 1e-9)
        edges = np.arange(0, _LAST_BAR_MS + _BAR_MS, _BAR_MS)
        bars, _ = np.histogram(np.clip(whole, 0, _LAST_BAR_MS), edges)
        return LatencyReport(
            frames=total.count,
            p50=total.p50,
            p95=total.p95,
            longest=float(whole.max()),
            segments={name: summarise(parts[:, k]) for k, name in enumerate(SEGMENTS)},
            shares={name: float(means[k]) for k, name in enumerate(SEGMENTS)},
            bar_ms=_BAR_MS,
            bars=tuple(int(count) for count in bars),
        )
