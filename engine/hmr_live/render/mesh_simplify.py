"""Mesh preparation: vertex normals, cache-friendly triangle order, simplification."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmr_live.core.state import Array

Faces = np.ndarray[Any, np.dtype[np.uint32]]


def vertex_normals(vertices: Array, faces: np.ndarray[Any, Any]) -> Array:
    """Unit normals ``(V, 3)`` of a closed mesh, face normals weighted by area."""
    corners = np.asarray(vertices, np.float64)[faces]
    normals = np.zeros((len(vertices), 3))
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    lengths = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(normals / lengths, np.float32)


def sort_faces_by_morton_code(vertices: Array, faces: np.ndarray[Any, Any]) -> Faces:
    """The faces ``(F, 3)`` in the order of a Morton curve, so that neighbours follow each other.

    Renderers process a vertex again for every batch of faces that uses it.  The curve has three
    bits, one for each axis, for every halving of the body's bounding box.
    """
    centres = np.asarray(vertices, np.float64)[faces].mean(axis=1)
    steps = (centres - centres.min(axis=0)) / np.ptp(centres, axis=0).max() * 1023
    curve = np.zeros(len(faces), np.int64)
    for bit in range(10):
        for axis in range(3):
            curve |= (steps[:, axis].astype(np.int64) >> bit & 1) << (3 * bit + axis)
    return np.ascontiguousarray(faces[np.argsort(curve, kind="stable")], np.uint32)


def simplify_by_clustering(vertices: Array, faces: np.ndarray[Any, Any], cell: float) -> Faces:
    """Simplify a mesh by vertex clustering (Rossignac and Borrel 1993).

    Vertices in the same grid cell that face the same way are merged into one of them; degenerate
    faces are dropped.  The second condition keeps fingers, which are thinner than a cell, round.

    Parameters
    ----------
    vertices
        ``(V, 3)`` of the resting body, metres.
    faces
        ``(F, 3)`` vertex numbers.
    cell
        Edge of the grid's cells, metres.
    """
    normals = vertex_normals(vertices, faces)
    axis = np.abs(normals).argmax(axis=1)
    side = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] > 0
    grid = np.floor(np.asarray(vertices) / cell).astype(np.int64)
    _, group = np.unique(np.column_stack([grid, axis, side]), axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    middle = np.stack([np.bincount(group, vertices[:, k]) / count for k in range(3)], axis=1)
    distance = np.linalg.norm(vertices - middle[group], axis=1)
    nearest = np.empty(len(count), np.int64)
    farthest_first = np.argsort(-distance)
    nearest[group[farthest_first]] = farthest_first  # the last one written is the nearest
    merged = nearest[group][faces]
    a, b, c = merged.T
    merged = merged[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(merged, axis=1), axis=0, return_index=True)
    merged = merged[np.sort(first)]
    corners = vertices[merged]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inwards = (across * normals[merged].sum(axis=1)).sum(axis=1) < 0
    merged[inwards] = merged[inwards][:, ::-1]  # a small face that was flipped
    return np.ascontiguousarray(merged, np.uint32)
