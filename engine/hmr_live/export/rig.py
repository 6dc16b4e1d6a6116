"""A clip as an animated skeleton with a skin.

Animation programs support linear blend skinning with a few joints for each vertex, but not SMPL's
pose correctives: shape (betas) goes into the rest mesh, correctives are left out, and each vertex
keeps its four largest weights.  Joints are exact; the skin near strongly bent joints is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import quaternion_from_matrix
from hmr_live.export.clip import MotionClip
from hmr_live.export.world_frame import Z_UP_FROM_Y_UP

Array = NDArray[np.floating[Any]]

INFLUENCES: Final = 4


@dataclass(frozen=True)
class ExportRig:
    """Skeleton and motion in one frame; the rest pose stands along the world's up axis.

    Attributes
    ----------
    rest
        ``(24, 3)`` joints of the rest pose, metres.
    rotmats
        ``(T, 24, 3, 3)`` relative to the parent joint; joint 0 relative to the world.
    pelvis
        ``(T, 3)`` position of joint 0 in the world, metres.
    """

    rest: Array
    rotmats: Array
    pelvis: Array

    @classmethod
    def of(cls, clip: MotionClip) -> ExportRig:
        """The rig of a clip.

        In a world with z up the rest pose is rotated too, so that it stands upright, and every
        rotation is expressed in the rotated axes.
        """
        rest, rotmats = clip.rest, clip.rotmats
        pelvis = clip.transl + rest[0]
        if clip.up == "z":
            turn = Z_UP_FROM_Y_UP
            rotmats = turn @ rotmats @ turn.T
            # The root already maps to the world with z up.
            rotmats[:, 0] = clip.rotmats[:, 0] @ turn.T
            rest = rest @ turn.T
        return cls(rest, rotmats, pelvis)


@dataclass(frozen=True)
class Skin:
    """The shaped rest mesh and its skinning weights.

    Attributes
    ----------
    vertices, normals
        ``(V, 3)`` float32, metres, along the rig's rest pose.
    faces
        ``(F, 3)`` uint32.
    joints
        ``(V, 4)`` uint8, largest weight first.
    weights
        ``(V, 4)`` float32, rows sum to 1.
    """

    vertices: NDArray[np.float32]
    normals: NDArray[np.float32]
    faces: NDArray[np.uint32]
    joints: NDArray[np.uint8]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, clip: MotionClip) -> Skin:
        """The skin of a clip's body in its shape."""
        body = clip.body
        turn = Z_UP_FROM_Y_UP if clip.up == "z" else np.eye(3)
        shaped = body.v_template + body.shapedirs @ clip.betas
        vertices: NDArray[np.float32] = (shaped @ turn.T).astype(np.float32)
        joints, weights = _strongest(body)
        faces = body.faces.astype(np.uint32)
        return cls(vertices, _normals(vertices, faces), faces, joints, weights)


def _strongest(body: BodyModel) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    order = np.argsort(-body.weights, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(body.weights, order, axis=1).astype(np.float64)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    # Joints without weight have index 0, as glTF requires.
    return np.where(weights > 0, order, 0).astype(np.uint8), weights


def _normals(vertices: NDArray[np.float32], faces: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Unit normals of the vertices: the mean of their triangles' normals, weighted by area."""
    corners = vertices[faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(total, faces[:, corner], across)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    # A vertex without triangle points up: a normal must have length 1.
    return np.where(length > 0, total / np.maximum(length, 1e-20), (0, 1, 0)).astype(np.float32)


def quaternions(rotmats: Array) -> Array:
    """``(T, J, 3, 3)`` -> ``(T, J, 4)`` as (x, y, z, w), each in the hemisphere of the one before.

    A quaternion and its negative are the same rotation; interpolation between frames would
    otherwise take the long way round.
    """
    values = np.roll(quaternion_from_matrix(rotmats), -1, axis=-1)
    flips = (values[1:] * values[:-1]).sum(axis=-1) < 0
    signs = np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)
    values[1:] *= signs[..., None]
    return np.asarray(values)
