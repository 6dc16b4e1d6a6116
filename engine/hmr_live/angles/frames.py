"""Anatomical segment frames: how each segment stands in the neutral pose.

SMPL's rotations count from the body's own rest pose, in which arms droop, thighs spread and knees
bend by some degrees.  Clinical angles count from the anatomical position, so every long segment
gets a frame whose y axis runs along the line between its joint centres.  In the neutral pose all
frames agree with the body frame of :mod:`hmr_live.body.skeleton`: x to the left, y up, z forward.

Pelvis, thorax, head, feet and toes are neutral as they rest: upright, with flat soles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from hmr_live.angles.splits import REVERSED_ROWS, ROWS
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle, rotation_between
from hmr_live.body.skeleton import JOINT, NUM_BETAS
from hmr_live.core.state import Array

_AS_AT_REST: Final = np.eye(3)
#: Mirrors at the sagittal plane, so that right joints are measured as left ones.
_MIRROR: Final = np.diag([-1.0, 1.0, 1.0])
#: Camera frame (y down, z away) -> a level world that a person who faces the camera agrees with.
_LEVEL_FROM_CAMERA: Final = np.diag([1.0, -1.0, -1.0])
_DOWN: Final = np.array([0.0, -1.0, 0.0])
_LEFT: Final = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True, slots=True)
class AnatomicalFrames:
    """Brings SMPL's rotations into anatomical frames: ``before @ R @ after``.

    The frames belong to a body file at its mean shape; other shapes move its limbs' rest
    directions by less than a degree.

    Attributes
    ----------
    before, after
        ``(17, 3, 3)`` float32, for the joints :data:`hmr_live.angles.splits.ROWS`.
    """

    before: Array
    after: Array

    @classmethod
    def of(cls, body: BodyModel) -> AnatomicalFrames:
        """Frames of a body model."""
        return cls.from_rest_joints(body.rest_joints(np.zeros(NUM_BETAS, np.float32)))

    @classmethod
    def from_rest_joints(cls, rest_joints: Array) -> AnatomicalFrames:
        """Frames of a body whose joints rest at ``(24, 3)`` metres in the body frame."""
        pairs = _proximal_and_distal(rest_joints.astype(np.float64))
        before, after = [], []
        for name in ROWS:
            proximal, distal = pairs[name.removeprefix("left_").removeprefix("right_")]
            if name.startswith("right_"):
                proximal, distal = proximal @ _MIRROR, distal @ _MIRROR
            before.append(proximal)
            after.append(distal.T)
        # A reversed joint is transposed: (P R D^T)^T = D R^T P^T.
        for row in range(*REVERSED_ROWS.indices(len(ROWS))):
            before[row], after[row] = after[row].T, before[row].T
        return cls(np.array(before, np.float32), np.array(after, np.float32))


@cache
def shipped_frames() -> AnatomicalFrames:
    """Frames of the body that ships with the program.

    Raises
    ------
    AssetError
        The installation is damaged.
    """
    return AnatomicalFrames.of(BodyModel.default())


def _proximal_and_distal(rest: Array) -> dict[str, tuple[Array, Array]]:
    """By joint: the rest -> neutral rotations of its two segments, on the left."""
    thigh = _turn(_bone(rest, "hip", "knee"), _DOWN)
    shank = _turn(_bone(rest, "knee", "ankle"), _DOWN)
    # From the T-pose the arm comes down by a turn about z alone: elbow creases face forward and
    # palms face the thighs.
    lower = _turn(_LEFT, _DOWN)
    upper_arm = lower @ _turn(_bone(rest, "shoulder", "elbow"), _LEFT)
    forearm = lower @ _turn(_bone(rest, "elbow", "wrist"), _LEFT)
    hand = lower @ _turn(_bone(rest, "wrist", "hand"), _LEFT)
    # The wrist's axes are the palm's: with the palm forward, flexion is about x again.
    palm_forward = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    return {
        "hip": (_AS_AT_REST, thigh),
        "knee": (thigh, shank),
        "ankle": (shank, _AS_AT_REST),
        "foot": (_AS_AT_REST, _AS_AT_REST),
        "shoulder": (_AS_AT_REST, upper_arm),
        "elbow": (upper_arm, forearm),
        "wrist": (palm_forward @ forearm, palm_forward @ hand),
        "spine1": (_AS_AT_REST, _AS_AT_REST),
        "neck": (_AS_AT_REST, _AS_AT_REST),
        "pelvis": (_LEVEL_FROM_CAMERA, _AS_AT_REST),
    }


def _bone(rest: Array, start: str, end: str) -> Array:
    """Direction of the left bone, ``(3,)``, averaged with the mirrored right one."""
    left = rest[JOINT[f"left_{end}"]] - rest[JOINT[f"left_{start}"]]
    right = rest[JOINT[f"right_{end}"]] - rest[JOINT[f"right_{start}"]]
    both = left + _MIRROR @ right
    return np.asarray(both / np.linalg.norm(both))


def _turn(start: Array, goal: Array) -> Array:
    """Shortest rotation ``(3, 3)`` between two unit vectors that are not opposite."""
    return matrix_from_axis_angle(rotation_between(start, goal))
