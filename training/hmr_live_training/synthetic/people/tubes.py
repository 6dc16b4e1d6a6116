"""Tubes and sheets around the body: skirts and long hair, skinned like the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from hmr_live_training.synthetic.surface import (
    BodySurface,
    Faces,
    PosedSurface,
    grid_faces,
    grid_normals,
    skin_points,
)

Array = NDArray[np.floating[Any]]

_SKIRT_ROWS, _SKIRT_COLUMNS = 12, 36
_HAIR_ROWS, _HAIR_COLUMNS = 9, 17


@dataclass(frozen=True)
class Tube:
    """A grid of points with skin weights and shape directions.

    Attributes
    ----------
    rest
        ``(P, 3)`` metres, T-pose of the mean shape.
    weights
        ``(P, 24)``.
    shapes
        ``(P, 3, 10)`` change with betas.
    rows, columns
        The grid; ``rows * columns == P``.
    closed
        Whether the last column joins the first.
    """

    rest: Array
    weights: Array
    shapes: Array
    rows: int
    columns: int
    closed: bool

    def pose(self, body: BodyModel, rotmats: Array, betas: Array, transl: Array) -> PosedSurface:
        """The tube on a posed body."""
        shaped = self.rest + self.shapes @ betas
        transforms = body.skinning_transforms(rotmats, betas)
        vertices = skin_points(shaped, self.weights, transforms) + transl
        grid = (self.rows, self.columns)
        faces: Faces = grid_faces(*grid, closed=self.closed)
        return PosedSurface(
            vertices=np.asarray(vertices, np.float32),
            normals=grid_normals(vertices, *grid, closed=self.closed),
            rest=np.asarray(self.rest, np.float32),
            rest_normals=grid_normals(self.rest, *grid, closed=self.closed),
            faces=faces,
        )


def skirt(surface: BodySurface, waist: float, hem: float, flare: float, gap: float) -> Tube:
    """A skirt from height ``waist`` to height ``hem`` of the rest pose, metres.

    Parameters
    ----------
    surface
        The body.
    waist, hem
        Heights in the rest pose.
    flare
        How much wider the hem is than the body there, metres.
    gap
        Distance from the skin at the waist, metres.
    """
    angles = np.linspace(0, 2 * np.pi, _SKIRT_COLUMNS, endpoint=False)
    directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    middle = np.array([0.0, surface.joints[JOINT["pelvis"], 2]])
    rows, reached = [], np.zeros(_SKIRT_COLUMNS)
    for t in np.linspace(0, 1, _SKIRT_ROWS):
        y = waist + t * (hem - waist)
        near = (np.abs(surface.rest[:, 1] - y) < 0.03) & (np.abs(surface.rest[:, 0]) < 0.35)
        around = surface.rest[near][:, [0, 2]] - middle
        support = (around @ directions.T).max(axis=0) if len(around) else reached
        # Cloth falls straight from the widest place above and never closes in again.
        reached = np.maximum(reached, support)
        radius = reached + gap + flare * t
        flat = middle + directions * radius[:, None]
        rows.append(np.stack([flat[:, 0], np.full(_SKIRT_COLUMNS, y), flat[:, 1]], axis=1))
    rest = np.concatenate(rows)
    weights, shapes = _nearest_on_body(surface, rest)
    smooth = weights.reshape(_SKIRT_ROWS, _SKIRT_COLUMNS, -1)
    for _ in range(6):
        smooth = (np.roll(smooth, 1, axis=1) + 2 * smooth + np.roll(smooth, -1, axis=1)) / 4
    return Tube(
        rest, smooth.reshape(len(rest), -1), shapes, _SKIRT_ROWS, _SKIRT_COLUMNS, closed=True
    )


def long_hair(surface: BodySurface, end: float, reach: float, volume: float) -> Tube:
    """Hair that hangs from the head's back and sides down to height ``end`` of the rest pose.

    Parameters
    ----------
    surface
        The body.
    end
        Height of the tips in the rest pose, metres.
    reach
        Radians from the back of the head to where the hair ends at each side.
    volume
        Distance from the skin, metres.
    """
    head = surface.joints[JOINT["head"]]
    top, middle_z = head[1] + 0.10, head[2] - 0.005
    angles = np.linspace(-reach, reach, _HAIR_COLUMNS)
    directions = np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    skull = surface.rest[(surface.rest[:, 1] > head[1] + 0.02) & (np.abs(surface.rest[:, 0]) < 0.2)]
    around = skull[:, [0, 2]] - (0.0, middle_z)
    support = (around @ directions.T).max(axis=0)
    rows = []
    for t in np.linspace(0, 1, _HAIR_ROWS):
        y = top + t * (end - top)
        radius = support * (0.88 + 0.12 * min(4 * t, 1.0)) + volume * min(0.4 + 2 * t, 1.0)
        # Below the shoulders hair lies on the back instead of going through it.
        radius = radius + 0.03 * np.clip((head[1] - 0.12 - y) / 0.15, 0, 1)
        flat = directions * radius[:, None]
        heights = np.full(_HAIR_COLUMNS, y)
        rows.append(np.stack([flat[:, 0], heights, flat[:, 1] + middle_z], axis=1))
    rest = np.concatenate(rows)
    share = np.clip((head[1] - 0.02 - rest[:, 1]) / 0.25, 0, 1)[:, None]
    weights = np.zeros((len(rest), 24))
    weights[:, JOINT["head"]] = 1 - 0.75 * share[:, 0]
    weights[:, JOINT["neck"]] = 0.25 * share[:, 0]
    weights[:, JOINT["spine3"]] = 0.5 * share[:, 0]
    _, shapes = _nearest_on_body(surface, rest)
    return Tube(rest, weights, shapes, _HAIR_ROWS, _HAIR_COLUMNS, closed=False)


def _nearest_on_body(surface: BodySurface, points: Array) -> tuple[Array, Array]:
    """Weights and shape directions of the nearest body vertices, ``(P, 24)`` and ``(P, 3, 10)``."""
    _, nearest = surface.tree.query(points)
    body = surface.body
    return body.weights[nearest].astype(np.float64), body.shapedirs[nearest].astype(np.float64)
