"""Sparse regression of keypoints from a body's vertices.

A keypoint is a convex combination of a few vertices, ``x = sum a_v V_v`` with ``a >= 0`` and
``sum a = 1``.  In the picture it appears at ``u = s (x_xy + t) / (1 + s x_z / F)``, so each place
where it was seen on a body of known vertices is linear in ``a``:

    ``sum a_v (s V_xy - u s V_z / F) = u - s t``

Non-negative least squares gives sparse weights by itself (Lawson and Hanson, 1974); places far off
count less in each round (Huber's weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Array = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]

#: Metres around a keypoint's first guess within which vertices may carry it.
_REACH: Final = 0.14
#: So many of them, spread over the surface.
_CANDIDATES: Final = 80
#: Crop halves up to which an error counts in full.
_HUBER: Final = 0.02
_ROUNDS: Final = 4
#: How strictly the weights sum to one, and how strongly they stay small, per observation.
_UNITY: Final = 3.0
_RIDGE: Final = 1e-3
#: Smaller weights are dropped.
_LEAST_WEIGHT: Final = 0.01


@dataclass(frozen=True)
class SeenBodies:
    """N bodies of known vertices in front of cameras.

    Attributes
    ----------
    vertices
        ``(N, V, 3)`` metres, in the crop's camera frame without the camera's translation.
    camera
        ``(N, 3)`` as (s, tx, ty).
    inverse_focal
        ``(N,)`` in halves of the crop.
    """

    vertices: Array
    camera: Array
    inverse_focal: Array


def candidates(rest: Array, guess: Array) -> Indices:
    """Vertices that may carry a keypoint: spread over the surface around its first guess.

    Parameters
    ----------
    rest
        ``(V, 3)`` rest vertices.
    guess
        ``(3,)`` where the keypoint is, roughly.
    """
    near = np.flatnonzero(np.linalg.norm(rest - guess, axis=1) < _REACH)
    chosen = [int(near[np.linalg.norm(rest[near] - guess, axis=1).argmin()])]
    distance = np.full(len(near), np.inf)
    for _ in range(min(_CANDIDATES, len(near)) - 1):
        distance = np.minimum(distance, np.linalg.norm(rest[near] - rest[chosen[-1]], axis=1))
        chosen.append(int(near[distance.argmax()]))
    return np.array(chosen)


def mirrored_vertices(rest: Array, vertices: Indices) -> Indices:
    """The vertices nearest to the mirror images of some."""
    images = rest[vertices] * np.array([-1.0, 1.0, 1.0])
    distances = np.linalg.norm(rest[None] - images[:, None], axis=2)
    return np.asarray(distances.argmin(axis=1))


def equations(
    bodies: SeenBodies, vertices: Indices, points: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """Linear equations of a keypoint's weights.

    Parameters
    ----------
    bodies
        Who is seen.
    vertices
        ``(K,)`` the candidates.
    points
        ``(N, 2)`` where the keypoint is seen, in [-1, 1] across the crop.
    weights
        ``(N,)`` how much each counts; 0 leaves it out.

    Returns
    -------
    Rows ``(2 M, K)``, right sides ``(2 M,)`` and weights ``(2 M,)``.
    """
    used = np.flatnonzero(weights > 0)
    scale = bodies.camera[used, None, :1]
    place = bodies.vertices[used][:, vertices]
    seen = points[used]
    towards = seen[:, None] * bodies.inverse_focal[used, None, None] * place[..., 2:]
    rows = scale * (place[..., :2] - towards)
    right = seen - bodies.camera[used, :1] * bodies.camera[used, 1:]
    return (
        np.swapaxes(rows, 1, 2).reshape(-1, len(vertices)),
        right.reshape(-1),
        np.repeat(weights[used], 2),
    )


def convex_weights(rows: Array, right: Array, weights: Array) -> Array:
    """Weights of the candidates ``(K,)`` that meet the equations best."""
    count = rows.shape[1]
    robust = np.ones(len(right))
    solution = np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        factor = np.sqrt(weights * robust)
        size = np.sqrt(factor @ factor)
        system = np.concatenate(
            [
                rows * factor[:, None],
                np.full((1, count), _UNITY * size),
                _RIDGE * size * np.eye(count),
            ]
        )
        goal = np.concatenate([right * factor, [_UNITY * size], np.zeros(count)])
        solution, _ = nnls(system, goal)
        error = np.abs(rows @ solution - right)
        robust = np.minimum(1, _HUBER / np.maximum(error, 1e-9))
    solution[solution < _LEAST_WEIGHT * solution.sum()] = 0
    return np.asarray(solution / solution.sum())


def weights_of_place(rest: Array, place: Array) -> tuple[Indices, Array]:
    """Vertices and weights whose combination at rest is a given place ``(3,)``."""
    vertices = candidates(rest, place)
    centred = rest[vertices] - place
    system = np.concatenate(
        [centred.T * 100, np.ones((1, len(vertices))), 0.05 * np.eye(len(vertices))]
    )
    goal = np.concatenate([np.zeros(3), [1.0], np.zeros(len(vertices))])
    solution, _ = nnls(system, goal)
    return vertices, np.asarray(solution / solution.sum())
