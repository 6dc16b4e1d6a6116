"""Rotation representations in numpy: axis-angle, matrix, quaternion and the continuous 6-D form.

All functions take any number of leading dimensions and keep them.  float32 in, float32 out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_TINY = 1e-8


def matrix_from_axis_angle(axis_angle: Array) -> Array:
    """Rodrigues' formula, ``(..., 3)`` radians -> ``(..., 3, 3)``."""
    angle = np.linalg.norm(axis_angle, axis=-1)
    x, y, z = np.moveaxis(axis_angle / np.maximum(angle, _TINY)[..., None], -1, 0)
    sin, cos = np.sin(angle), np.cos(angle)
    rest = 1 - cos
    rows = [
        np.stack([cos + x * x * rest, x * y * rest - z * sin, x * z * rest + y * sin], axis=-1),
        np.stack([y * x * rest + z * sin, cos + y * y * rest, y * z * rest - x * sin], axis=-1),
        np.stack([z * x * rest - y * sin, z * y * rest + x * sin, cos + z * z * rest], axis=-1),
    ]
    return np.stack(rows, axis=-2)


def axis_angle_from_matrix(matrix: Array) -> Array:
    """``(..., 3, 3)`` -> ``(..., 3)`` radians with angle in [0, pi]; exact at 0 and at pi."""
    quaternion = quaternion_from_matrix(matrix)
    vector, scalar = quaternion[..., 1:], quaternion[..., :1]
    sin_half = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sin_half, scalar)
    scale = np.where(sin_half > _TINY, angle / np.maximum(sin_half, _TINY), 2.0)
    return np.asarray(vector * scale, matrix.dtype)


def quaternion_from_matrix(matrix: Array) -> Array:
    """``(..., 3, 3)`` -> unit quaternion ``(..., 4)`` as (w, x, y, z) with w >= 0.

    Shepperd's method: divide by the largest of the four components, so no pose is singular.
    """
    m = matrix
    diagonal = np.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], axis=-1)
    trace = diagonal.sum(axis=-1)
    a, b, c = (
        m[..., 2, 1] - m[..., 1, 2],
        m[..., 0, 2] - m[..., 2, 0],
        m[..., 1, 0] - m[..., 0, 1],
    )
    d, e, f = (
        m[..., 0, 1] + m[..., 1, 0],
        m[..., 0, 2] + m[..., 2, 0],
        m[..., 1, 2] + m[..., 2, 1],
    )
    x, y, z = np.moveaxis(1 - trace[..., None] + 2 * diagonal, -1, 0)
    candidates = np.stack(
        [
            np.stack([1 + trace, a, b, c], axis=-1),
            np.stack([a, x, d, e], axis=-1),
            np.stack([b, d, y, f], axis=-1),
            np.stack([c, e, f, z], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.concatenate([trace[..., None], diagonal], axis=-1), axis=-1)
    chosen = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    chosen = np.where(chosen[..., :1] < 0, -chosen, chosen)
    return np.asarray(chosen / np.linalg.norm(chosen, axis=-1, keepdims=True), matrix.dtype)


def matrix_from_6d(columns: Array) -> Array:
    """Gram-Schmidt of two columns (Zhou et al. 2019), ``(..., 6)`` -> ``(..., 3, 3)``.

    The six numbers are the 3 x 2 matrix of the first two columns in row-major order, as SPIN
    writes them: (a1x, a2x, a1y, a2y, a1z, a2z).
    """
    pair = columns.reshape(*columns.shape[:-1], 3, 2)
    first = pair[..., 0] / np.maximum(np.linalg.norm(pair[..., 0], axis=-1, keepdims=True), _TINY)
    second = pair[..., 1] - (first * pair[..., 1]).sum(axis=-1, keepdims=True) * first
    second = second / np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), _TINY)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def sixd_from_matrix(matrix: Array) -> Array:
    """Inverse of :func:`matrix_from_6d`, ``(..., 3, 3)`` -> ``(..., 6)``."""
    return matrix[..., :2].reshape(*matrix.shape[:-2], 6)


def slerp(start: Array, end: Array, fraction: float | Array) -> Array:
    """Constant-speed interpolation between rotation matrices ``(..., 3, 3)``, shortest way.

    Parameters
    ----------
    start, end
        Rotation matrices.
    fraction
        0 gives ``start``, 1 gives ``end``; a scalar or one number for each rotation.
    """
    difference = axis_angle_from_matrix(np.swapaxes(start, -1, -2) @ end)
    step = difference * np.asarray(fraction, difference.dtype)[..., None]
    return start @ matrix_from_axis_angle(step)


def angle_between(first: Array, second: Array) -> Array:
    """Radians of the rotation from ``first`` to ``second``, ``(..., 3, 3)`` each -> ``(...)``."""
    relative = axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second)
    return np.asarray(np.linalg.norm(relative, axis=-1), relative.dtype)
