"""Rotation representations in numpy: axis-angle, matrix, quaternion and the continuous 6-D form.

All functions take any number of leading dimensions and keep them.  float32 in, float32 out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_TINY = 1e-8


def _cross_table() -> Array:
    """``(3, 9)``: v -> the matrix of the cross product with v, row-major."""
    table = np.zeros((3, 3, 3), np.float32)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        table[i, k, j], table[i, j, k] = 1, -1
    return table.reshape(3, 9)


def _product_table() -> Array:
    """``(9, 16)``: R -> 4 q q^T - I of its quaternion q = (w, x, y, z), both row-major."""
    table = np.zeros((3, 3, 4, 4), np.float32)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        table[i, i] = np.diag([1, *(1 if axis == i else -1 for axis in range(3))])
        table[k, j, [0, i + 1], [i + 1, 0]] = 1
        table[j, k, [0, i + 1], [i + 1, 0]] = -1
        table[k, j, [j + 1, k + 1], [k + 1, j + 1]] = 1
        table[j, k, [j + 1, k + 1], [k + 1, j + 1]] = 1
    return table.reshape(9, 16)


# Few rotations cost little but the calls: one product with a table takes the place of many.
_CROSS, _PRODUCTS = _cross_table(), _product_table()
_EYE_3, _EYE_4 = np.eye(3, dtype=np.float32), np.eye(4, dtype=np.float32).reshape(16)


def matrix_from_axis_angle(axis_angle: Array) -> Array:
    """Rodrigues' formula, ``(..., 3)`` radians -> ``(..., 3, 3)``."""
    angle = _norm(axis_angle)
    return matrix_from_axis_and_angle(axis_angle / np.maximum(angle, _TINY), angle)


def matrix_from_axis_and_angle(axis: Array, angle: Array) -> Array:
    """As :func:`matrix_from_axis_angle`, of unit axes ``(..., 3)`` and angles ``(..., 1)``."""
    sin, cos = np.sin(angle), np.cos(angle)
    outer = axis[..., :, None] * axis[..., None, :] * (1 - cos)[..., None]
    return np.asarray(outer + _cross_matrix(sin * axis) + cos[..., None] * _EYE_3)


def axis_angle_from_matrix(matrix: Array) -> Array:
    """``(..., 3, 3)`` -> ``(..., 3)`` radians with angle in [0, pi]; exact at 0 and at pi."""
    axis, angle = axis_and_angle(matrix)
    return np.asarray(axis * angle, matrix.dtype)


def axis_and_angle(matrix: Array) -> tuple[Array, Array]:
    """``(..., 3, 3)`` -> unit axes ``(..., 3)``, zero where nothing turns, and angles ``(..., 1)``.

    Angles lie in [0, pi], in radians.
    """
    quaternion = quaternion_from_matrix(matrix)
    vector, scalar = quaternion[..., 1:], quaternion[..., :1]
    sin_half = np.maximum(_norm(vector), _TINY)
    return vector / sin_half, 2 * np.arctan2(sin_half, scalar)


def quaternion_from_matrix(matrix: Array) -> Array:
    """``(..., 3, 3)`` -> unit quaternion ``(..., 4)`` as (w, x, y, z) with w >= 0.

    Shepperd's method: divide by the largest of the four components, so no pose is singular.
    """
    leading = matrix.shape[:-2]
    # Row i, column j is four times the product of the components i and j.
    products = (matrix.reshape(-1, 9) @ _PRODUCTS + _EYE_4).reshape(-1, 4, 4)
    best = products.reshape(-1, 16)[:, ::5].argmax(axis=1)
    chosen = products[np.arange(len(products)), best]
    chosen = np.where(chosen[:, :1] < 0, -chosen, chosen)
    return np.asarray((chosen / _norm(chosen)).reshape(*leading, 4), matrix.dtype)


def matrix_from_quaternion(quaternions: Array) -> Array:
    """``(..., 4)`` as (w, x, y, z), of any length but zero -> ``(..., 3, 3)``."""
    w, x, y, z = np.moveaxis(quaternions / _norm(quaternions), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_from_6d(columns: Array) -> Array:
    """Gram-Schmidt of two columns (Zhou et al. 2019), ``(..., 6)`` -> ``(..., 3, 3)``.

    The six numbers are the 3 x 2 matrix of the first two columns in row-major order, as SPIN
    writes them: (a1x, a2x, a1y, a2y, a1z, a2z).
    """
    pair = columns.reshape(*columns.shape[:-1], 3, 2)
    first, second = pair[..., 0], pair[..., 1]
    first = first / np.maximum(_norm(first), _TINY)
    second = second - np.einsum("...i,...i->...", first, second)[..., None] * first
    second = second / np.maximum(_norm(second), _TINY)
    matrix = np.empty((*first.shape, 3), columns.dtype)
    matrix[..., 0], matrix[..., 1] = first, second
    matrix[..., 2] = np.einsum("...ij,...j->...i", _cross_matrix(first), second)
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
    return np.asarray(_norm(relative)[..., 0], relative.dtype)


def turn_between(first: Array, second: Array) -> Array:
    """Axis-angle ``(..., 3)``, in the frame of ``first``, that turns ``first`` into ``second``."""
    return axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second)


def rotation_between(start: Array, end: Array) -> Array:
    """Axis-angle ``(3,)`` of the shortest rotation from one unit vector ``(3,)`` to another.

    Zero where the vectors agree; opposite vectors have no shortest rotation and give zero too.
    """
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.zeros(3)
    return np.asarray(axis / sine * np.arctan2(sine, start @ end))


def _norm(vectors: Array) -> Array:
    """Lengths ``(..., 1)`` of ``(..., n)``; on few vectors several times as fast as linalg's."""
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)))[..., None]


def _cross_matrix(vectors: Array) -> Array:
    """``(..., 3)`` -> ``(..., 3, 3)``, whose product with a vector is the cross product."""
    return np.asarray((vectors @ _CROSS).reshape(*vectors.shape, 3))
