"""Small things about triangle meshes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.spatial import cKDTree

from hmr_live_training.body_builder.source import Floats, Ints

_MIRROR_TOLERANCE = 2e-4


def vertex_areas(vertices: Floats, faces: Ints) -> Floats:
    """Area that belongs to each vertex: a third of its triangles', ``(V,)``."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    thirds = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return np.bincount(faces.ravel(), np.repeat(thirds, 3), len(vertices)).astype(np.float64)


def neighbour_mean(faces: Ints, count: int) -> Any:  # noqa: ANN401 - scipy.sparse has no types
    """Sparse ``(V, V)`` matrix that replaces each vertex by the mean of its neighbours."""
    start = np.concatenate([faces, faces]).ravel()
    end = np.concatenate([faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]]).ravel()
    adjacency = coo_matrix((np.ones(len(start)), (start, end)), shape=(count, count)).tocsr()
    adjacency.data[:] = 1
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    return csr_matrix(diags(1 / np.maximum(degree, 1)) @ adjacency)


def mirror_partners(vertices: Floats) -> Ints:
    """For each vertex of a symmetric mesh the number of its partner in x, ``(V,)``.

    Raises
    ------
    ValueError
        The mesh is not symmetric within 0.2 mm.
    """
    distances, partners = cKDTree(vertices).query(vertices * [-1, 1, 1])
    if distances.max() > _MIRROR_TOLERANCE:
        raise ValueError(f"the mesh is not symmetric: {1e3 * distances.max():.1f} mm off")
    return np.asarray(partners)
