"""The light body: fewer triangles, all fields carried over from the full one.

Quadric decimation (``fast-simplification``) chooses the triangles; every new vertex is then put
on the full surface, where its fields are mixed from the three corners that it lies between.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import fast_simplification
import numpy as np
import trimesh

from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live_training.body_builder.body_npz import OpenBody
from hmr_live_training.body_builder.joint_regression import convex_weights
from hmr_live_training.body_builder.source import Floats, Ints

logger = logging.getLogger(__name__)

#: The official body's number of vertices; the decimation comes close.
TARGET_VERTICES = 6890
_CLOSE_ENOUGH = 40
_ATTEMPTS = 6
_AGGRESSIVENESS = 3
_SMALLEST_WEIGHT = 4e-3
_SMALLEST_CORRECTIVE = 3e-5
_NEAREST = 4


def decimate(body: OpenBody, target: int = TARGET_VERTICES) -> OpenBody:
    """Return a body of about ``target`` vertices whose joints are those of ``body``.

    The triangles depend on every digit of the template.
    """
    return carry_over(body, *_simplified(body.v_template, body.faces, target))


def carry_over(body: OpenBody, points: Floats, faces: Ints) -> OpenBody:
    """Return a body on another mesh near the surface of ``body``.

    Parameters
    ----------
    body
        Where all fields come from.
    points, faces
        The mesh, ``(n, 3)`` and ``(m, 3)``; the points are moved onto the surface.
    """
    body = _in_double_precision(body)
    corners, shares, distances = _on_surface(points, body.v_template, body.faces)

    def mixed(field: Floats) -> Floats:
        return np.asarray(np.einsum("nk,nk...->n...", shares, field[corners]))

    weights = mixed(body.weights)
    weights[weights < _SMALLEST_WEIGHT] = 0
    posedirs = mixed(body.posedirs)
    posedirs[np.abs(posedirs) < _SMALLEST_CORRECTIVE] = 0
    template, shapedirs = mixed(body.v_template), mixed(body.shapedirs)
    logger.info(
        "%d vertices moved onto the full surface, by %.2f mm on average, %.2f mm at most",
        len(template),
        1e3 * distances.mean(),
        1e3 * distances.max(),
    )
    return OpenBody(
        v_template=template,
        faces=faces,
        shapedirs=shapedirs,
        posedirs=posedirs,
        weights=weights / weights.sum(axis=1, keepdims=True),
        j_regressor=_same_joints(body, template, shapedirs),
        vertex_ids={
            name: int(np.argmin(np.linalg.norm(template - body.v_template[vertex], axis=1)))
            for name, vertex in body.vertex_ids.items()
        },
    )


def _in_double_precision(body: OpenBody) -> OpenBody:
    return replace(
        body,
        v_template=body.v_template.astype(np.float64),
        shapedirs=body.shapedirs.astype(np.float64),
        posedirs=body.posedirs.astype(np.float64),
        weights=body.weights.astype(np.float64),
        j_regressor=body.j_regressor.astype(np.float64),
    )


def _simplified(vertices: Floats, faces: Ints, target: int) -> tuple[Floats, Ints]:
    """Adjust the reduction until the number of vertices is close to the target."""
    reduction = 1 - target / len(vertices)
    for _ in range(_ATTEMPTS):
        points, triangles = fast_simplification.simplify(
            vertices.astype(np.float32),
            faces.astype(np.int32),
            target_reduction=reduction,
            agg=_AGGRESSIVENESS,
        )
        used = np.unique(triangles)
        if abs(len(used) - target) < _CLOSE_ENOUGH:
            break
        reduction += (len(used) - target) / len(vertices)
    number_of = np.full(len(points), -1)
    number_of[used] = np.arange(len(used))
    return points[used], number_of[triangles]


def _on_surface(points: Floats, vertices: Floats, faces: Ints) -> tuple[Ints, Floats, Floats]:
    """Nearest triangle of each point: corners ``(n, 3)``, their shares ``(n, 3)``, distance."""
    find: Any = trimesh.proximity.closest_point
    barycentric: Any = trimesh.triangles.points_to_barycentric
    nearest, distances, triangles = find(trimesh.Trimesh(vertices, faces, process=False), points)
    corners = faces[triangles]
    shares = np.clip(barycentric(vertices[corners], nearest), 0, 1)
    return corners, shares / shares.sum(axis=1, keepdims=True), distances


def _same_joints(body: OpenBody, template: Floats, shapedirs: Floats) -> Floats:
    """Refit the regressor near where it was, so that every shape keeps its joints."""
    joints = body.j_regressor @ body.v_template
    joint_shapes = np.einsum("jv,vck->jck", body.j_regressor, body.shapedirs)
    regressor = np.zeros((NUM_JOINTS, len(template)))
    for joint in range(NUM_JOINTS):
        before = body.v_template[np.flatnonzero(body.j_regressor[joint])]
        distances = np.linalg.norm(template[:, None] - before[None], axis=2)
        near = np.unique(np.argsort(distances, axis=0)[:_NEAREST])
        shape_residual = (shapedirs[near] - joint_shapes[joint]).transpose(1, 2, 0)
        residual = np.concatenate(
            [(template[near] - joints[joint]).T, shape_residual.reshape(-1, len(near))]
        )
        regressor[joint, near] = convex_weights(residual)
    moved = np.linalg.norm(regressor @ template - joints, axis=1)
    logger.info("joints moved by %.2f mm at most", 1e3 * moved.max())
    return regressor
