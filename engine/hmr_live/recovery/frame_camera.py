"""The full frame's pinhole camera: x right, y down, z forward, principal point in the middle."""

from __future__ import annotations

import math

import numpy as np

from hmr_live.core.state import Array

#: Horizontal field of view assumed when nothing is known of the camera: a usual webcam's.
FIELD_OF_VIEW_DEG = 60.0
#: Metres in front of the camera.
NEAREST = 0.05


def default_focal_length(size: tuple[int, int]) -> float:
    """Focal length in pixels of a frame (width, height) whose longer side spans 60 degrees."""
    return max(size) / 2 / math.tan(math.radians(FIELD_OF_VIEW_DEG / 2))


def roll(angle: float) -> Array:
    """``(3, 3)`` rotation about the viewing axis; positive turns the picture clockwise."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)


def project(points: Array, focal_length: float, size: tuple[int, int]) -> Array:
    """Projection of camera-frame points to frame pixels.

    Parameters
    ----------
    points
        ``(..., 3)`` metres.
    focal_length
        Pixels.
    size
        (width, height) of the frame; the principal point is its middle.

    Returns
    -------
    ``(..., 2)`` pixels.  What is nearer than :data:`NEAREST` is projected as from there.
    """
    depth = np.maximum(points[..., 2:], NEAREST)
    return np.asarray(points[..., :2] * (focal_length / depth) + np.array(size, np.float32) / 2)
