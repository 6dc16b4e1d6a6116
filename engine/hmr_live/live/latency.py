"""Capture-to-screen latency: from the grab of a frame to the buffer swap, for every frame shown."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import numpy as np

from hmr_live.core.timing import StageSummary, summarise

#: Frames behind the live figures: ten seconds at 30 frames/s.
RECENT: Final = 300
#: Frames that a report holds: ten minutes.
_MOST_FRAMES: Final = 18_000
#: Width of the histogram's bars, and where the last, open-ended one begins (ms).
_BAR_MS: Final = 2.5
_LAST_BAR_MS: Final = 150.0


class FrameTimestamps(NamedTuple):
    """Timestamps of one frame, seconds on the monotonic clock, in ascending order.

    Attributes
    ----------
    grabbed
        The camera delivered it.
    started, finished
        A live session started recovery on it, and finished.
    delivered
        The window's main thread received it.
    swapped
        The buffers that show it were swapped.
    """

    grabbed: float
    started: float
    finished: float
    delivered: float
    swapped: float


#: The intervals between two timestamps.
SEGMENTS: Final = ("capture", "recovery", "hand-over", "drawing")


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Latency of many frames, milliseconds.

    Attributes
    ----------
    frames
        Number of frames measured.
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
        """The report as a table."""
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
    """Collects the timestamps of the frames shown."""

    def __init__(self) -> None:
        self._frames: deque[FrameTimestamps] = deque(maxlen=_MOST_FRAMES)

    def add(self, frame: FrameTimestamps) -> None:
        """Add a frame that has been shown."""
        self._frames.append(frame)

    def clear(self) -> None:
        """Discard all frames."""
        self._frames.clear()

    @property
    def count(self) -> int:
        """Number of frames that a report would cover."""
        return len(self._frames)

    def recent(self) -> StageSummary | None:
        """Milliseconds from grab to swap over the last :data:`RECENT` frames; None without any."""
        if not self._frames:
            return None
        count = min(len(self._frames), RECENT)
        latest = [self._frames[-number] for number in range(1, count + 1)]
        return summarise(1000 * (frame.swapped - frame.grabbed) for frame in latest)

    def report(self) -> LatencyReport | None:
        """Report on all frames so far; None if there are none."""
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
