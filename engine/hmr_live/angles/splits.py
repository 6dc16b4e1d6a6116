"""Which joint rotations are split into which angles, with what signs.

The rotation R of a distal against a proximal segment, both in anatomical frames (x left, y up,
z forward; right joints mirrored to the left), is split as ``R = Rx(first) Rz(middle) Ry(last)``:
about the proximal mediolateral axis, the floating axis and the distal long axis.  Joints that are
``reversed`` are split as ``R = Ry Rz Rx``, which is the same for R transposed.  Shoulders and
elbows follow in the stack; :mod:`hmr_live.angles.decompose` splits them in their own ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Split:
    """One joint.

    Attributes
    ----------
    joint
        SMPL's name; without the side where there are two.
    names
        Angles for (first, middle, last), without the side; an empty one is not given.
    signs
        Factors that bring them to the sign of the definition, on the left.
    sided
        Whether there are two.
    reversed
        Whether the rotation about the long axis comes first.
    """

    joint: str
    names: tuple[str, str, str]
    signs: tuple[int, int, int]
    sided: bool = True
    reversed: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """Prefixes of its joints and angles, as in "left_hip"."""
        return ("left", "right") if self.sided else ("",)


#: What the wrist adds to the elbow's share of the forearm's pronation.
WRIST_TURN: Final = "wrist turn"

#: In the order of the stack of rotations; the reversed ones stand together at the end.
SPLITS: Final = (
    Split("hip", ("hip flexion", "hip abduction", "hip rotation"), (-1, 1, -1)),
    Split("knee", ("knee flexion", "knee varus", "knee rotation"), (1, -1, -1)),
    Split("ankle", ("ankle dorsiflexion", "ankle inversion", "ankle rotation"), (-1, -1, -1)),
    Split("foot", ("toe extension", "", ""), (-1, 1, 1)),
    Split("spine1", ("trunk flexion", "trunk side bend", "trunk rotation"), (1, -1, 1), False),
    Split("neck", ("neck flexion", "neck side bend", "neck rotation"), (1, -1, 1), False),
    Split("wrist", ("wrist flexion", "wrist deviation", WRIST_TURN), (1, 1, 1), reversed=True),
    Split(
        "pelvis",
        ("pelvis tilt", "pelvis obliquity", "pelvis rotation"),
        (-1, 1, -1),
        sided=False,
        reversed=True,
    ),
)

#: Of the shoulder, without the side, in the order of :func:`hmr_live.angles.decompose.shoulder`.
SHOULDER: Final = (
    "shoulder elevation",
    "shoulder plane",
    "shoulder axial rotation",
    "shoulder flexion",
    "shoulder abduction",
    "shoulder rotation",
)

#: Rows of the stack: SMPL joints of :data:`SPLITS`, then the shoulders, then the elbows.
ROWS: Final = (
    *(f"{side}_{split.joint}".lstrip("_") for split in SPLITS for side in split.sides),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
)
REVERSED_ROWS: Final = slice(ROWS.index("left_wrist"), ROWS.index("pelvis") + 1)
CARDAN_ROWS: Final = slice(0, ROWS.index("left_shoulder"))
SHOULDER_ROWS: Final = slice(ROWS.index("left_shoulder"), ROWS.index("left_elbow"))
ELBOW_ROWS: Final = slice(ROWS.index("left_elbow"), len(ROWS))
