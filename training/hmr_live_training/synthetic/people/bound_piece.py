"""A piece of MakeHuman's wardrobe bound to a body: it follows the posed skin under it.

Every point moves with the skin vertices near it in the T-pose, ``R_i (x - rest_i) + posed_i``,
mixed by how near they are.  It so follows shape and pose correctives as well as the bones, and in
the T-pose of the mean shape it lies exactly where it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import scipy.sparse
import scipy.spatial
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live_training.synthetic.surface import BodySurface, PosedSurface, VertexNormals
from hmr_live_training.synthetic.wardrobe.piece_file import Piece

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class _Hold:
    """How a kind of piece is held.

    Attributes
    ----------
    joints
        The skin of these joints carries it.
    neighbours
        So many skin vertices carry each point.
    reach
        Metres beyond the nearest vertex at which the others count e times less.
    under
        Skin within so many metres of the piece is under it.
    """

    joints: tuple[str, ...]
    neighbours: int
    reach: float
    under: float = 0.06


_TRUNK: Final = ("pelvis", "spine1", "spine2", "spine3", "neck")
_ARMS: Final = ("left_collar", "right_collar", "left_shoulder", "right_shoulder", "left_elbow",
                "right_elbow", "left_wrist", "right_wrist")  # fmt: skip
_LEGS: Final = ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")
_FEET: Final = ("left_knee", "right_knee", "left_ankle", "right_ankle", "left_foot", "right_foot")
_HOLDS: Final = {
    "top": _Hold((*_TRUNK, *_ARMS, "left_hip", "right_hip"), 16, 0.025),
    "bottom": _Hold(("pelvis", "spine1", *_LEGS), 16, 0.025),
    # Wide enough that cloth between the legs hangs from both.
    "skirt": _Hold(("pelvis", "spine1", *_LEGS), 240, 0.09, under=0.16),
    "suit": _Hold((*_TRUNK, *_ARMS, *_LEGS), 16, 0.025),
    "shoes": _Hold(_FEET, 16, 0.02),
    "socks": _Hold(_FEET, 8, 0.02),
    "hat": _Hold(("head",), 200, 0.1),
    "hair": _Hold(("head", "neck", "spine3", "spine2"), 60, 0.04),
}
#: Metres by which a piece clears what is worn below it, and where it looks for that.
_CLEARANCE: Final = 0.007
_OVERLAP: Final = 0.05


class BoundPiece:
    """A piece and the skin that carries it.

    Parameters
    ----------
    surface
        The body, any that has the open body's mean shape.
    piece
        What is bound.

    Attributes
    ----------
    piece
        As given.
    rest_normals
        ``(N, 3)`` of the piece's points.
    """

    def __init__(self, surface: BodySurface, piece: Piece) -> None:
        self.piece = piece
        self._rest = surface.rest
        self._carriers = _carriers(surface, piece)
        self._faces = np.asarray(piece.corners[piece.faces], np.int32)
        self._normals = VertexNormals(self._faces, len(piece.points))
        self.rest_normals = self._normals(piece.points)

    @cached_property
    def _from_border(self) -> Array:
        """Metres from skin under the piece to its borders; hair and hats never ask."""
        return _from_border(self._rest, self.piece, self._faces)

    def covers(self, margin: float, lowest: float = -np.inf) -> Mask:
        """Skin ``(V,)`` under the piece and farther than ``margin`` metres from its borders.

        ``lowest`` is the height of the T-pose at which the piece is cut off.
        """
        inside = self._from_border > margin
        return np.asarray(inside & (self._rest[:, 1] > lowest + margin))

    def clear_of(self, below: BoundPiece, below_outwards: Array, outwards: Array) -> Array:
        """``outwards`` ``(N,)`` made larger where the piece would go through one below it."""
        other = below.piece.points + below.rest_normals * below_outwards[:, None]
        points = self.piece.points + self.rest_normals * outwards[:, None]
        distances, near = scipy.spatial.cKDTree(other).query(points)
        above = np.einsum("pi,pi->p", points - other[near], below.rest_normals[near])
        lacking = np.where(distances < _OVERLAP, np.maximum(_CLEARANCE - above, 0), 0)
        return np.asarray(outwards + lacking)

    def pose(
        self,
        skin: Array,
        rotations: Array,
        *,
        outwards: Array | None = None,
        lowest: float = -np.inf,
        by_pattern: bool = True,
    ) -> PosedSurface:
        """The piece on a posed body.

        Parameters
        ----------
        skin
            Posed skin, ``(V, 3)`` metres.
        rotations
            Blended rotations of the skin's vertices, ``(V, 3, 3)``.
        outwards
            Metres by which each point ``(N,)`` is moved along its normal in the T-pose.
        lowest
            The piece is cut off at this height of the T-pose, metres.
        by_pattern
            Whether the surface's rest pose is the flat cutting pattern, for fabrics, or the
            T-pose.
        """
        piece = self.piece
        points = piece.points
        if outwards is not None:
            points = _on_own_side(points, points + self.rest_normals * outwards[:, None])
        corners, faces = piece.corners, piece.faces
        if lowest > -np.inf:
            faces = faces[(points[self._faces, 1] > lowest).any(axis=1)]
            # What the hem leaves of a row of faces is squeezed, so that it is straight.
            points = np.where(points[:, 1:2] < lowest, _level(points, lowest), points)
        turned = np.einsum("vij,vj->vi", rotations, self._rest)
        carried = np.concatenate([rotations.reshape(-1, 9), skin - turned], axis=1)
        mixed = self._carriers @ carried
        posed = np.einsum("pij,pj->pi", mixed[:, :9].reshape(-1, 3, 3), points) + mixed[:, 9:]
        return PosedSurface(
            vertices=np.asarray(posed[corners], np.float32),
            normals=self._normals(posed)[corners],
            rest=_flat(piece.cloth) if by_pattern else np.asarray(points[corners], np.float32),
            rest_normals=_facing(len(corners)) if by_pattern else self.rest_normals[corners],
            faces=np.asarray(faces, np.int32),
        )


def blended_rotations(surface: BodySurface, rotmats: Array, betas: Array) -> Array:
    """Rotations of linear blend skinning at the skin's vertices, ``(V, 3, 3)``."""
    turns = surface.body.skinning_transforms(rotmats, betas)[:, :3, :3].reshape(-1, 9)
    turns = np.asarray(turns, np.float32)
    return np.asarray((surface.body.weights @ turns).reshape(-1, 3, 3))


def _carriers(surface: BodySurface, piece: Piece) -> scipy.sparse.csr_matrix:
    """Shares of the skin's vertices in every point, ``(N, V)``."""
    hold = _HOLDS[piece.kind]
    joints = [JOINT[name] for name in hold.joints]
    allowed = surface.body.weights[:, joints].sum(axis=1) > 0.5
    allowed = np.flatnonzero(allowed & ~surface.eyeballs)
    tree = scipy.spatial.cKDTree(surface.rest[allowed])
    distances, near = tree.query(piece.points, hold.neighbours)
    shares = np.exp(-(((distances - distances[:, :1]) / hold.reach) ** 2))
    shares /= shares.sum(axis=1, keepdims=True)
    starts = np.arange(len(piece.points) + 1) * hold.neighbours
    shape = (len(piece.points), len(surface.rest))
    return scipy.sparse.csr_matrix(
        (shares.ravel().astype(np.float32), allowed[near].ravel(), starts), shape
    )


def _from_border(rest: Array, piece: Piece, faces: NDArray[np.int32]) -> Array:
    """Metres from skin under the piece to the piece's borders ``(V,)``; -inf for other skin."""
    under = _HOLDS[piece.kind].under
    samples = np.concatenate([piece.points, piece.points[faces].mean(axis=1)])
    nearest, _ = scipy.spatial.cKDTree(samples).query(rest)
    bare = rest[nearest > under]
    # Hems and collars that are folded over end without an edge: bare skin tells where.
    distances = scipy.spatial.cKDTree(bare).query(rest)[0] - under
    edge = piece.points[_border(faces)]
    # Holes for laces do not bare the foot.
    if len(edge) and piece.kind != "shoes":
        distances = np.minimum(distances, scipy.spatial.cKDTree(edge).query(rest)[0])
    return np.where(nearest > under, -np.inf, distances)


def _border(faces: NDArray[np.int32]) -> NDArray[np.int64]:
    """Points of edges with a single face."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    width = int(faces.max()) + 1
    numbers = edges.min(axis=1) * width + edges.max(axis=1)
    unique, count = np.unique(numbers, return_counts=True)
    single = unique[count == 1]
    return np.unique(np.concatenate([single // width, single % width]))


def _level(points: Array, height: float) -> Array:
    return np.stack([points[:, 0], np.full(len(points), height), points[:, 2]], axis=1)


def _on_own_side(before: Array, after: Array) -> Array:
    """Cloth of one leg does not widen into the other's: x keeps its sign."""
    after[:, 0] = np.where(before[:, 0] > 0, np.maximum(after[:, 0], 0), np.minimum(after[:, 0], 0))
    return after


def _flat(cloth: Array) -> Array:
    return np.concatenate([cloth, np.zeros((len(cloth), 1))], axis=1).astype(np.float32)


def _facing(count: int) -> Array:
    return np.tile(np.array([0.0, 0.0, 1.0], np.float32), (count, 1))
