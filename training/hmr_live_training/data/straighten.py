"""Takes out the knee offset of captured skeletons.

CMU's skeletons bend knees that were straight.  On its walks a leg that carries the body at
mid-stance is bent by 20 to 30 degrees and swings through at 72 to 78, where gait analysis finds 5
and 60 to 65 (Perry and Burnfield, *Gait Analysis*, 2010).  So the offset is about 18 degrees on a
nearly straight leg; it is taken to fade to half of that on a well bent one, which the swing of
walks suggests and nothing measures on deep bends.  It belongs to the fit of a skeleton to its
markers, so there is one a leg and sequence.

The straightest moments are no measure of it: many sequences were fitted with a limit at 0 or 4
degrees, where knees rest for some frames before each heel strike.  It is measured on a leg that
carries: upright, sole level.  Whoever crouches, sits or fights throughout never stretches such a
leg; the offset is then that of the subject's other sequences, or that of the population.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.data.posture_angles import SIDES, knee_flexion, posture_angles

Array = NDArray[np.floating[Any]]

#: A leg carries when hip-ankle line and sole are within so many degrees of vertical and level.
_CARRYING: Final = 15.0
#: Fewer carrying frames than this say nothing.
_FRAMES: Final = 10
#: Straight end of the flexion of carrying legs: its percentile, and what it is in people, degrees.
_PERCENTILE: Final = 10.0
_MID_STANCE: Final = 4.0
#: A leg that carries at more than the population's offset and this, degrees, is a bent leg.
_MARGIN: Final = 8.0
#: The offset is whole up to the first flexion and halved from the second on, degrees.
_FADE: Final = (30.0, 75.0)
#: Width of the rounded end at zero flexion, degrees: no knee bends backwards.
_ROUNDING: Final = 1.5


def knee_offsets(names: Sequence[str], sequences: Sequence[Array]) -> Array:
    """Offset of each sequence's left and right knee.

    Parameters
    ----------
    names
        Of the sequences; all that precedes the last underscore names the subject or activity.
    sequences
        Each ``(F, 24, 3)`` axis-angle since a flat T-pose, y up.

    Returns
    -------
    Array
        ``(N, 2)`` degrees, not negative.
    """
    own = np.array([_carrying_flexion(poses) for poses in sequences]).reshape(-1, 2) - _MID_STANCE
    own = np.where(np.isnan(own), np.nan, np.maximum(own, 0))
    if np.isnan(own).all():
        return np.zeros_like(own)
    stretched = own <= np.nanmedian(own) + _MARGIN
    population = float(np.median(own[stretched]))
    subjects: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        subjects[name.rpartition("_")[0]].append(number)
    offsets = np.where(stretched, own, population)
    for numbers in subjects.values():
        for side in range(2):
            known = [own[n, side] for n in numbers if stretched[n, side]]
            if known:
                unknown = [n for n in numbers if not stretched[n, side]]
                offsets[unknown, side] = np.median(known)
    return np.asarray(offsets)


def _carrying_flexion(poses: Array) -> Array:
    """Straight end of the flexion of either carrying leg, ``(2,)`` degrees; NaN is unknown."""
    angles = posture_angles(poses)
    carrying = (angles.leg < _CARRYING) & (angles.foot < _CARRYING)
    return np.array(
        [
            np.percentile(angles.knee[carrying[:, side], side], _PERCENTILE)
            if carrying[:, side].sum() >= _FRAMES
            else np.nan
            for side in range(2)
        ]
    )


def straightened(poses: Array, offsets: Array) -> Array:
    """Take the offset out of the knees of one sequence.

    Hip and ankle take half each, which keeps the foot's orientation and, as thigh and shank are
    about equally long, the line from hip to ankle.

    Parameters
    ----------
    poses
        ``(F, 24, 3)`` axis-angle since a flat T-pose.
    offsets
        ``(2,)`` of left and right knee, degrees.
    """
    poses = poses.copy()
    for side, offset in zip(SIDES, offsets, strict=True):
        joints = [JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle")]
        hip, knee, ankle = (matrix_from_axis_angle(poses[:, joint]) for joint in joints)
        flexion = np.rad2deg(knee_flexion(knee))
        half = np.deg2rad(flexion - _true_flexion(flexion, float(offset))) / 2
        turn = matrix_from_axis_angle(half[:, None] * np.array([1.0, 0, 0], poses.dtype))
        back = np.swapaxes(turn, -1, -2)
        moved = (hip @ turn, back @ knee @ back, turn @ ankle)
        for joint, rotations in zip(joints, moved, strict=True):
            poses[:, joint] = axis_angle_from_matrix(rotations)
    return poses


def _true_flexion(flexion: Array, offset: float) -> Array:
    straight, bent = _FADE
    fade = 1 - 0.5 * np.clip((flexion - straight) / (bent - straight), 0, 1)
    return np.asarray(_ROUNDING * np.logaddexp(0, (flexion - offset * fade) / _ROUNDING))
