"""Rotation representations in torch; the same conventions as :mod:`hmr_live.body.rotations`."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

#: Below it, a column has no direction.
_LEAST_LENGTH: Final = 1e-12


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """Product of many 3 x 3 or 4 x 4 matrices, ``(..., K, K) @ (..., K, C)``.

    A batched product of thousands of tiny matrices is slow on a CPU; K element-wise products do
    the same several times faster.  The exported graph keeps the single node.
    """
    if torch.compiler.is_exporting():
        return first @ second
    size = first.shape[-1]
    terms = [first[..., :, k : k + 1] * second[..., k : k + 1, :] for k in range(size)]
    product = terms[0]
    for term in terms[1:]:
        product = product + term
    return product


def cross(first: Tensor, second: Tensor, dim: int = -1) -> Tensor:
    """Cross product along a dimension.

    ``(a x b)`` is ``a * P b - P a * b``, permuted by P = (y, z, x) once more: half of the nodes
    that torch's own operator becomes in an exported graph.
    """
    following = torch.tensor([1, 2, 0], device=first.device)

    def shifted(x: Tensor) -> Tensor:
        return x.index_select(dim, following)

    return shifted(first * shifted(second) - shifted(first) * second)


def matrix_from_6d(columns: Tensor) -> Tensor:
    """``(..., 6)`` row-major 3 x 2 -> ``(..., 3, 3)`` by Gram-Schmidt (Zhou et al., CVPR 2019)."""
    first, second = torch.split(columns.reshape(*columns.shape[:-1], 3, 2), 1, dim=-1)
    first = _unit(first)
    second = _unit(second - (first * second).sum(dim=-2, keepdim=True) * first)
    return torch.cat([first, second, cross(first, second, dim=-2)], dim=-1)


def _unit(columns: Tensor) -> Tensor:
    """Columns ``(..., 3, 1)`` of length one."""
    length: Tensor = torch.linalg.vector_norm(columns, dim=-2, keepdim=True)
    return columns / length.clamp_min(_LEAST_LENGTH)


def shortest_turn(start: Tensor, goal: Tensor) -> Tensor:
    """Rotation ``(3, 3)`` of one unit vector ``(3,)`` onto another that is not its opposite."""
    axis = torch.linalg.cross(start, goal)
    zero = torch.zeros(())
    x, y, z = axis
    crossed = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return torch.eye(3) + crossed + crossed @ crossed / (1 + start @ goal)


def sixd_from_matrix(matrix: Tensor) -> Tensor:
    """``(..., 3, 3)`` -> ``(..., 6)``, the inverse of :func:`matrix_from_6d`."""
    return matrix[..., :2].reshape(*matrix.shape[:-2], 6)


def matrix_from_axis_angle(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula, ``(..., 3)`` radians -> ``(..., 3, 3)``."""
    angle = axis_angle.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    x, y, z = (axis_angle / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1)
    cross = cross.reshape(*x.shape, 3, 3)
    sin, cos = torch.sin(angle)[..., None], torch.cos(angle)[..., None]
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sin * cross + (1 - cos) * multiply(cross, cross)


def axis_angle_from_matrix(matrix: Tensor) -> Tensor:
    """``(..., 3, 3)`` -> ``(..., 3)`` radians with finite gradients; inexact near a half turn."""
    vector = 0.5 * torch.stack(
        [
            matrix[..., 2, 1] - matrix[..., 1, 2],
            matrix[..., 0, 2] - matrix[..., 2, 0],
            matrix[..., 1, 0] - matrix[..., 0, 1],
        ],
        dim=-1,
    )
    sin = torch.sqrt((vector**2).sum(-1, keepdim=True) + 1e-8)
    cos = 0.5 * (matrix.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True) - 1)
    return vector * (torch.atan2(sin, cos) / sin)
