"""Linear blend and dual quaternion skinning of a mesh by any number of bones."""

from __future__ import annotations

import numpy as np

from hmr_live.body.rotations import quaternion_from_matrix
from hmr_live_training.body_builder.source import Floats


def linear_blend(
    vertices: Floats, weights: Floats, rotations: Floats, translations: Floats
) -> Floats:
    """Mix the bones' rigid motions ``x -> R x + t`` as matrices.

    Parameters
    ----------
    vertices
        ``(V, 3)``.
    weights
        ``(V, B)``.
    rotations, translations
        ``(B, 3, 3)`` and ``(B, 3)``.
    """
    motions = np.concatenate([rotations, translations[:, :, None]], axis=2)
    mixed = (weights @ motions.reshape(len(motions), 12).astype(np.float32)).reshape(-1, 3, 4)
    return np.asarray(np.einsum("vij,vj->vi", mixed[:, :, :3], vertices) + mixed[:, :, 3])


def dual_quaternion_blend(
    vertices: Floats, weights: Floats, rotations: Floats, translations: Floats
) -> Floats:
    """Mix the bones' rigid motions as dual quaternions (Kavan et al. 2007): no loss of volume.

    Parameters are those of :func:`linear_blend`.
    """
    real = quaternion_from_matrix(rotations)
    pure = np.concatenate([np.zeros((len(translations), 1)), translations], axis=1)
    mixed_real, mixed_dual = weights @ real, weights @ (0.5 * _product(pure, real))
    length = np.linalg.norm(mixed_real, axis=1, keepdims=True)
    mixed_real, mixed_dual = mixed_real / length, mixed_dual / length
    w, axis = mixed_real[:, :1], mixed_real[:, 1:]
    dual_w, dual_axis = mixed_dual[:, :1], mixed_dual[:, 1:]
    turned = vertices + 2 * np.cross(axis, np.cross(axis, vertices) + w * vertices)
    return np.asarray(turned + 2 * (w * dual_axis - dual_w * axis + np.cross(axis, dual_axis)))


def _product(first: Floats, second: Floats) -> Floats:
    """Hamilton product of quaternions (w, x, y, z), ``(B, 4)`` each."""
    w = first[:, :1] * second[:, :1] - (first[:, 1:] * second[:, 1:]).sum(axis=1, keepdims=True)
    vector = first[:, :1] * second[:, 1:] + second[:, :1] * first[:, 1:]
    vector = vector + np.cross(first[:, 1:], second[:, 1:])
    return np.concatenate([w, vector], axis=1)
