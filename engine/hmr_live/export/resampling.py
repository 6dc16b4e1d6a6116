"""From the uneven moments of a webcam to a constant rate.

Rotations are interpolated by slerp, positions and confidences linearly.  A gap of more than
:data:`LONGEST_BRIDGE_S` between two frames is not bridged: nobody knows how the person moved
there.  Every frame of the new clock inside such a gap holds what was seen last and is marked as
not seen, so that the file keeps its length and stays in step with the video; formats that know
missing values leave these frames empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import slerp
from hmr_live.core.errors import ExportError

Array = NDArray[np.floating[Any]]

LONGEST_BRIDGE_S: Final = 0.5
#: Moments that are off an even clock by less than this are even: files round them to milliseconds,
#: the first as well as each other one.
_EVEN_WITHIN_S: Final = 0.0011
#: What lies this near to a frame is that frame, unchanged.
_SAME_MOMENT_S: Final = 1e-4
_MAX_RATE: Final = 1000.0
#: Longer than a day at 30 frames a second; more is a mistake in the times.
_MAX_FRAMES: Final = 3_000_000


@dataclass(frozen=True)
class Clock:
    """New moments, and where they lie among the old ones.

    Attributes
    ----------
    rate
        Frames a second.
    before
        ``(T,)`` old frame at or before each new moment.
    after
        ``(T,)`` the next one; the same at the end and inside of gaps.
    fraction
        ``(T,)`` in [0, 1], from ``before`` to ``after``.
    seen
        ``(T,)``, False inside of gaps.
    """

    rate: float
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    fraction: NDArray[np.float64]
    seen: NDArray[np.bool_]

    def rotations(self, values: Array) -> Array:
        """``(N, ..., 3, 3)`` at the new moments, ``(T, ..., 3, 3)``."""
        fraction = self.fraction.reshape(-1, *[1] * (values.ndim - 3))
        moved = self.fraction > 0
        result = values[self.before]
        result[moved] = slerp(result[moved], values[self.after[moved]], fraction[moved])
        return result

    def linear(self, values: Array) -> Array:
        """``(N, ...)`` at the new moments, ``(T, ...)``."""
        fraction = self.fraction.reshape(-1, *[1] * (values.ndim - 1))
        start = values[self.before]
        return np.asarray(start + fraction * (values[self.after] - start), np.float64)

    def nearest(self, values: NDArray[Any]) -> NDArray[Any]:
        """``(N, ...)`` of the nearer frame, ``(T, ...)``."""
        return values[np.where(self.fraction < 0.5, self.before, self.after)]


def natural_rate(times: NDArray[np.float64]) -> float:
    """Frames a second of a stream: exact where the moments are even, else a whole number.

    Parameters
    ----------
    times
        ``(N,)`` seconds, ascending; a single frame has 30 by convention.
    """
    steps = np.diff(times)
    if not len(steps):
        return 30.0
    mean = len(steps) / float(times[-1] - times[0])
    for rate in (float(np.round(mean)), float(np.round(mean, 6))):
        if rate >= 1 and _deviation(times, rate) < _EVEN_WITHIN_S:
            return rate
    return max(1.0, float(np.round(1 / np.median(steps))))


def _deviation(times: NDArray[np.float64], rate: float) -> float:
    """Seconds by which a stream leaves an even clock at the most."""
    even = times[0] + np.arange(len(times)) / rate
    return float(np.abs(times - even).max())


def even_clock(times: NDArray[np.float64], rate: float | None = None) -> Clock:
    """Moments at a constant rate from the first frame to the last.

    Parameters
    ----------
    times
        ``(N,)`` seconds, ascending.
    rate
        Frames a second; by default :func:`natural_rate`.

    Raises
    ------
    ExportError
        When the rate is no rate, or the times run backwards.
    """
    if np.any(np.diff(times) <= 0) or not np.isfinite(times).all():
        raise ExportError("The times of the take run backwards: it is damaged; repair it first.")
    if rate is None:
        rate = natural_rate(times)
    if not 0 < rate <= _MAX_RATE:
        raise ExportError(f"{rate:g} is no rate: give frames a second, 1000 at the most.")
    span = times[-1] - times[0]
    # The last frame belongs to the result although the division may fall just short of it.
    count = int(np.floor(span * rate + 1e-3)) + 1
    if count > _MAX_FRAMES:
        raise ExportError(
            f"The take would have {count} frames at {rate:g} a second: choose a lower --rate."
        )
    moments = np.minimum(times[0] + np.arange(count) / rate, times[-1])
    before = np.searchsorted(times, moments + 1e-9, side="right") - 1
    after = np.minimum(before + 1, len(times) - 1)
    gap = np.maximum(times[after] - times[before], 1e-12)
    fraction = np.clip((moments - times[before]) / gap, 0, 1)
    # Even times are exact up to rounding: what was measured is kept as it is.
    off = np.abs(fraction * gap) < _SAME_MOMENT_S
    fraction[off] = 0.0
    late = np.abs((1 - fraction) * gap) < _SAME_MOMENT_S
    before[late], fraction[late] = after[late], 0.0
    lost = (times[after] - times[before] > LONGEST_BRIDGE_S) & (fraction > 0)
    fraction[lost] = 0.0
    after = np.where(fraction > 0, after, before)
    return Clock(rate, before, after, fraction, ~lost)
