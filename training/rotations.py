"""Rotation representations in torch; the same conventions as :mod:`engine.rotations`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """Product of many 3 x 3 (or 3 x 1) matrices, ``(..., 3, 3) @ (..., 3, C)``.

    A batched product of thousands of tiny matrices is slow on a CPU; three element-wise products
    do the same several times faster.  The exported graph keeps the single node.
    """
    if torch.compiler.is_exporting():
        return first @ second
    terms = [first[..., :, k : k + 1] * second[..., k : k + 1, :] for k in range(3)]
    return terms[0] + terms[1] + terms[2]


def cross(first: Tensor, second: Tensor) -> Tensor:
    """Cross product along the last dimension.

    ``(a x b)`` is ``a * P b - P a * b``, permuted by P = (y, z, x) once more: half of the nodes
    that torch's own operator becomes in an exported graph.
    """
    following = torch.tensor([1, 2, 0], device=first.device)

    def shifted(x: Tensor) -> Tensor:
        return x.index_select(-1, following)

    return shifted(first * shifted(second) - shifted(first) * second)


def matrix_from_6d(columns: Tensor) -> Tensor:
    """``(..., 6)`` row-major 3 x 2 -> ``(..., 3, 3)`` by Gram-Schmidt (Zhou et al., CVPR 2019)."""
    pair = columns.reshape(*columns.shape[:-1], 3, 2)
    first = F.normalize(pair[..., 0], dim=-1)
    second = pair[..., 1] - (first * pair[..., 1]).sum(-1, keepdim=True) * first
    second = F.normalize(second, dim=-1)
    return torch.stack([first, second, cross(first, second)], dim=-1)


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
