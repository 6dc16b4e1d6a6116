"""The skin: which quads of the base mesh become the body (no mouth cavity, no helper parts)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from hmr_live_training.body_builder.source import Floats, Ints, MakeHumanSource

_PARTS = ("body", "helper-l-eye", "helper-r-eye")
_MOUTH_MASK = "textures/mpfb_inside-mouth.jpg"
#: Vertices of the base mesh from here on are helpers, eyes among them: their UV overlap the mask.
_FIRST_HELPER_VERTEX = 13380
#: Smaller connected pieces are scraps of the mouth.
_SMALLEST_PIECE = 60


@dataclass(frozen=True)
class SkinSurface:
    """The body's skin, V vertices of the base mesh's N.

    Attributes
    ----------
    source_vertices
        Numbers in the base mesh, ``(V,)`` sorted.
    number_of
        The other way, ``(N,)``; -1 where a vertex is not skin.
    faces
        ``(F, 3)``.
    uv, uv_faces
        Texture coordinates ``(T, 2)`` and their triangles ``(F, 3)``.
    """

    source_vertices: Ints
    number_of: Ints
    faces: Ints
    uv: Floats
    uv_faces: Ints


def extract_surface(source: MakeHumanSource) -> SkinSurface:
    """Take body and eyes, remove the mouth cavity, split quads into triangles."""
    quads = np.concatenate([source.groups[name] for name in _PARTS])
    quads = quads[~_inside_mouth(source, quads)]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    a, b, c = triangles[:, :, 0].T
    triangles = triangles[(a != b) & (b != c) & (a != c)]
    triangles = triangles[_in_large_piece(triangles[:, :, 0], len(source.vertices))]
    vertices, faces, number_of = _renumbered(triangles[:, :, 0], len(source.vertices))
    uv_kept, uv_faces, _ = _renumbered(triangles[:, :, 1], len(source.uv))
    return SkinSurface(vertices, number_of, faces, source.uv[uv_kept], uv_faces)


def _inside_mouth(source: MakeHumanSource, quads: Ints) -> NDArray[np.bool_]:
    """Look the middle of each quad up in the mask that MakeHuman ships for this purpose."""
    mask = np.asarray(Image.open(io.BytesIO(source.read(_MOUTH_MASK))).convert("L"), float) / 255
    height, width = mask.shape
    middle = source.uv[quads[:, :, 1]].mean(axis=1)
    row = np.clip(((1 - middle[:, 1]) * height).astype(int), 0, height - 1)
    column = np.clip((middle[:, 0] * width).astype(int), 0, width - 1)
    is_skin_group = quads[:, :, 0].max(axis=1) < _FIRST_HELPER_VERTEX
    return np.asarray((mask[row, column] > 0.5) & is_skin_group)


def _in_large_piece(faces: Ints, count: int) -> NDArray[np.bool_]:
    ends = (faces.ravel(), faces[:, [1, 2, 0]].ravel())
    graph = coo_matrix((np.ones(faces.size), ends), shape=(count, count))
    _, piece = connected_components(graph, directed=False)
    sizes = np.bincount(piece[np.unique(faces)], minlength=piece.max() + 1)
    return np.asarray(sizes[piece[faces[:, 0]]] >= _SMALLEST_PIECE)


def _renumbered(faces: Ints, count: int) -> tuple[Ints, Ints, Ints]:
    """Return (used numbers, faces in new numbers, new number of each old one)."""
    used = np.unique(faces)
    number_of = np.full(count, -1)
    number_of[used] = np.arange(len(used))
    return used, number_of[faces], number_of
