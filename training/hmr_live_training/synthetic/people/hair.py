"""Heads: skin, eyes, hair styles, beards and hats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live_training.synthetic.people.makehuman import MakeHumanWardrobe, WornPiece, chance
from hmr_live_training.synthetic.people.tubes import Tube, long_hair
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator
Color = tuple[float, float, float]

#: Skin from very light to very dark, sRGB; people are interpolated between neighbours.
_SKINS: Final = (
    np.array(
        [
            (234, 198, 178),
            (224, 184, 158),
            (208, 164, 134),
            (188, 141, 108),
            (158, 110, 80),
            (122, 82, 59),
            (90, 60, 44),
            (62, 43, 34),
        ],
        np.float64,
    )
    / 255
)
#: Hair colours, sRGB, and how often.
_HAIRS: Final = (
    (0.30, (28, 22, 20)),
    (0.26, (58, 40, 28)),
    (0.16, (96, 66, 42)),
    (0.12, (176, 138, 88)),
    (0.04, (130, 62, 34)),
    (0.09, (150, 148, 146)),
    (0.03, (214, 208, 200)),
)
#: A hair line that leaves hair everywhere.
NO_LINE: Final = (0.0, 0.0, 0.0, -1.0)
#: Metres of hair on the scalp below strands and hats.
_SCALP: Final = 0.003
_IRISES: Final = ((70, 45, 28), (110, 80, 50), (80, 110, 130), (80, 100, 70))


@dataclass(frozen=True)
class Head:
    """Looks of the skin and the head of a person.

    Attributes
    ----------
    skin
        Uniforms of the skin.
    cap
        Offset of the hair from the scalp ``(V,)`` metres, or None for a bald head.
    hair
        Uniforms of hair or hat.
    curtain
        Long hair that hangs free, or None.
    worn
        Hair or a hat of MakeHuman over the cap, or None.
    """

    skin: dict[str, Any]
    cap: Array | None
    hair: dict[str, Any]
    curtain: Tube | None
    worn: WornPiece | None = None


class HeadSampler:
    """Samples heads for one body model.

    Parameters
    ----------
    surface
        The body.
    makehuman
        MakeHuman's hair and hats.
    share
        How often they are worn, instead of hair made from the body's own surface.
    """

    def __init__(self, surface: BodySurface, makehuman: MakeHumanWardrobe, share: float) -> None:
        self._surface = surface
        self._makehuman = makehuman
        self._share = share
        self._head = surface.joints[JOINT["head"]]
        ids, rest = surface.body.vertex_ids, surface.rest
        eyes = rest[[ids["leye"], ids["reye"]]]
        self._eye_x = float(np.abs(eyes[:, 0]).mean())
        self._eye_y = float(eyes[:, 1].mean())
        self._mouth_y = float(rest[ids["nose"], 1]) - 0.037
        self._front_z = float(rest[ids["nose"], 2]) - 0.055

    def draw(self, rng: Generator) -> Head:
        """A random head."""
        tone = float(np.clip(rng.beta(1.1, 1.3), 0, 1)) * (len(_SKINS) - 1)
        low = min(int(tone), len(_SKINS) - 2)
        skin = _SKINS[low] + (tone - low) * (_SKINS[low + 1] - _SKINS[low])
        skin = np.clip(skin * rng.normal(1, [0.03, 0.03, 0.04]), 0, 1) ** 2.2
        color = self._hair_color(rng, dark=tone > 4)
        style = str(
            rng.choice(["bald", "short", "full", "long", "hat"], p=[0.08, 0.40, 0.16, 0.28, 0.08])
        )
        lips = skin * (0.95, 0.62, 0.62)
        values = {
            "skin": tuple(skin),
            "lips": tuple(lips),
            "iris": tuple((np.array(_IRISES[int(rng.integers(4))]) / 255) ** 2.2),
            "hair": color,
            "face": (self._eye_x, self._eye_y, self._mouth_y, self._front_z),
            "brow": float(rng.uniform(0.3, 0.95)),
            "beard": 0.0,
        }
        if style != "long" and rng.random() < 0.3:
            values["beard"] = float(rng.uniform(0.15, 0.95))
        if style == "bald":
            return Head(values, None, {}, None)
        if chance(rng, self._share):
            return self._makehuman_head(rng, style, values)
        hair = self._hair(rng, style, color)
        return Head(values, self._cap(rng, style, hair), hair, self._curtain(rng, style))

    def _makehuman_head(self, rng: Generator, style: str, values: dict[str, Any]) -> Head:
        """Strands over a thin cap of the same colour, or a hat over short hair."""
        worn_values = self._hair(rng, style, values["hair"])
        below = self._hair(rng, "short" if style == "hat" else style, values["hair"])
        worn_values |= {"line": NO_LINE, "ragged": 0.0}
        cap = np.full(len(self._surface.rest), _SCALP)
        return Head(values, cap, below, None, self._makehuman.hair(rng, style, worn_values))

    def _hair_color(self, rng: Generator, *, dark: bool) -> Color:
        if dark and rng.random() < 0.85:
            color = np.array(_HAIRS[0][1], np.float64)
        else:
            shares = np.array([share for share, _ in _HAIRS])
            color = np.array(_HAIRS[int(rng.choice(len(_HAIRS), p=shares / shares.sum()))][1])
        mixed = np.clip(color / 255 * rng.normal(1, 0.12), 0, 1) ** 2.2
        return float(mixed[0]), float(mixed[1]), float(mixed[2])

    def _hair(self, rng: Generator, style: str, color: Color) -> dict[str, Any]:
        """The hair line is a plane that falls from forehead to nape."""
        forward = 0.75 + float(rng.normal(0, 0.08))
        height = self._head[1] + 0.022 + float(rng.normal(0, 0.006))
        if style in ("full", "long"):
            height -= 0.008
        tips = tuple(np.array(color) * rng.uniform(0.8, 1.7)) if style == "long" else color
        strands = float(rng.uniform(0.5, 1.0))
        if style == "hat":
            forward, strands = 0.45 + float(rng.uniform(0, 0.3)), 0.12
            color = tips = tuple(float(v) for v in rng.uniform(0.02, 0.6, 3))
            height += 0.01
        return {
            "hair": color,
            "tips": tips,
            "strands": strands,
            "line": (0.0, 1.0, -forward, height),
            "crown": (0.0, float(self._head[1]) + 0.16, -0.02),
            "ragged": 0.004 if style == "hat" else float(rng.uniform(0.01, 0.03)),
        }

    def _cap(self, rng: Generator, style: str, hair: dict[str, Any]) -> Array:
        rest = self._surface.rest
        thickness = {"short": (0.006, 0.020), "full": (0.020, 0.050), "long": (0.010, 0.024)}
        depth = float(rng.uniform(*thickness.get(style, (0.010, 0.020))))
        above = rest[:, 1] + hair["line"][2] * rest[:, 2] - hair["line"][3]
        rising = np.clip(above / 0.05, 0.0, 1)
        return np.asarray(0.003 + depth * (0.35 + 0.65 * rising))

    def _curtain(self, rng: Generator, style: str) -> Tube | None:
        if style != "long":
            return None
        end = float(self._head[1] - rng.uniform(0.06, 0.45))
        return long_hair(
            self._surface, end, float(rng.uniform(1.35, 1.9)), float(rng.uniform(0.008, 0.025))
        )
