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
    matrix = np.empty((*angle.shape, 3, 3), cos.dtype)
    for i, (along, turned) in enumerate(((x, sin * x), (y, sin * y), (z, sin * z))):
        j, k = (i + 1) % 3, (i + 2) % 3
        matrix[..., i, i] = cos + along * along * rest
        # Each pair of neighbours meets in two places, which the third axis tells apart.
        shared = (x, y, z)[j] * (x, y, z)[k] * rest
        matrix[..., j, k] = shared - turned
        matrix[..., k, j] = shared + turned
    return matrix


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
    diagonal = np.moveaxis(np.diagonal(m, axis1=-2, axis2=-1), -1, 0)
    trace = diagonal.sum(axis=0)
    # Row i, column j is four times the product of the components i and j.
    candidates = np.empty((*trace.shape, 4, 4), m.dtype)
    candidates[..., 0, 0] = 1 + trace
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        candidates[..., i + 1, i + 1] = 1 - trace + 2 * diagonal[i]
        difference, total = m[..., k, j] - m[..., j, k], m[..., j, k] + m[..., k, j]
        candidates[..., 0, i + 1] = candidates[..., i + 1, 0] = difference
        candidates[..., j + 1, k + 1] = candidates[..., k + 1, j + 1] = total
    best = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), axis=-1)
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
    matrix = np.empty((*first.shape, 3), columns.dtype)
    matrix[..., 0], matrix[..., 1] = first, second
    matrix[..., 2] = np.cross(first, second)
    return matrix


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
    difference = turn_between(start, end)
    step = difference * np.asarray(fraction, difference.dtype)[..., None]
    return start @ matrix_from_axis_angle(step)


def angle_between(first: Array, second: Array) -> Array:
    """Radians of the rotation from ``first`` to ``second``, ``(..., 3, 3)`` each -> ``(...)``."""
    relative = turn_between(first, second)
    return np.asarray(np.linalg.norm(relative, axis=-1), relative.dtype)


def turn_between(first: Array, second: Array) -> Array:
    """Axis-angle ``(..., 3)``, in the frame of ``first``, that turns ``first`` into ``second``."""
    return axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second)
