"""Draws clothes, shoes, hats and hair from MakeHuman's wardrobe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Image
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.people.bound_piece import BoundPiece, Mask
from hmr_live_training.synthetic.people.fabric import NOWHERE, cloth_values, random_color
from hmr_live_training.synthetic.surface import BodySurface
from hmr_live_training.synthetic.wardrobe.piece_file import Piece, read_pieces

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator

#: Which assets make which hair style.
_STYLES: Final = {
    "short": ("short01", "short02", "short03", "short04"),
    "full": ("afro01", "short01", "short03", "bob02"),
    "long": ("long01", "braid01", "ponytail01", "bob01", "bob02"),
    "hat": ("fedora", "fedora_cocked"),
}
#: A fabric has no borders of its own: the piece ends where it ends.
_EVERYWHERE: Final = {
    "bounds": (-NOWHERE, NOWHERE, 0.0, NOWHERE),
    "neck": (NOWHERE, 0.0, 0.0),
}
#: Share of people in one suit, and of lower halves that are skirts.
_SUITS: Final = 0.10
_SKIRTS: Final = 0.26
#: Metres by which shoes and socks are wider than they were made, so that heels stay in them.
_SNUG: Final = 0.003
_TUBE_SKIRT: Final = "long_skirt"


@dataclass(frozen=True)
class WornPiece:
    """A piece on somebody.

    Attributes
    ----------
    bound
        The piece and how it follows the body.
    values
        Uniforms of the fabric or the hair.
    texture
        BGR patch; None for hair.
    outwards
        ``(N,)`` metres by which it is wider than it was made.
    lowest
        Height of the T-pose at which it is cut off, metres.
    """

    bound: BoundPiece
    values: dict[str, Any]
    texture: Image | None
    outwards: Array
    lowest: float = -np.inf

    def covers(self, margin: float) -> Mask:
        """Skin ``(V,)`` under it, farther than ``margin`` metres from its borders."""
        return self.bound.covers(margin, self.lowest)


class MakeHumanWardrobe:
    """Draws from the wardrobe for one body model; pieces are bound when first worn."""

    def __init__(self, surface: BodySurface, materials: Materials) -> None:
        self._surface = surface
        self._materials = materials
        self._bound: dict[str, BoundPiece] = {}
        pieces = read_pieces()
        self._kinds: dict[str, list[Piece]] = {}
        self._outfits: dict[str, list[Piece]] = {}
        for piece in pieces:
            self._kinds.setdefault(piece.kind, []).append(piece)
            self._outfits.setdefault(piece.outfit, []).append(piece)
        suits = {piece.outfit for piece in self._kinds["suit"]}
        self._tops = sorted({piece.outfit for piece in self._kinds["top"]} - suits)
        y = surface.joints[:, 1]
        self._hip, self._knee = float(y[JOINT["left_hip"]]), float(y[JOINT["left_knee"]])
        self._ankle = float(y[JOINT["left_ankle"]])

    def clothes(self, rng: Generator) -> list[WornPiece]:
        """Clothes for the whole body, innermost first."""
        if rng.random() < _SUITS:
            suit = self._one(rng, self._kinds["suit"])
            fabric = self._materials.fabric(rng, str(rng.choice(["bottom", "jacket"])))
            wide = float(rng.uniform(0, 0.012))
            tops = [piece for piece in self._outfits[suit.outfit] if piece.kind == "top"]
            shirts = [self._sewn(rng, piece, self._materials.fabric(rng, "top")) for piece in tops]
            return [*shirts, self._sewn(rng, suit, fabric, self._flare(suit, wide, 0.0))]
        kind = "skirt" if rng.random() < _SKIRTS else "bottom"
        lower = self._one(rng, self._kinds[kind])
        below = self._skirt(rng, lower) if kind == "skirt" else self._trousers(rng, lower)
        return [below, *self._top(rng, below)]

    def shoes(self, rng: Generator) -> list[WornPiece]:
        """Socks and shoes."""
        shoe = self._one(rng, self._kinds["shoes"])
        worn = []
        if rng.random() < 0.6:
            socks = self._one(rng, self._kinds["socks"])
            worn.append(self._plain(rng, socks, random_color(rng, dark=0.5), gloss=0.0))
        gloss = float(rng.uniform(0.0, 0.25))
        return [*worn, self._plain(rng, shoe, random_color(rng, dark=0.6), gloss)]

    def hair(self, rng: Generator, style: str, values: dict[str, Any]) -> WornPiece:
        """Hair or a hat: ``style`` is short, full, long or hat, ``values`` colour it."""
        piece = self._outfits[str(rng.choice(_STYLES[style]))][0]
        thick = np.full(len(piece.points), float(rng.uniform(0.001, 0.005)))
        return WornPiece(self._bind(piece), values, None, thick)

    def _top(self, rng: Generator, below: WornPiece) -> list[WornPiece]:
        """All that one outfit has above the waist, now and then of the fabric that is below."""
        outfit = self._outfits[str(rng.choice(self._tops))]
        pieces = [piece for piece in outfit if piece.kind == "top"]
        largest = max(pieces, key=lambda piece: float(np.ptp(piece.points[:, 0])))
        long_sleeves = float(np.ptp(largest.points[:, 0])) > 1.0
        kind = "jacket" if long_sleeves and rng.random() < 0.5 else "top"
        outer, inner = self._materials.fabric(rng, kind), self._materials.fabric(rng, "top")
        if below.texture is not None and long_sleeves and rng.random() < 0.25:
            outer = below.texture
        loose = float(rng.uniform(0.0, 0.016)) + 0.004
        worn = []
        for piece in pieces:
            fabric, wide = (outer, loose) if piece is largest else (inner, 0.0)
            outwards = self._bind(piece).clear_of(
                below.bound, below.outwards, np.full(len(piece.points), wide)
            )
            worn.append(self._sewn(rng, piece, fabric, outwards))
        return worn

    def _trousers(self, rng: Generator, piece: Piece) -> WornPiece:
        fabric = self._materials.fabric(rng, "bottom")
        wide = float(rng.uniform(0.0, 0.008))
        flare = float(rng.choice([0.0, rng.uniform(0.01, 0.07)], p=[0.4, 0.6]))
        lowest, length = -np.inf, rng.random()
        if length < 0.15:
            lowest = float(rng.uniform(self._knee - 0.02, self._hip - 0.12))
        elif length < 0.25:
            lowest = float(rng.uniform(self._ankle + 0.05, self._knee - 0.1))
        return self._sewn(rng, piece, fabric, self._flare(piece, wide, flare), lowest)

    def _skirt(self, rng: Generator, piece: Piece) -> WornPiece:
        fabric = self._materials.fabric(rng, "skirt")
        lowest = -np.inf
        if piece.outfit == _TUBE_SKIRT:
            lowest = float(rng.uniform(self._ankle, self._knee + 0.05))
        flare = float(rng.uniform(0.0, 0.08))
        return self._sewn(rng, piece, fabric, self._flare(piece, 0.006, flare), lowest)

    def _flare(self, piece: Piece, wide: float, flare: float) -> Array:
        """Metres outwards ``(N,)``: ``wide`` everywhere, and ``flare`` more at the ankles."""
        drop = (self._hip - piece.points[:, 1]) / (self._hip - self._ankle)
        return np.asarray(wide + flare * np.clip(drop, 0, 1))

    def _sewn(
        self,
        rng: Generator,
        piece: Piece,
        fabric: Image,
        outwards: Array | None = None,
        lowest: float = -np.inf,
    ) -> WornPiece:
        values = cloth_values(rng, float(rng.uniform(0.25, 0.6)), 0.5) | _EVERYWHERE
        if outwards is None:
            outwards = np.zeros(len(piece.points))
        return WornPiece(self._bind(piece), values, fabric, outwards, lowest)

    def _plain(
        self, rng: Generator, piece: Piece, color: tuple[float, float, float], gloss: float
    ) -> WornPiece:
        values = cloth_values(rng, 0.3, 0.0) | _EVERYWHERE | {"tint": color, "gloss": gloss}
        white = np.full((8, 8, 3), 255, np.uint8)
        return WornPiece(self._bind(piece), values, white, np.full(len(piece.points), _SNUG))

    def _bind(self, piece: Piece) -> BoundPiece:
        if piece.name not in self._bound:
            self._bound[piece.name] = BoundPiece(self._surface, piece)
        return self._bound[piece.name]

    def _one(self, rng: Generator, pieces: list[Piece]) -> Piece:
        return pieces[int(rng.integers(len(pieces)))]


def chance(rng: Generator, share: float) -> bool:
    """Whether something of a share happens; a share of zero takes no random number."""
    return share > 0 and bool(rng.random() < share)
