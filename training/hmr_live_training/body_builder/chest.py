"""Replaces the nipples by a smooth continuation of the skin around them, in every shape.

The patch solves the biharmonic equation with the surrounding vertices as boundary (thin plate):
``Q = C A^-1 C`` with cotangent stiffness C and vertex areas A, ``Q x = 0`` inside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import splu

from hmr_live_training.body_builder.mesh_tools import neighbour_mean, vertex_areas
from hmr_live_training.body_builder.shape_space import ShapeSpace
from hmr_live_training.body_builder.source import Floats, Ints
from hmr_live_training.body_builder.surface import SkinSurface

#: Vertices of the base mesh, left and right.
_SEEDS = (*range(1778, 1794), *range(8450, 8466))
_RINGS = 4
_IRONING_ROUNDS = 60


def smooth_chest(surface: SkinSurface, shapes: ShapeSpace) -> ShapeSpace:
    """Smooth the patch in the mean and in every shape direction."""
    inside = _patch(surface, len(shapes.mean))
    # Cotangents of the detail itself would be wild: iron it out before measuring.
    ironed = shapes.mean.copy()
    mean_of = neighbour_mean(surface.faces, len(ironed))
    for _ in range(_IRONING_ROUNDS):
        ironed[inside] = (mean_of @ ironed)[inside]
    stiffness = _bilaplacian(ironed, surface.faces)
    within = stiffness[inside]
    solver = splu(within[:, inside].tocsc())
    to_boundary = within[:, ~inside]

    def continued(field: Floats) -> Floats:
        flat = field.reshape(len(field), -1).copy()
        flat[inside] = solver.solve(-(to_boundary @ flat[~inside]))
        return flat.reshape(field.shape)

    return ShapeSpace(
        continued(shapes.mean.astype(np.float64)), continued(shapes.directions.astype(np.float64))
    )


def _patch(surface: SkinSurface, count: int) -> NDArray[np.bool_]:
    inside = np.zeros(count, bool)
    seeds = surface.number_of[list(_SEEDS)]
    inside[seeds[seeds >= 0]] = True
    mean_of = neighbour_mean(surface.faces, count)
    for _ in range(_RINGS):
        inside |= (mean_of @ inside.astype(float)) > 0
    return inside


def _bilaplacian(vertices: Floats, faces: Ints) -> Any:  # noqa: ANN401 - scipy has no types
    count = len(vertices)
    rows, columns, cotangents = [], [], []
    for corner in range(3):
        here, left, right = (faces[:, (corner + k) % 3] for k in range(3))
        a, b = vertices[left] - vertices[here], vertices[right] - vertices[here]
        sine = np.linalg.norm(np.cross(a, b), axis=1)
        cotangent = np.clip((a * b).sum(axis=1) / np.maximum(sine, 1e-12), -5, 5) / 2
        rows += [left, right]
        columns += [right, left]
        cotangents += [cotangent, cotangent]
    ends = (np.concatenate(rows), np.concatenate(columns))
    weights = coo_matrix((np.concatenate(cotangents), ends), shape=(count, count)).tocsr()
    laplacian = diags(np.asarray(weights.sum(axis=1)).ravel()) - weights
    per_area = diags(1 / np.maximum(vertex_areas(vertices, faces), 1e-9))
    return csr_matrix(laplacian @ per_area @ laplacian)
