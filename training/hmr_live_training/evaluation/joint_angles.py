"""Errors of the clinical joint angles of :mod:`hmr_live.angles`, recovered against true.

Both poses go through :func:`hmr_live.angles.joint_angles` with the anatomical frames of the shipped
body, which synthetic people are rendered with.  Near a documented singularity two angles of a joint
cannot be told apart.  There the errors follow :class:`hmr_live.angles.AngleContinuity`: one of the
two takes the other pose's value and has no error, and the other angle has the error of what both
make together, which is defined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.angles import ANGLE_INDEX, ANGLES, joint_angles, unwrap_angles
from hmr_live.body.skeleton import JOINT
from hmr_live_training.evaluation.statistics import Figure, median, ratio

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Figures = dict[str, Figure | None]

#: By the joint of an angle, in the order of the tables: the joints that bound its two segments.
_ENDS: Final = {
    "knee": ("{side}_hip", "{side}_knee", "{side}_ankle"),
    "hip": ("pelvis", "{side}_hip", "{side}_knee"),
    "ankle": ("{side}_knee", "{side}_ankle", "{side}_foot"),
    "elbow": ("{side}_shoulder", "{side}_elbow", "{side}_wrist"),
    "shoulder": ("neck", "{side}_shoulder", "{side}_elbow"),
    "wrist": ("{side}_elbow", "{side}_wrist", "{side}_hand"),
    "trunk": ("pelvis", "spine3", "neck"),
    "neck": ("spine3", "neck", "head"),
    "pelvis": ("left_hip", "right_hip"),
}
#: A knee that is bent by fewer degrees is straight.
_STRAIGHT: Final = 20.0


@dataclass(frozen=True)
class AngleColumns:
    """An angle of both sides, or of the midline.

    Attributes
    ----------
    name
        Without the side: "knee flexion".
    columns
        Its places in :data:`hmr_live.angles.ANGLES`, K of them.
    ends
        For each column the SMPL joints at the ends of the two segments.
    """

    name: str
    columns: list[int]
    ends: list[list[int]]

    def in_picture(self, joints: Mask) -> Mask:
        """Angles ``(N, K)`` whose segments are in the picture, from joints ``(N, 24)``."""
        return np.stack([joints[:, ends].all(axis=1) for ends in self.ends], axis=1)


def _columns() -> tuple[AngleColumns, ...]:
    columns: dict[str, AngleColumns] = {}
    order = list(_ENDS)
    for angle in sorted(ANGLES, key=lambda angle: order.index(angle.joint)):
        both = columns.setdefault(angle.unsided_name, AngleColumns(angle.unsided_name, [], []))
        both.columns.append(ANGLE_INDEX[angle.name])
        both.ends.append([JOINT[end.format(side=angle.side)] for end in _ENDS[angle.joint]])
    return tuple(columns.values())


#: All angles, left and right together.
ANGLE_COLUMNS: Final = _columns()
_KNEES: Final = [ANGLE_INDEX[f"{side} knee flexion"] for side in ("left", "right")]


def angle_errors(found: Array, true: Array) -> Array:
    """Signed errors of all angles, recovered minus true, wrapped to +-180.

    Parameters
    ----------
    found, true
        ``(N, 24, 3, 3)`` rotations relative to the parent, joint 0 into the same camera frame;
        NaN where nobody was found.

    Returns
    -------
    ``(N, len(ANGLES))`` degrees; NaN where nobody was found.
    """
    errors = np.full((len(true), len(ANGLES)), np.nan)
    for row in np.flatnonzero(np.isfinite(found).all(axis=(1, 2, 3))):
        recovered, known = joint_angles(np.stack([found[row], true[row]]))
        # Where the true pose is singular it continues the recovered one, and the other way round.
        _, start, end = unwrap_angles(np.stack([recovered, known, recovered]))
        errors[row] = end - start
    return errors


def straight_legs(true: Array) -> Mask:
    """People ``(N,)`` whose knees are both bent by less than 20 degrees, from ``(N, 24, 3, 3)``."""
    return np.asarray((joint_angles(true)[:, _KNEES] < _STRAIGHT).all(axis=1))


def angle_figures(errors: Array) -> Figures:
    """Mean and median of the absolute errors, and the bias.

    Parameters
    ----------
    errors
        ``(N, K)`` degrees of N people (or blocks of frames), which the bootstrap resamples; NaN
        where an angle does not count.
    """
    counted = np.isfinite(errors)
    number = counted.sum(axis=1)
    known = np.where(counted, errors, 0)
    return {
        "mean absolute error": ratio(np.abs(known).sum(axis=1), number, "deg"),
        "median": median(np.abs(errors), "deg"),
        "bias": ratio(known.sum(axis=1), number, "deg"),
    }
