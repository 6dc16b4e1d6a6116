"""Takes assets apart into pieces: trousers, shirts and jackets that can be worn in any mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from hmr_live.core.errors import AssetError
from hmr_live_training.body_builder.wardrobe.asset_files import Floats, Ints, read_proxy
from hmr_live_training.body_builder.wardrobe.tpose_base import TPosedBase
from hmr_live_training.synthetic.wardrobe.piece_file import Piece

#: Folders of the assets that are read.
_FOLDERS: Final = ("clothes", "hair")
#: Buttons and other parts with fewer points are left out of clothes.
_FEWEST_POINTS: Final = 250
#: Heights in the T-pose, metres: clothes that reach above the first and below the second are suits;
#: others belong to the lower body when their middle is below the third.
_SUIT_TOP, _SUIT_END, _WAIST = 0.0, -0.9, -0.25
#: Pieces with points as near to those of another one are the same piece.
_SAME: Final = 0.006
#: Where hair does not hang: below the brows, between the cheeks, before the ears (metres).
_FACE_TOP, _FACE_BOTTOM, _FACE_SIDE, _FACE_FRONT = 0.425, 0.28, 0.062, 0.085
#: Outfits whose lower part is a skirt.
_WITH_SKIRT: Final = ("female_elegantsuit01",)
#: Parts of shoes that reach higher than this in the T-pose, metres, are socks.
_SOCKS: Final = -1.05


def cut_pieces(base: TPosedBase, assets: Path) -> list[Piece]:
    """Cut up the clothes, shoes, hats and hair of a folder, and the base mesh's own long skirt.

    Parameters
    ----------
    base
        The base mesh on the open body.
    assets
        Folder with ``clothes`` and ``hair`` of MakeHuman's assets.

    Raises
    ------
    AssetError
        There are none, or one cannot be read.
    """
    pieces: list[Piece] = []
    paths = [path for room in _FOLDERS for path in sorted(assets.glob(f"{room}/*/*.mhclo"))]
    if not paths:
        raise AssetError(
            f"'{assets}' has no clothes/NAME/NAME.mhclo; give the folder of MakeHuman's assets "
            "that holds 'clothes' and 'hair'."
        )
    for path in paths:
        proxy = read_proxy(path)
        mesh = (base.wear(proxy), proxy.faces, proxy.uv, proxy.uv_faces)
        if path.parent.parent.name == "hair":
            pieces.append(_piece(path.stem, 0, "hair", *_clear_of_the_face(*mesh)))
        elif path.stem.startswith("fedora"):
            pieces.append(_piece(path.stem, 0, "hat", *mesh))
        elif path.stem.startswith("shoes"):
            pieces += [piece for piece in _shoes(path.stem, *mesh) if not _known(piece, pieces)]
        else:
            pieces += [piece for piece in _clothes(path.stem, *mesh) if not _known(piece, pieces)]
    return [*pieces, _long_skirt(base)]


def _clothes(name: str, points: Floats, faces: Ints, uv: Floats, uv_faces: Ints) -> list[Piece]:
    """The connected parts of an outfit."""
    part = _connected(faces, len(points))
    pieces: list[Piece] = []
    for number in np.unique(part[faces]):
        own = part == number
        if own.sum() >= _FEWEST_POINTS:
            chosen = own[faces[:, 0]]
            kind = _kind(points[own, 1])
            if kind == "bottom" and name in _WITH_SKIRT:
                kind = "skirt"
            mesh = (points, faces[chosen], uv, uv_faces[chosen])
            pieces.append(_piece(name, len(pieces), kind, *mesh))
    return pieces


def _shoes(name: str, points: Floats, faces: Ints, uv: Floats, uv_faces: Ints) -> list[Piece]:
    """A pair of shoes and the socks in them."""
    part = _connected(faces, len(points))
    tops = np.full(part.max() + 1, -np.inf)
    np.maximum.at(tops, part, points[:, 1])
    sock = tops[part[faces[:, 0]]] > _SOCKS
    return [
        _piece(name, number, kind, points, faces[chosen], uv, uv_faces[chosen])
        for number, (kind, chosen) in enumerate((("shoes", ~sock), ("socks", sock)))
    ]


def _kind(heights: Floats) -> str:
    low, high = float(heights.min()), float(heights.max())
    if low < _SUIT_END and high > _SUIT_TOP:
        return "suit"
    return "bottom" if 0.5 * (low + high) < _WAIST else "top"


def _connected(faces: Ints, count: int) -> Ints:
    """Number of the connected part of each point, ``(N,)``."""
    ends = (faces.ravel(), np.roll(faces, 1, axis=1).ravel())
    graph = scipy.sparse.coo_matrix((np.ones(faces.size), ends), (count, count))
    return np.asarray(scipy.sparse.csgraph.connected_components(graph, directed=False)[1])


def _known(piece: Piece, pieces: list[Piece]) -> bool:
    """Several outfits come with the same trousers."""
    return any(
        piece.points.shape == other.points.shape
        and float(np.abs(piece.points - other.points).max()) < _SAME
        for other in pieces
    )


def _clear_of_the_face(
    points: Floats, faces: Ints, uv: Floats, uv_faces: Ints
) -> tuple[Floats, Ints, Floats, Ints]:
    """Cut off strands before eyes, nose and mouth: MakeHuman's pictures make them transparent."""
    middle = points[faces].mean(axis=1)
    before = (
        (middle[:, 1] < _FACE_TOP)
        & (middle[:, 1] > _FACE_BOTTOM)
        & (np.abs(middle[:, 0]) < _FACE_SIDE)
        & (middle[:, 2] > _FACE_FRONT)
    )
    return points, faces[~before], uv, uv_faces[~before]


def _long_skirt(base: TPosedBase) -> Piece:
    """The helper from which MakeHuman's authors make skirts: a tube from waist to ankles."""
    quads = base.source.groups["helper-skirt"]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    mesh = (base.vertices(), triangles[:, :, 0], base.source.uv, triangles[:, :, 1])
    return _piece("long_skirt", 0, "skirt", *mesh)


def _piece(
    name: str, number: int, kind: str, points: Floats, faces: Ints, uv: Floats, uv_faces: Ints
) -> Piece:
    """A piece of the faces' own points, its pattern in metres."""
    pairs = np.stack([faces.ravel(), uv_faces.ravel()], axis=1)
    seen, numbers = np.unique(pairs, axis=0, return_inverse=True)
    used, corners = np.unique(seen[:, 0], return_inverse=True)
    flat = uv[uv_faces] * _metres_of_pattern(points[faces], uv[uv_faces])
    cloth = np.zeros((len(seen), 2))
    cloth[numbers.ravel()] = flat.reshape(-1, 2)
    cloth -= cloth.min(axis=0)
    return Piece(
        name=f"{name}_{number}",
        outfit=name,
        kind=kind,
        points=points[used],
        corners=corners.ravel(),
        cloth=cloth,
        faces=numbers.reshape(-1, 3),
    )


def _metres_of_pattern(triangles: Floats, flat: Floats) -> float:
    """Side of the square of cloth that the texture's unit square stands for."""
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    real = np.linalg.norm(np.cross(first, second), axis=1)
    one, two = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    drawn = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    return float(np.sqrt(real.sum() / max(drawn.sum(), 1e-9)))
