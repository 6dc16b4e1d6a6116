"""The file of the wardrobe: meshes of MakeHuman's assets in the open body's T-pose.

Places are stored in tenths of a millimetre, texture coordinates in thousandths of a metre of
cloth, so that the file is small enough for the repository.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

#: The file that comes with the training package.
PIECES_FILE: Final = Path(__file__).parent / "makehuman_pieces.npz"
#: What a piece may be; a suit is worn instead of top and bottom.
KINDS: Final = ("top", "bottom", "skirt", "suit", "shoes", "socks", "hat", "hair")

_PLACE_UNIT: Final = 1e-4
_CLOTH_UNIT: Final = 1e-3
_LICENCE: Final = (
    "Clothes, shoes, hats and hair of MakeHuman (makehumancommunity/makehuman-assets) on the open "
    "body. Copyright (C) 2020 Data Collection AB, Joel Palmius, Jonas Hauquier; released as CC0 "
    "1.0 Universal, as is this file."
)


@dataclass(frozen=True)
class Piece:
    """One mesh of N points in the T-pose of the open body's mean shape.

    Attributes
    ----------
    name
        The asset and the number of the part in it, such as ``male_casualsuit05_1``.
    outfit
        The asset alone: pieces of one outfit were made to be worn together.
    kind
        One of :data:`KINDS`.
    points
        ``(N, 3)`` metres.
    corners
        Numbers of the points ``(P,)`` that are drawn; points on a seam of the texture occur more
        than once.
    cloth
        Where each corner lies on the cutting pattern, ``(P, 2)`` metres.
    faces
        ``(F, 3)`` numbers of corners.
    """

    name: str
    outfit: str
    kind: str
    points: Floats
    corners: Ints
    cloth: Floats
    faces: Ints


def write_pieces(path: Path, pieces: Sequence[Piece]) -> None:
    """Write a wardrobe."""
    np.savez_compressed(
        path,
        licence=np.array(_LICENCE),
        names=np.array([piece.name for piece in pieces]),
        outfits=np.array([piece.outfit for piece in pieces]),
        kinds=np.array([piece.kind for piece in pieces]),
        counts=np.array([[len(p.points), len(p.corners), len(p.faces)] for p in pieces], np.int32),
        points=_whole(np.concatenate([piece.points for piece in pieces]), _PLACE_UNIT),
        corners=np.concatenate([piece.corners for piece in pieces]).astype(np.uint16),
        cloth=_whole(np.concatenate([piece.cloth for piece in pieces]), _CLOTH_UNIT),
        faces=np.concatenate([piece.faces for piece in pieces]).astype(np.uint16),
    )


@lru_cache(maxsize=2)
def read_pieces(path: Path = PIECES_FILE) -> tuple[Piece, ...]:
    """Read a wardrobe.

    Raises
    ------
    AssetError
        The file is missing or is no wardrobe.
    """
    try:
        with np.load(path) as file:
            data = {name: file[name] for name in file.files}
        ends = np.cumsum(data["counts"], axis=0)
        points, corners = data["points"] * _PLACE_UNIT, data["corners"].astype(np.int32)
        cloth, faces = data["cloth"] * _CLOTH_UNIT, data["faces"].astype(np.int32)
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(
            f"'{path}' is no wardrobe; make it with 'python -m "
            "hmr_live_training.body_builder.wardrobe'."
        ) from error
    pieces = []
    for number, (start, end) in enumerate(zip(ends - data["counts"], ends, strict=True)):
        pieces.append(
            Piece(
                name=str(data["names"][number]),
                outfit=str(data["outfits"][number]),
                kind=str(data["kinds"][number]),
                points=points[start[0] : end[0]],
                corners=corners[start[1] : end[1]],
                cloth=cloth[start[1] : end[1]],
                faces=faces[start[2] : end[2]],
            )
        )
    return tuple(pieces)


def _whole(values: Floats, unit: float) -> NDArray[np.int16]:
    return np.round(values / unit).astype(np.int16)
