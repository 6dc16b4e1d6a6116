"""Joint angles as they are chosen: left and right of one joint together.  Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hmr_live.angles import ANGLES, AngleDefinition

#: Plotted by default: the angles that move most and are best known.
DEFAULT_CHOICE: Final = ("knee flexion", "elbow flexion", "shoulder elevation")


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of the plot.

    Attributes
    ----------
    index
        Place in :data:`hmr_live.angles.ANGLES`.
    side
        ``"left"``, ``"right"`` or empty on the midline.
    hue
        Number of its hue, shared by both sides of an angle; views turn it into a colour and
        start again at their first hue when they run out.
    """

    index: int
    side: str
    hue: int


@dataclass(frozen=True, slots=True)
class AngleGroup:
    """An angle of a joint with its curves: left and right, or one on the midline.

    Attributes
    ----------
    name
        As in "knee flexion".
    angle
        What it measures; the left one's definition where there are two.
    curves
        Its lines.
    """

    name: str
    angle: AngleDefinition
    curves: tuple[Curve, ...]

    @property
    def range(self) -> tuple[int, int]:
        """Degrees that the plot must be able to show."""
        return self.angle.low, self.angle.high


@dataclass(frozen=True, slots=True)
class AngleSection:
    """The angles of one joint, as in "knee"."""

    joint: str
    groups: tuple[AngleGroup, ...]


def _sections() -> tuple[AngleSection, ...]:
    joints: dict[str, dict[str, list[int]]] = {}
    for index, angle in enumerate(ANGLES):
        groups = joints.setdefault(angle.joint, {})
        groups.setdefault(angle.unsided_name, []).append(index)
    return tuple(
        AngleSection(
            joint,
            tuple(
                _group(name, indices, _FIRST_HUE[joint] + place)
                for place, (name, indices) in enumerate(groups.items())
            ),
        )
        for joint, groups in joints.items()
    )


def _group(name: str, indices: list[int], hue: int) -> AngleGroup:
    curves = tuple(Curve(index, ANGLES[index].side, hue) for index in indices)
    return AngleGroup(name, ANGLES[indices[0]], curves)


#: Hue of each joint's first angle; its other angles take the next ones, so that the angles of one
#: joint differ, and so do joints that are often compared.
_FIRST_HUE: Final = {
    "shoulder": 2,
    "elbow": 1,
    "wrist": 3,
    "hip": 4,
    "knee": 0,
    "ankle": 5,
    "trunk": 3,
    "neck": 0,
    "pelvis": 1,
}

#: Joint by joint, in the order of :data:`hmr_live.angles.ANGLES`.
SECTIONS: Final = _sections()
#: Every angle, joint by joint.
GROUPS: Final = tuple(group for section in SECTIONS for group in section.groups)
