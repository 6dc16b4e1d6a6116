"""Occluders and clutter: boxes, poles, furniture edges, limbs."""

from __future__ import annotations

import math
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import Image
from hmr_live_training.synthetic.materials import FABRICS, Materials

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator
Mask = NDArray[np.uint8]

SHAPES: Final = ("box", "disc", "stick", "blob", "edge")


def draw_object(
    rng: Generator, canvas: Image, materials: Materials, centre: Array, reach: float
) -> Mask:
    """Draw a random object onto the canvas.

    Parameters
    ----------
    rng
        Source of all choices.
    canvas
        ``(n, n, 3)`` BGR, written into.
    materials
        Where its surface comes from.
    centre
        ``(2,)`` pixels.
    reach
        Typical size in pixels.

    Returns
    -------
    ``(n, n)`` uint8 coverage.
    """
    shape = SHAPES[int(rng.choice(len(SHAPES), p=[0.38, 0.14, 0.26, 0.14, 0.08]))]
    mask = np.zeros(canvas.shape[:2], np.uint8)
    outline = _outline(rng, shape, centre, reach, canvas.shape[0])
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    _paint(canvas, _surface(rng, canvas.shape[0], materials), mask)
    return mask


def draw_desk(rng: Generator, canvas: Image, materials: Materials, edge: Array) -> Mask:
    """Draw a desk: cover the canvas below a line.

    Parameters
    ----------
    rng
        Source of all choices.
    canvas
        ``(n, n, 3)`` BGR, written into.
    materials
        Where its surface comes from.
    edge
        ``(2, 2)`` start and end of the desk's edge in pixels; the desk lies on the right of it.
    """
    along = (edge[1] - edge[0]) / max(float(np.linalg.norm(edge[1] - edge[0])), 1e-6)
    below = np.array([-along[1], along[0]])
    start, end = edge[0] - 900 * along, edge[1] + 900 * along
    corners = np.stack([start, end, end + 900 * below, start + 900 * below])
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    _paint(canvas, _surface(rng, canvas.shape[0], materials), mask)
    return mask


def _outline(rng: Generator, shape: str, centre: Array, reach: float, side: int) -> Array:
    turn = float(rng.uniform(0, 2 * math.pi))
    if shape == "box":
        half = reach * rng.uniform(0.25, 1.0, 2)
        turn = float(rng.normal(0, 0.2)) if rng.random() < 0.7 else turn
        points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    elif shape == "stick":
        half = reach * np.array([rng.uniform(1.0, 3.5), rng.uniform(0.06, 0.22)])
        around = np.linspace(-np.pi / 2, np.pi / 2, 8)
        cap = np.stack([np.cos(around) * half[1] + half[0], np.sin(around) * half[1]], axis=1)
        points = np.concatenate([cap, -cap])
    elif shape == "edge":
        # Half of the picture and more, seen from one side: a wall, a door, a car.
        points = np.array([[0, -3], [3, -3], [3, 3], [0, 3]]) * side * 0.7
        turn = float(rng.integers(4)) * math.pi / 2 + float(rng.normal(0, 0.1))
        centre = centre + reach * rng.uniform(0.5, 1.5) * np.array([math.cos(turn), math.sin(turn)])
    else:
        count = 24
        around = np.linspace(0, 2 * math.pi, count, endpoint=False)
        radius = np.ones(count) * reach * float(rng.uniform(0.3, 0.9))
        if shape == "blob":
            for wave in (2, 3, 5):
                phase = float(rng.uniform(0, 2 * math.pi))
                radius = radius * (1 + float(rng.normal(0, 0.14)) * np.cos(wave * around + phase))
        points = np.stack([np.cos(around), np.sin(around)], axis=1) * radius[:, None]
        points[:, 1] *= float(rng.uniform(0.5, 1.0))
    cos, sin = math.cos(turn), math.sin(turn)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) + centre)


def _surface(rng: Generator, side: int, materials: Materials) -> Image:
    """A picture ``(side, side, 3)`` of wood, cloth, wall, skin: whatever covers things."""
    kind = rng.random()
    if kind < 0.35:
        color = rng.uniform(10, 245, 3) * 0.4 + float(rng.uniform(10, 245)) * 0.6
        if rng.random() < 0.3:
            color = np.array([110, 150, 200]) * float(rng.uniform(0.3, 1.2))
        picture: NDArray[Any] = np.broadcast_to(color, (side, side, 3))
    else:
        if kind < 0.65:
            source = materials.fabric(rng, str(rng.choice(list(FABRICS))))
        else:
            source = materials.background(rng)
        size = int(min(source.shape[:2]) * rng.uniform(0.4, 1.0))
        row, column = (int(rng.integers(0, length - size + 1)) for length in source.shape[:2])
        part = source[row : row + size, column : column + size]
        picture = np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR))
    shade = np.linspace(float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.6, 1.1)), side)
    shade = shade[:, None, None] if rng.random() < 0.5 else shade[None, :, None]
    return np.asarray(np.clip(picture * shade, 0, 255), np.uint8)


def _paint(canvas: Image, surface: Image, mask: Mask) -> None:
    share = cv2.merge([mask] * 3)
    inverse = cv2.bitwise_not(share)
    canvas[:] = cv2.add(
        cv2.multiply(canvas, inverse, scale=1 / 255), cv2.multiply(surface, share, scale=1 / 255)
    )
