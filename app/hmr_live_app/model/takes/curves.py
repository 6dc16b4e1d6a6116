"""Joint angles of a whole take, and their decimation for plots.  Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.angles import AnatomicalFrames, joint_angles, unwrap_angles
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import Array
from hmr_live.recovery.smoothing import MAX_GAP_S
from hmr_live.takes.take import Motion

#: Frames whose angles are computed together: enough for speed, few enough for memory.
_BLOCK: Final = 4096


@dataclass(frozen=True)
class AngleCurves:
    """Angles of one person over a take.

    Attributes
    ----------
    times
        ``(T,)`` seconds since the take's first frame.
    degrees
        ``(T, len(ANGLES))``, continued from frame to frame.
    """

    times: NDArray[np.float64]
    degrees: Array


def angle_curves(
    motion: Motion, start: float, frames: AnatomicalFrames | None = None
) -> AngleCurves:
    """Compute the joint angles of a person over a take.

    Parameters
    ----------
    motion
        The person; at least one frame.
    start
        Seconds on the take's clock that count as zero.
    frames
        Anatomical frames of the body; see :func:`hmr_live.angles.joint_angles`.
    """
    pose = motion.pose
    blocks = [
        joint_angles(matrix_from_axis_angle(pose[first : first + _BLOCK]), frames)
        for first in range(0, len(pose), _BLOCK)
    ]
    degrees = unwrap_angles(np.concatenate(blocks)).astype(np.float32)
    return AngleCurves(motion.times - start, degrees)


def decimate(
    times: NDArray[np.float64], values: Array, start: float, end: float, bins: int
) -> tuple[NDArray[np.float64], Array, NDArray[np.int32]]:
    """Reduce a curve to the lowest and highest sample of each bin, for a plot of few pixels.

    Parameters
    ----------
    times, values
        ``(T,)`` ascending seconds, and one curve ``(T,)``.
    start, end
        The visible part.
    bins
        Number of bins; fewer than two samples per bin are returned unchanged.

    Returns
    -------
    times, values, connect
        ``(N,)`` each; ``connect`` is 1 where a line leads to the next point, and 0 at gaps.
    """
    first = max(int(np.searchsorted(times, start)) - 1, 0)
    last = min(int(np.searchsorted(times, end, side="right")) + 1, len(times))
    times, values = times[first:last], values[first:last]
    gaps = np.append(np.diff(times) > MAX_GAP_S, True)
    if len(times) <= 2 * bins:
        return times, values, (~gaps).astype(np.int32)
    edges = np.linspace(times[0], times[-1], bins + 1)[:-1]
    starts = np.unique(np.searchsorted(times, edges))
    shown = np.stack(
        [np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)], axis=1
    )
    ends = np.append(starts[1:], len(times)) - 1
    moments = np.stack([times[starts], (times[starts] + times[ends]) / 2], axis=1)
    lost = np.logical_or.reduceat(gaps, starts)
    connect = np.stack([np.ones(len(starts)), ~lost], axis=1)
    return moments.reshape(-1), shown.reshape(-1), connect.reshape(-1).astype(np.int32)
