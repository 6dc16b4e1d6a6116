"""Triangle surfaces in rest pose and posed: of the body, and of tubes around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.spatial
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel

Array = NDArray[np.floating[Any]]
Faces = NDArray[np.int32]

#: Smoothing steps that remove toes, navel and muscles under cloth.
_SMOOTHING_STEPS: Final = 8


@dataclass(frozen=True)
class PosedSurface:
    """A posed surface with its rest pose, which textures and garment borders refer to.

    Attributes
    ----------
    vertices, normals
        ``(V, 3)`` metres and unit vectors, camera frame.
    rest, rest_normals
        ``(V, 3)`` the same in the T-pose of the mean shape, body frame.
    faces
        ``(F, 3)``.
    """

    vertices: Array
    normals: Array
    rest: Array
    rest_normals: Array
    faces: Faces


class VertexNormals:
    """Normals of a triangle mesh: call it with vertices ``(V, 3)`` for unit normals ``(V, 3)``.

    Parameters
    ----------
    faces
        ``(F, 3)``; normals of faces are weighted by area.
    count
        Number of vertices V.
    """

    def __init__(self, faces: Faces, count: int) -> None:
        self._faces = faces
        corners = faces.reshape(-1)
        of_face = np.repeat(np.arange(len(faces)), 3)
        ones = np.ones(len(corners), np.float32)
        self._gather = scipy.sparse.csr_matrix((ones, (corners, of_face)), (count, len(faces)))

    def __call__(self, vertices: Array) -> Array:
        """Unit vertex normals ``(V, 3)``."""
        a, b, c = (vertices[self._faces[:, k]] for k in range(3))
        return _unit(np.asarray(self._gather @ _cross(b - a, c - a)))


class BodySurface:
    """Normals, smoothing and rest pose of the surface of one body model."""

    def __init__(self, body: BodyModel) -> None:
        self.body = body
        self.faces: Faces = np.asarray(body.faces, np.int32)
        self.rest = np.asarray(body.v_template, np.float32)
        self.joints = np.asarray(body.rest_joints(np.zeros(10, np.float32)))
        count = len(self.rest)
        self.normals = VertexNormals(self.faces, count)
        self._smooth = _smoothing(self.faces, count)
        self.rest_normals = self.normals(self.rest)
        self.eyeballs = eyeballs(self.faces, self.rest)
        self.tree = scipy.spatial.cKDTree(self.rest)

    def smooth(self, vertices: Array) -> Array:
        """The smoothed surface ``(V, 3)``, without toes, navel and muscles."""
        return np.asarray(self._smooth @ vertices)

    def faces_touching(self, mask: NDArray[np.bool_]) -> Faces:
        """Faces with a vertex in the mask ``(V,)``."""
        return self.faces[mask[self.faces].any(axis=1)]


def eyeballs(faces: Faces, rest: Array) -> NDArray[np.bool_]:
    """Vertices ``(V,)`` of the small parts that are not connected to the skin."""
    count = len(rest)
    links = scipy.sparse.coo_matrix(
        (np.ones(faces.size), (faces.reshape(-1), np.roll(faces, 1, axis=1).reshape(-1))),
        (count, count),
    )
    _, part = scipy.sparse.csgraph.connected_components(links, directed=False)
    return np.asarray(np.bincount(part)[part] < count // 10)


def grid_faces(rows: int, columns: int, *, closed: bool) -> Faces:
    """Faces of a grid of vertices, row after row; ``closed`` joins the last column to the first."""
    last = columns if closed else columns - 1
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(last), indexing="ij")
    a = row * columns + column
    b = row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    faces = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], axis=2)
    return np.asarray(faces.reshape(-1, 3), np.int32)


def grid_normals(vertices: Array, rows: int, columns: int, *, closed: bool) -> Array:
    """Unit normals of a grid of vertices ``(rows * columns, 3)``."""
    grid = vertices.reshape(rows, columns, 3)
    if closed:
        across: Array = np.roll(grid, -1, axis=1) - np.roll(grid, 1, axis=1)
    else:
        across = np.asarray(np.gradient(grid, axis=1))
    down = np.asarray(np.gradient(grid, axis=0))
    return _unit(_cross(across, down).reshape(-1, 3))


def skin_points(rest: Array, weights: Array, transforms: Array) -> Array:
    """Linear blend skinning of free points: ``(P, 3)``, ``(P, 24)``, ``(24, 4, 4)``."""
    mixed = np.tensordot(weights, transforms[:, :3], axes=1)
    return np.asarray(np.einsum("pij,pj->pi", mixed[..., :3], rest) + mixed[..., 3])


def _smoothing(faces: Faces, count: int) -> scipy.sparse.csr_matrix:
    """Several steps of Laplacian smoothing (half the vertex, half its neighbours) as one matrix."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    links = scipy.sparse.csr_matrix(
        (np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (count, count)
    )
    links.data[:] = 1
    degree = np.asarray(links.sum(axis=1)).reshape(-1)
    neighbours = scipy.sparse.diags(1 / np.maximum(degree, 1)) @ links
    step = (scipy.sparse.identity(count) + neighbours) * 0.5
    result = step
    for _ in range(_SMOOTHING_STEPS - 1):
        result = result @ step
    result = result.tocsr().astype(np.float32)
    # Tiny weights cost time and change nothing.
    result.data[result.data < 0.004] = 0
    result.eliminate_zeros()
    total = np.asarray(result.sum(axis=1)).reshape(-1)
    return (scipy.sparse.diags(1 / total) @ result).tocsr().astype(np.float32)


def _cross(a: Array, b: Array) -> Array:
    """Cross product; numpy's own is several times slower."""
    ax, ay, az = np.moveaxis(a, -1, 0)
    bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def _unit(vectors: Array) -> Array:
    length = np.sqrt(np.einsum("vi,vi->v", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-12)[:, None], np.float32)
