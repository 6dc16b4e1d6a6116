"""Rotations in the forms in which the builder thinks of them; float64."""

from __future__ import annotations

import numpy as np

from hmr_live.body.rotations import matrix_from_axis_angle, quaternion_from_matrix
from hmr_live_training.body_builder.source import Floats


def unit(vector: Floats) -> Floats:
    """Scale to length 1."""
    return vector / np.linalg.norm(vector)


def turn(axis: Floats, angle: float) -> Floats:
    """Rotation by an angle in radians about an axis of any length, ``(3, 3)``."""
    return matrix_from_axis_angle(unit(axis) * angle)


def shortest_rotation(start: Floats, end: Floats) -> Floats:
    """Smallest rotation that takes the unit vector ``start`` to ``end``, ``(3, 3)``."""
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + start @ end))


def frame(first: Floats, second: Floats) -> Floats:
    """Right-handed frame whose columns begin with ``first``, then as near as can be ``second``."""
    x = unit(first)
    y = unit(second - x * (second @ x))
    return np.stack([x, y, np.cross(x, y)], axis=1)


def partial_twist(rotation: Floats, axis: Floats, share: float) -> Floats:
    """Return a share of the part of a rotation that turns about ``axis`` (unit), ``(3, 3)``."""
    w, *vector = quaternion_from_matrix(rotation)
    angle = 2 * np.arctan2(np.asarray(vector) @ axis, w)
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    return turn(axis, share * angle)


def swing(rotation: Floats, axis: Floats) -> Floats:
    """What remains of a rotation without its turning about ``axis`` (unit), ``(3, 3)``."""
    return np.asarray(rotation @ partial_twist(rotation, axis, 1.0).T)
