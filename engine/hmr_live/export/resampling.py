"""Resample the uneven frame times of a webcam to a constant rate.

Rotations are interpolated by slerp, positions and confidences linearly.  A gap of more than
:data:`LONGEST_BRIDGE_S` between two frames is not interpolated: the motion in it is unknown.  The
resampled frames inside such a gap hold the last pose and are marked as not seen, so that the file
keeps its length and stays in sync with the video; formats with missing values leave them empty.
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
#: Times that deviate from a constant rate by less than this are even: files round every time to
#: milliseconds, the first one too.
_EVEN_WITHIN_S: Final = 0.0011
#: A time this close to a frame's takes that frame unchanged.
_SAME_MOMENT_S: Final = 1e-4
_MAX_RATE: Final = 1000.0
#: More than a day at 30 frames a second; beyond it the times are wrong.
_MAX_FRAMES: Final = 3_000_000


@dataclass(frozen=True)
class ResamplingGrid:
    """Times at a constant rate, and where they lie among the original frames.

    Attributes
    ----------
    rate
        Frames a second.
    before
        ``(T,)`` original frame at or before each new time.
    after
        ``(T,)`` the next one; the same one at the end and inside gaps.
    fraction
        ``(T,)`` in [0, 1], from ``before`` to ``after``.
    seen
        ``(T,)``, False inside gaps.
    """

    rate: float
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    fraction: NDArray[np.float64]
    seen: NDArray[np.bool_]

    def rotations(self, values: Array) -> Array:
        """Resample rotations, ``(N, ..., 3, 3)`` to ``(T, ..., 3, 3)``."""
        fraction = self.fraction.reshape(-1, *[1] * (values.ndim - 3))
        moved = self.fraction > 0
        result = values[self.before]
        result[moved] = slerp(result[moved], values[self.after[moved]], fraction[moved])
        return result

    def linear(self, values: Array) -> Array:
        """Interpolate values linearly, ``(N, ...)`` to ``(T, ...)``."""
        fraction = self.fraction.reshape(-1, *[1] * (values.ndim - 1))
        start = values[self.before]
        return np.asarray(start + fraction * (values[self.after] - start), np.float64)

    def nearest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Take the values of the nearest frame, ``(N, ...)`` to ``(T, ...)``."""
        return values[np.where(self.fraction < 0.5, self.before, self.after)]


def natural_rate(times: NDArray[np.float64]) -> float:
    """Frame rate of a motion: exact if its times are even, else a whole number.

    Parameters
    ----------
    times
        ``(N,)`` seconds, ascending; a single frame gives 30 by convention.
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
    """Maximum deviation from a constant rate, seconds."""
    even = times[0] + np.arange(len(times)) / rate
    return float(np.abs(times - even).max())


def resampling_grid(times: NDArray[np.float64], rate: float | None = None) -> ResamplingGrid:
    """Times at a constant rate from the first frame to the last.

    Parameters
    ----------
    times
        ``(N,)`` seconds, ascending.
    rate
        Frames a second; by default :func:`natural_rate`.

    Raises
    ------
    ExportError
        If the rate is invalid, or the times run backwards.
    """
    if np.any(np.diff(times) <= 0) or not np.isfinite(times).all():
        raise ExportError("The times of the take run backwards: it is damaged; repair it first.")
    if rate is None:
        rate = natural_rate(times)
    if not 0 < rate <= _MAX_RATE:
        raise ExportError(f"{rate:g} is not a frame rate: give frames a second, 1000 at the most.")
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
    # Even times are exact up to rounding: those frames are kept unchanged.
    at_before = np.abs(fraction * gap) < _SAME_MOMENT_S
    fraction[at_before] = 0.0
    at_after = np.abs((1 - fraction) * gap) < _SAME_MOMENT_S
    before[at_after], fraction[at_after] = after[at_after], 0.0
    in_gap = (times[after] - times[before] > LONGEST_BRIDGE_S) & (fraction > 0)
    fraction[in_gap] = 0.0
    after = np.where(fraction > 0, after, before)
    return ResamplingGrid(rate, before, after, fraction, ~in_gap)
