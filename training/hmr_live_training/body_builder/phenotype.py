"""MakeHuman's macro sliders (gender, age, muscle, weight, height ...) for adults.

Every target belongs to a combination of slider ends, e.g. (female, young, minmuscle, maxweight);
its share is the product of how far the sliders are at these ends.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.body_builder.source import Floats, MakeHumanSource

_GENDERS = ("male", "female")
_AGES = ("young", "old")
_MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
_WEIGHTS = ("minweight", "averageweight", "maxweight")
_HEIGHTS = ("minheight", "maxheight")
_PROPORTIONS = ("idealproportions", "uncommonproportions")
_CUPS = ("mincup", "maxcup")
_RACES = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class Phenotype:
    """Slider positions, 0 to 1, without height.

    ``gender`` 0 is female and 1 male; ``age`` 0 is 25 and 1 is 90 years; ``weight`` above 1
    extrapolates the heaviest target; ``races`` are three shares that sum to 1.
    """

    gender: float
    age: float
    muscle: float
    weight: float
    proportions: float
    races: tuple[float, float, float]
    cup: float


#: The middle of all sliders, at 31 years.
AVERAGE_ADULT = Phenotype(
    gender=0.5,
    age=0.1,
    muscle=0.5,
    weight=0.5,
    proportions=0.5,
    races=(1 / 3, 1 / 3, 1 / 3),
    cup=0.5,
)


class PhenotypeSpace:
    """All adult macro targets of the source, ready to be mixed."""

    def __init__(self, source: MakeHumanSource) -> None:
        self._base = source.vertices
        self._skin = source.group_vertices("body")
        self._labels: list[tuple[str, ...]] = []
        rows: list[NDArray[np.float32]] = []
        for path, label in _adult_targets():
            if source.has_target(path):
                rows.append(source.read_target(path))
                self._labels.append(label)
        self._targets = np.stack(rows)

    def shape(self, phenotype: Phenotype, height: float) -> Floats:
        """Return the shape of slider positions in MakeHuman's rest pose, ``(N, 3)`` metres."""
        shares = slider_shares(phenotype, height)
        factors = np.array(
            [math.prod(shares[end] for end in label) for label in self._labels], np.float32
        )
        used = np.flatnonzero(factors)
        return np.asarray(self._base + np.tensordot(factors[used], self._targets[used], axes=1))

    def shape_with_stature(self, phenotype: Phenotype, stature: float) -> Floats:
        """Return the shape that is ``stature`` metres tall, ``(N, 3)``.

        The height slider acts linearly on either side of its middle, so two shapes are enough.
        """
        middle = self.shape(phenotype, 0.5)
        tall = self._stature(middle)
        end = self.shape(phenotype, 1.0 if stature > tall else 0.0)
        share = (stature - tall) / (self._stature(end) - tall)
        return middle + (end - middle) * share

    def _stature(self, vertices: Floats) -> float:
        return float(np.ptp(vertices[self._skin, 1]))


def slider_shares(phenotype: Phenotype, height: float) -> dict[str, float]:
    """How far each slider is at each of its ends, by the end's name."""
    shares = {
        "male": phenotype.gender,
        "female": 1 - phenotype.gender,
        "young": 1 - phenotype.age,
        "old": phenotype.age,
    }
    shares |= zip(_MUSCLES, _three_ends(phenotype.muscle), strict=True)
    shares |= zip(_WEIGHTS, _three_ends(phenotype.weight), strict=True)
    # The middles of these have no target.
    shares["minheight"], _, shares["maxheight"] = _three_ends(height)
    low, _, high = _three_ends(phenotype.proportions)
    shares["uncommonproportions"], shares["idealproportions"] = low, high
    shares["mincup"], _, shares["maxcup"] = _three_ends(phenotype.cup)
    shares |= zip(_RACES, phenotype.races, strict=True)
    return shares


def _three_ends(position: float) -> tuple[float, float, float]:
    return max(0, 1 - 2 * position), 1 - abs(2 * position - 1), max(0, 2 * position - 1)


def _adult_targets() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Path of each macro target and the slider ends that it belongs to."""
    for gender, age in itertools.product(_GENDERS, _AGES):
        for race in _RACES:
            yield f"macrodetails/{race}-{gender}-{age}.target.gz", (race, gender, age)
        for muscle, weight in itertools.product(_MUSCLES, _WEIGHTS):
            ends = (gender, age, muscle, weight)
            stem = "-".join(ends)
            yield f"macrodetails/universal-{stem}.target.gz", ends
            for height in _HEIGHTS:
                yield f"macrodetails/height/{stem}-{height}.target.gz", (*ends, height)
            for proportion in _PROPORTIONS:
                path = f"macrodetails/proportions/{stem}-{proportion}.target.gz"
                yield path, (*ends, proportion)
            if gender == "female":
                for cup in _CUPS:
                    yield f"breast/{stem}-{cup}-averagefirmness.target.gz", (*ends, cup)
