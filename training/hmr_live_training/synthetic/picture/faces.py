"""Faces that somebody made unrecognisable: blurred, pixelated or covered."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import Image

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator
Mask = NDArray[np.uint8]

KINDS: Final = ("blurred", "pixelated", "covered")
_SHARES: Final = (0.4, 0.35, 0.25)
#: Metres; half the height of a face.
FACE_RADIUS: Final = 0.11


def hide_face(
    rng: Generator, canvas: Image, places: Array, radius: float, kind: str | None = None
) -> Mask:
    """Make a face unrecognisable.

    Parameters
    ----------
    rng
        Source of all choices.
    canvas
        ``(n, n, 3)`` BGR, written into.
    places
        ``(n, n, 2)`` of the canvas pixels, in frame pixels from the middle of the face: editors
        work along the axes of the frame, not of the crop.
    radius
        Of the face, frame pixels.
    kind
        One of :data:`KINDS`; None draws one.

    Returns
    -------
    ``(n, n)`` uint8 coverage by something opaque; zeros where the face still shows through.
    """
    kind = kind or KINDS[int(rng.choice(len(KINDS), p=_SHARES))]
    reach = radius * float(rng.uniform(0.9, 1.5)) * np.array([rng.uniform(0.75, 1.0), 1.0])
    across = places / reach
    box = rng.random() < 0.5
    distance = np.abs(across).max(axis=-1) if box else np.linalg.norm(across, axis=-1)
    covered = np.zeros(canvas.shape[:2], np.uint8)
    rows, columns = np.nonzero(distance < 1)
    if not len(rows):
        return covered
    patch = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    pixels = np.sqrt(len(rows)) / 2
    share = np.clip((1 - distance[patch]) * pixels + 0.5, 0, 1)
    if kind == "blurred":
        sigma = max(pixels * float(rng.uniform(0.2, 0.5)), 1.0)
        changed = cv2.GaussianBlur(canvas[patch], (0, 0), sigma)
    elif kind == "pixelated":
        changed = _pixelated(canvas[patch], across[patch], int(rng.integers(3, 10)))
    else:
        changed = np.broadcast_to(_cover_color(rng), canvas[patch].shape)
        covered[patch] = np.round(share * 255)
    mixed = canvas[patch] + share[:, :, None] * (changed - canvas[patch].astype(np.float64))
    canvas[patch] = np.clip(np.round(mixed), 0, 255)
    return covered


def _pixelated(image: Image, across: Array, count: int) -> Array:
    """Means of ``count`` by ``count`` blocks of [-1, 1]; ``across`` ``(..., 2)`` places pixels."""
    column, row = np.clip(((across + 1) / 2 * count).astype(int), 0, count - 1).reshape(-1, 2).T
    block = row * count + column
    sizes = np.maximum(np.bincount(block, minlength=count * count), 1)
    means = [
        np.bincount(block, image[:, :, channel].ravel(), count * count) / sizes
        for channel in range(3)
    ]
    return np.asarray(np.stack(means, axis=-1)[block].reshape(image.shape))


def _cover_color(rng: Generator) -> Array:
    return np.zeros(3) if rng.random() < 0.4 else rng.uniform(0, 255, 3)
