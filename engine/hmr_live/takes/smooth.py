"""Zero-phase smoothing of a whole take: without delay, because it also uses later frames.

A Gaussian low-pass over time.  Its kernel is symmetric, so that no frequency is shifted (zero
phase); its weights follow the actual times of the frames, so that uneven times need no
resampling; and a straight line is fitted under the kernel (local linear regression), so that
neither uneven times nor the ends of a stream pull the motion to one side.  Rotations are averaged
as unit quaternions of one hemisphere (Markley et al. 2007), which for the small spread under the
kernel is the mean along the shortest arcs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.kinematics import posed_joints
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    quaternion_from_matrix,
)
from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live.core.errors import RecordingError
from hmr_live.recovery.smoothing import MAX_GAP_S
from hmr_live.takes.take import Motion, Take

Array = NDArray[np.floating[Any]]

#: Hz.  Voluntary movements hardly exceed it; the usual choice for gait (Winter 2009).
DEFAULT_CUTOFF: Final = 6.0
LOWEST_CUTOFF, HIGHEST_CUTOFF = 0.2, 30.0
#: The kernel reaches this many standard deviations to either side.
REACH: Final = 3.5
#: Frames smoothed at a time: enough for speed, few enough for memory.
_BLOCK: Final = 8192


def kernel_width(cutoff: float) -> float:
    """Standard deviation in seconds of the Gaussian that halves the power at ``cutoff`` Hz."""
    return math.sqrt(math.log(2)) / (2 * math.pi * cutoff)


def smooth_take(take: Take, body: BodyModel, cutoff: float = DEFAULT_CUTOFF) -> Take:
    """Smooth everybody's pose and position; the shape becomes its median over the take.

    The crop, its camera and the confidences are not changed.

    Parameters
    ----------
    take
        The take.
    body
        The body model of its shapes; it places the joints.
    cutoff
        Hz at which half of the power remains.

    Raises
    ------
    RecordingError
        If the cutoff is out of range or the take contains NaN or infinity.
    """
    if not LOWEST_CUTOFF <= cutoff <= HIGHEST_CUTOFF:
        raise RecordingError(
            f"A cutoff of {cutoff:g} Hz cannot be used: choose {LOWEST_CUTOFF:g} to "
            f"{HIGHEST_CUTOFF:g} Hz."
        )
    info = dict(take.info)
    info["smoothed"] = {"filter": "Gaussian, zero phase", "cutoff_hz": cutoff}
    motions = tuple(_smooth_motion(motion, body, cutoff) for motion in take.motions)
    return replace(take, info=info, motions=motions)


def smooth_values(times: NDArray[np.float64], values: Array, cutoff: float) -> Array:
    """Low-pass of any values over uneven times, without delay.

    Parameters
    ----------
    times
        ``(T,)`` ascending seconds.
    values
        ``(T, C)``.
    cutoff
        Hz at which half of the power remains.

    Returns
    -------
    NDArray
        ``(T, C)`` float64.  A gap of more than :data:`.MAX_GAP_S` is not smoothed
        across.
    """
    breaks = np.flatnonzero(np.diff(times) > MAX_GAP_S) + 1
    bounds = [0, *breaks.tolist(), len(times)]
    result = np.empty(values.shape)
    for first, last in pairwise(bounds):
        for start in range(first, last, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, last))
            result[rows] = _filtered(times[first:last], values[first:last], rows - first, cutoff)
    return result


def smooth_at(times: NDArray[np.float64], values: Array, row: int, cutoff: float) -> Array:
    """One row of :func:`smooth_values`, ``(C,)``, of frames without a gap."""
    return _filtered(times, values, np.array([row]), cutoff).reshape(-1)


def one_hemisphere(quaternions: Array) -> Array:
    """Quaternions ``(T, J, 4)`` with signs such that each one is near to the one before it."""
    turned = (quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0
    signs = np.cumprod(np.where(turned, -1, 1), axis=0)
    result = quaternions.copy()
    result[1:] *= signs[..., None]
    return result


def _filtered(
    times: NDArray[np.float64], values: Array, rows: NDArray[np.intp], cutoff: float
) -> Array:
    """Local linear regression at ``rows``, neighbour by neighbour: (first, second, ...) at once."""
    width = kernel_width(cutoff)
    centre = times[rows]
    first = np.searchsorted(times, centre - REACH * width)
    last = np.searchsorted(times, centre + REACH * width, side="right") - 1
    # Moments of the kernel about each row: its weight, and the weighted first and second power
    # of the neighbours' distance in units of the width.
    zeroth, once, twice = np.zeros((3, len(rows)))
    sums, tilted = np.zeros((2, len(rows), values.shape[1]))
    for offset in range(int((last - first).max()) + 1):
        place = np.minimum(first + offset, last)
        away = (times[place] - centre) / width
        weight = np.where(first + offset <= last, np.exp(-(away**2) / 2), 0)
        zeroth += weight
        once += weight * away
        twice += weight * away**2
        neighbours = values[place]
        sums += weight[:, None] * neighbours
        tilted += (weight * away)[:, None] * neighbours
    spread = zeroth * twice - once**2
    # Where no neighbour weighs anything there is no line to fit, only the frame itself.
    alone = spread < 1e-9 * zeroth**2
    safe = np.where(alone, 1, spread)[:, None]
    line = (twice[:, None] * sums - once[:, None] * tilted) / safe
    return np.where(alone[:, None], sums / zeroth[:, None], line)


def _smooth_motion(motion: Motion, body: BodyModel, cutoff: float) -> Motion:
    if not (np.isfinite(motion.pose).all() and np.isfinite(motion.joints).all()):
        raise RecordingError(
            "The take contains NaN or infinity, so it cannot be smoothed: show it unsmoothed."
        )
    count = len(motion.times)
    quaternions = one_hemisphere(quaternion_from_matrix(matrix_from_axis_angle(motion.pose)))
    pelvis = motion.joints[:, 0]
    # A person's shape does not change: it is the take's median, and the pelvis stays in its place.
    betas = np.asarray(np.median(motion.betas, axis=0), np.float32)
    rest = body.rest_joints(betas)
    smooth = smooth_values(
        motion.times, np.concatenate([quaternions.reshape(count, -1), pelvis], axis=1), cutoff
    )
    rotmats = matrix_from_quaternion(smooth[:, :-3].reshape(count, NUM_JOINTS, 4))
    transl = smooth[:, -3:] - rest[0]
    return replace(
        motion,
        pose=np.asarray(axis_angle_from_matrix(rotmats), np.float32),
        betas=np.tile(betas, (count, 1)),
        transl=np.asarray(transl, np.float32),
        joints=np.asarray(posed_joints(rotmats, rest) + transl[:, None], np.float32),
    )
