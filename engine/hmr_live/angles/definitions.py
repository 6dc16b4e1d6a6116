"""Every joint angle, and the rules that they share.

Axes are the anatomical ones in the neutral pose: upright, arms hanging, legs straight down, palms
towards the thighs, soles flat.  A rotation between two segments is split in the order of the joint
coordinate system of Grood and Suntay (1983): flexion about the proximal segment's mediolateral
axis, then abduction (or its like) about the floating axis, then rotation about the distal
segment's long axis.  Five places differ, where that order would be ill-defined or misread:

Shoulder
    Plane of elevation, elevation and axial rotation in the ISB's order Y-X-Y.  It is singular
    when the arm hangs; flexion, abduction and rotation are the tilt-and-torsion angles (Chénier
    et al. 2022) of the same rotation, which are singular overhead only.
Upper arm
    Its front is where the elbow bends to (the ISB's second option for the humerus), not where
    the model's own twist says, because models hide much of the arm's rotation in the elbow.  A
    straight elbow bends nowhere: from 30 degrees of flexion down to 10, the front fades over to
    the model's own twist.
Forearm
    SMPL has no radio-ulnar joint.  Pronation is the turn of the hand about the forearm, wherever
    SMPL puts it: the elbow's axial rotation plus the wrist's.
Wrist
    The turn about the forearm is taken out first, then deviation, then flexion, because flexion
    reaches 90 degrees and deviation does not.
Pelvis
    Rotation, obliquity, tilt, as Baker (2001) recommends.  Gravity is unknown to a single camera:
    the angles are relative to the camera, taken as level.

The middle angle of a joint stays within +-90 degrees, elevation within 0 to 180, the others within
+-180.  Within 6 degrees of a singularity two angles of the joint turn about nearly the same axis:
there, one of them is given as zero and the other holds what both make together (see
:class:`hmr_live.angles.AngleContinuity` for plots, which carries the last value on instead).
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Final

from hmr_live.angles.arm import ARM
from hmr_live.angles.definition import AngleDefinition
from hmr_live.angles.leg import LEG
from hmr_live.angles.midline import MIDLINE

#: Every angle, in the order of :func:`hmr_live.angles.joint_angles`.
ANGLES: Final = (
    *(
        replace(angle, name=f"{side} {angle.name}", side=side)
        for side in ("left", "right")
        for angle in (*ARM, *LEG)
    ),
    *MIDLINE,
)
ANGLE_INDEX: Final = {angle.name: index for index, angle in enumerate(ANGLES)}

#: Width and indentation of :func:`definitions_text`, characters.
_WIDTH: Final = 100
_INDENT: Final = 4


def definitions_text() -> str:
    """The definition of every angle as text: meaning, sign, neutral pose, range in degrees."""
    blocks = [_block(angle) for angle in ANGLES if angle.side != "right"]
    return "\n".join(blocks)


def _block(angle: AngleDefinition) -> str:
    sides = " (left, right)" if angle.side else ""
    lines = {
        "what": angle.meaning,
        "positive": angle.positive,
        "zero": angle.neutral,
        "range": f"{angle.low} to {angle.high} degrees",
        "singular": angle.singular,
    }
    return "\n".join(
        [
            f"{angle.unsided_name}{sides}",
            *(_line(label, text) for label, text in lines.items() if text),
        ]
    )


def _line(label: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=" " * _INDENT + f"{label:<10}",
        subsequent_indent=" " * (_INDENT + 10),
    )
