"""Joint angles as people choose them: left and right of one joint together, without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.theme import PAIRS
from engine.angles import ANGLES

#: Shown at first: what moves most, and what most people can name.
DEFAULT_CHOICE: Final = ("knee flexion", "elbow flexion", "shoulder elevation")

#: Degrees that the plot must be able to show; joints not named here get (-60, 60).
_RANGES: Final = {
    "shoulder elevation": (0, 180),
    "shoulder plane": (-180, 180),
    "elbow flexion": (0, 150),
    "hip flexion": (-30, 120),
    "knee flexion": (0, 150),
}
_OTHER_RANGE: Final = (-60, 60)


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of the plot.

    Attributes
    ----------
    index
        Place in :data:`engine.angles.ANGLES`.
    side
        ``"left"``, ``"right"`` or empty on the midline.
    color
        As ``#rrggbb``.
    """

    index: int
    side: str
    color: str


@dataclass(frozen=True, slots=True)
class AngleGroup:
    """An angle of a joint with its curves: left and right, or one on the midline."""

    name: str
    definition: str
    curves: tuple[Curve, ...]

    @property
    def range(self) -> tuple[int, int]:
        """Degrees that the plot must be able to show."""
        return _RANGES.get(self.name, _OTHER_RANGE)


def _groups() -> tuple[AngleGroup, ...]:
    members: dict[str, list[int]] = {}
    for index, angle in enumerate(ANGLES):
        members.setdefault(angle.name.removeprefix(f"{angle.side} "), []).append(index)
    found = []
    for number, (name, indices) in enumerate(members.items()):
        colors = PAIRS[_HUES.get(name, number) % len(PAIRS)]
        curves = tuple(
            Curve(index, ANGLES[index].side, colors[1 if ANGLES[index].side == "right" else 0])
            for index in indices
        )
        found.append(AngleGroup(name, ANGLES[indices[0]].definition, curves))
    return tuple(found)


#: Hues by hand where neighbours would look alike; the others follow their place in the list.
_HUES: Final = {"knee flexion": 0, "elbow flexion": 1, "shoulder elevation": 2, "hip flexion": 4}

#: Every angle, in the order of :data:`engine.angles.ANGLES`.
GROUPS: Final = _groups()
