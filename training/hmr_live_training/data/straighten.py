"""Take the constant bend out of captured knees.

Rotations count from a T-pose that the source's skeletons took with bent knees, so that every knee
of a sequence is bent by the same angle too much, a median of 10 degrees.  Where somebody walks or
stands, the straightest moments tell it, for there people's knees come within a few degrees of
straight.  Where nobody ever stretches a leg (sitting, crouching) they do not, and the median of the
others is taken.

Half of the angle goes to the hip and half to the ankle: the line from hip to ankle and the foot
keep their directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT

Array = NDArray[np.floating[Any]]

_SIDES: Final = ("left", "right")
#: The straightest moments of a sequence are this percentile of a knee's bend ...
_STRAIGHTEST: Final = 2.0
#: ... in which people's knees are so straight, radians.
_STRAIGHT: Final = np.deg2rad(3.0)
#: A knee that is never straighter than this was not stretched, radians.
_NEVER_STRETCHED: Final = np.deg2rad(25.0)
#: No skeleton is believed to be bent by more, radians.
_MOST: Final = np.deg2rad(20.0)


def knee_offsets(sequences: Sequence[Array]) -> Array:
    """Constant bend of each sequence's left and right knee, ``(S, 2)`` radians.

    Parameters
    ----------
    sequences
        ``(F, 24, 3)`` axis-angle each.
    """
    straightest = np.array(
        [
            [np.percentile(sequence[:, JOINT[f"{side}_knee"], 0], _STRAIGHTEST) for side in _SIDES]
            for sequence in sequences
        ]
    )
    stretched = straightest < _NEVER_STRETCHED
    offsets = np.clip(straightest - _STRAIGHT, 0, _MOST)
    usual = np.median(offsets[stretched]) if stretched.any() else 0.0
    return np.asarray(np.where(stretched, offsets, usual))


def straightened(sequence: Array, offsets: Array) -> Array:
    """A sequence without the constant bend of its knees.

    Parameters
    ----------
    sequence
        ``(F, 24, 3)`` axis-angle.
    offsets
        ``(2,)`` of the left and the right knee, radians.
    """
    pose = sequence.copy()
    for side, offset in zip(_SIDES, offsets.tolist(), strict=True):
        hip, knee, ankle = (JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        half = matrix_from_axis_angle(np.array([offset / 2, 0, 0]))
        turned = matrix_from_axis_angle(sequence[:, [hip, knee, ankle]].astype(np.float64))
        pose[:, hip] = axis_angle_from_matrix(turned[:, 0] @ half)
        pose[:, knee] = axis_angle_from_matrix(half.T @ turned[:, 1] @ half.T)
        pose[:, ankle] = axis_angle_from_matrix(half @ turned[:, 2])
    return pose
