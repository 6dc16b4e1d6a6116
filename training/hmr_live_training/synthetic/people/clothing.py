"""Clothing: fabrics on parts of the body, offset along the normals when loose.

A garment is bounded in the rest pose (a T-pose), where sleeves end at a distance from the middle
and hems at a height.  Skirts and the lower part of dresses are tubes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Image
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.people.fabric import NOWHERE, cloth_values, random_color
from hmr_live_training.synthetic.people.makehuman import MakeHumanWardrobe, WornPiece, chance
from hmr_live_training.synthetic.people.tubes import Tube, skirt
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator


@dataclass(frozen=True)
class Garment:
    """One layer of clothing: an offset part of the body surface, or a tube.

    Attributes
    ----------
    bounds
        (low y, high y, low abs x, high abs x) in the rest pose, metres.
    neck
        (height at the middle, rise with abs x, rise with z) of the collar line.
    offset
        ``(V,)`` metres from the smoothed skin (unused for a tube).
    values
        Uniforms of the fabric.
    texture
        BGR patch.
    tube
        The sheet, when the garment hangs free.
    """

    bounds: tuple[float, float, float, float]
    neck: tuple[float, float, float]
    offset: Array
    values: dict[str, Any]
    texture: Image
    tube: Tube | None = None

    def covers(self, rest: Array, margin: float = 0.0) -> NDArray[np.bool_]:
        """Vertices ``(V,)`` inside the borders, shrunk by ``margin`` metres."""
        side, y = np.abs(rest[:, 0]), rest[:, 1]
        collar = self.neck[0] + self.neck[1] * side + self.neck[2] * rest[:, 2]
        return np.asarray(
            (y > self.bounds[0] + margin)
            & (y < self.bounds[1] - margin)
            & (side >= self.bounds[2])
            & (side < self.bounds[3] - margin)
            & (y < collar - margin)
        )


class Wardrobe:
    """Draws outfits for one body model from the fabrics of one split.

    Parameters
    ----------
    surface
        The body.
    materials
        The fabrics.
    makehuman
        MakeHuman's clothes and shoes.
    share
        How often they are worn, instead of garments made from the body's own surface.
    """

    def __init__(
        self,
        surface: BodySurface,
        materials: Materials,
        makehuman: MakeHumanWardrobe,
        share: float,
    ) -> None:
        self._surface = surface
        self._materials = materials
        self._makehuman = makehuman
        self._share = share
        joints = surface.joints
        self._y = {name: float(joints[JOINT[name], 1]) for name in ("neck", "spine1", "spine3")}
        for name in ("hip", "knee", "ankle", "shoulder"):
            self._y[name] = float(joints[JOINT[f"left_{name}"], 1])
        self._x = {
            name: float(joints[JOINT[f"left_{name}"], 0]) for name in ("shoulder", "elbow", "wrist")
        }

    def draw(self, rng: Generator) -> list[Garment | WornPiece]:
        """A random outfit, innermost first."""
        outfit: list[Garment | WornPiece] = []
        if chance(rng, self._share):
            outfit += self._makehuman.clothes(rng)
        else:
            outfit += self._garments(rng)
        if rng.random() < 0.82:
            if chance(rng, self._share):
                outfit += self._makehuman.shoes(rng)
            else:
                outfit.append(self._shoes(rng))
        return outfit

    def _garments(self, rng: Generator) -> list[Garment]:
        outfit: list[Garment] = []
        lower = rng.choice(["trousers", "shorts", "skirt", "dress"], p=[0.56, 0.22, 0.10, 0.12])
        if lower == "dress":
            outfit += self._dress(rng)
        else:
            outfit.append(self._trousers(rng, "shorts" if lower == "skirt" else str(lower)))
            if rng.random() > 0.04:
                outfit.append(self._top(rng, "top", extra=0.0))
            if lower == "skirt":
                outfit.append(self._skirt(rng, self._materials.fabric(rng, "skirt"), None))
        if rng.random() < 0.17:
            outfit.append(self._top(rng, "jacket", extra=0.012))
        return outfit

    def _top(self, rng: Generator, kind: str, extra: float) -> Garment:
        shoulder, elbow, wrist = self._x["shoulder"], self._x["elbow"], self._x["wrist"]
        sleeve = rng.random()
        if kind == "jacket" or sleeve < 0.40:
            end = float(rng.uniform(wrist - 0.05, wrist + 0.02))
        elif sleeve < 0.88:
            end = float(rng.uniform(shoulder + 0.06, elbow + 0.03))
        else:
            end = float(rng.uniform(shoulder - 0.045, shoulder - 0.01))
        hem = float(rng.uniform(self._y["hip"] - 0.06, self._y["spine1"] - 0.02))
        return self._upper(rng, kind, end, hem, extra)

    def _upper(self, rng: Generator, kind: str, end: float, hem: float, extra: float) -> Garment:
        rest = self._surface.rest
        loose = float(rng.choice([0.2, 1.0], p=[0.35, 0.65]) * rng.uniform(0.3, 1.0))
        drop = np.clip((self._y["spine3"] - rest[:, 1]) / 0.4, 0, 1)
        along = np.clip((np.abs(rest[:, 0]) - self._x["shoulder"]) / 0.35, 0, 1)
        offset = 0.006 + extra + loose * (0.030 * drop + 0.020 * along * (1 - drop))
        neck = (
            self._y["neck"] - float(rng.uniform(-0.02, 0.07)),
            float(rng.uniform(0.3, 0.9)),
            -float(rng.uniform(0.4, 0.8)),
        )
        texture = self._materials.fabric(rng, kind)
        values = cloth_values(rng, float(rng.uniform(0.30, 0.60)), loose)
        return Garment((hem, NOWHERE, 0.0, end), neck, offset, values, texture)

    def _trousers(self, rng: Generator, kind: str) -> Garment:
        rest = self._surface.rest
        if kind == "shorts":
            end = float(rng.uniform(self._y["knee"] - 0.03, self._y["hip"] - 0.10))
        else:
            end = float(rng.uniform(self._y["ankle"] - 0.03, self._y["ankle"] + 0.08))
        waist = float(rng.uniform(self._y["spine1"] - 0.07, self._y["spine1"] + 0.05))
        loose = float(rng.choice([0.1, 1.0], p=[0.4, 0.6]) * rng.uniform(0.3, 1.0))
        drop = np.clip((self._y["hip"] - rest[:, 1]) / 0.6, 0, 1)
        offset = 0.005 + loose * (0.012 + 0.022 * drop)
        values = cloth_values(rng, float(rng.uniform(0.25, 0.6)), loose)
        texture = self._materials.fabric(rng, "bottom")
        neck = (NOWHERE, 0.0, 0.0)
        return Garment((end, waist, 0.0, 0.40), neck, offset, values, texture)

    def _dress(self, rng: Generator) -> list[Garment]:
        shoulder = self._x["shoulder"]
        end = float(rng.choice([rng.uniform(shoulder - 0.05, shoulder), rng.uniform(0.25, 0.6)]))
        upper = self._upper(rng, "skirt", end, self._y["spine1"] - 0.06, 0.0)
        below = self._skirt(rng, upper.texture, upper.values)
        return [self._trousers(rng, "shorts"), upper, below]

    def _skirt(self, rng: Generator, texture: Image, values: dict[str, Any] | None) -> Garment:
        lowest = self._y["ankle"] + 0.10 if rng.random() < 0.3 else self._y["knee"] - 0.10
        hem = float(rng.uniform(lowest, self._y["hip"] - 0.15))
        waist = self._y["spine1"] - (0.05 if values else float(rng.uniform(0.0, 0.06)))
        flare = float(rng.uniform(0.01, 0.16)) * min((waist - hem) / 0.5, 1.0)
        gap = float(rng.uniform(0.012, 0.02)) + (0.008 if values else 0.0)
        tube = skirt(self._surface, waist, hem, flare, gap)
        values = values or cloth_values(rng, float(rng.uniform(0.3, 0.7)), 0.7)
        everywhere = (-NOWHERE, NOWHERE, 0.0, NOWHERE)
        no_neck = (NOWHERE, 0.0, 0.0)
        return Garment(everywhere, no_neck, np.zeros(0), values, texture, tube)

    def _shoes(self, rng: Generator) -> Garment:
        rest = self._surface.rest
        boots = rng.random() < 0.2
        top = self._y["ankle"] + (float(rng.uniform(0.05, 0.2)) if boots else -0.012)
        sole = np.clip((self._y["ankle"] - 0.035 - rest[:, 1]) / 0.02, 0, 1)
        offset = 0.006 + 0.010 * sole
        shade = random_color(rng, dark=0.6)
        texture = np.full((8, 8, 3), 255, np.uint8)
        if rng.random() < 0.35:
            texture = self._materials.fabric(rng, "jacket")
        values = cloth_values(rng, float(rng.uniform(0.2, 0.5)), 0.1) | {
            "tint": shade,
            "gloss": float(rng.uniform(0.0, 0.25)),
            "ragged": 0.0,
        }
        return Garment((-NOWHERE, top, 0.0, 0.40), (NOWHERE, 0.0, 0.0), offset, values, texture)
