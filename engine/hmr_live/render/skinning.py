"""From pose and shape to a buffer of posed vertices and normals, on the GPU or in numpy."""

from __future__ import annotations

from typing import Any, Final, Protocol

import moderngl
import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live.core.state import Array
from hmr_live.render.mesh_simplify import vertex_normals
from hmr_live.render.shaders import SKIN_VERTEX
from hmr_live.render.uniforms import float_bytes, write

#: Position and normal.
FLOATS_PER_VERTEX: Final = 6
_INFLUENCES: Final = 8
_ROW_LENGTH: Final = 2048


class Skinning(Protocol):
    """Poses a body into a buffer, :data:`FLOATS_PER_VERTEX` floats a vertex."""

    def pose(self, buffer: moderngl.Buffer, rotmats: Array, betas: Array, transl: Array) -> None:
        """See :meth:`hmr_live.render.body_renderer.BodyRenderer.pose`."""


class CpuSkinning:
    """By the body model itself, for renderers whose shaders run on the CPU.

    There a shader of 217 texture reads a vertex takes 55 ms and numpy less than one.
    """

    def __init__(self, body: BodyModel) -> None:
        self._body = body
        normals = vertex_normals(body.v_template, body.faces)
        self._normals = np.ascontiguousarray(normals.T)
        self._posed = np.empty((body.num_vertices, FLOATS_PER_VERTEX), np.float32)

    def pose(self, buffer: moderngl.Buffer, rotmats: Array, betas: Array, transl: Array) -> None:
        """See :class:`Skinning`."""
        vertices, normals = self._body.surface(rotmats, betas, self._normals)
        np.add(vertices.T, transl, out=self._posed[:, :3])
        self._posed[:, 3:] = normals.T
        buffer.write(self._posed)


class GpuSkinning:
    """By transform feedback."""

    def __init__(self, ctx: moderngl.Context, body: BodyModel) -> None:
        self._ctx, self._body = ctx, body
        self._count = body.num_vertices
        program = ctx.program(vertex_shader=SKIN_VERTEX, varyings=("position", "normal"))
        joints, weights = strongest_influences(np.asarray(body.weights, np.float32))
        parts = [
            (float_bytes(body.v_template), "3f", "rest"),
            (float_bytes(vertex_normals(body.v_template, body.faces)), "3f", "rest_normal"),
            (joints[:, :4].tobytes(), "4u1", "joints_a"),
            (joints[:, 4:].tobytes(), "4u1", "joints_b"),
            (weights[:, :4].tobytes(), "4f", "weights_a"),
            (weights[:, 4:].tobytes(), "4f", "weights_b"),
        ]
        self._vertices = ctx.vertex_array(
            program, [(ctx.buffer(data), *what) for data, *what in parts]
        )
        program["vertex_count"] = self._count
        program["row_length"] = _ROW_LENGTH
        program["shapedirs"], program["posedirs"] = 0, 1
        self._shapedirs = self._table(body.shapedirs)
        self._posedirs = self._table(body.posedirs)
        self._program = program

    def _table(self, directions: Array) -> moderngl.Texture:
        """Blend shape directions ``(V, 3, K)`` as a float texture, shape after shape."""
        texels = np.moveaxis(np.asarray(directions, np.float32), -1, 0).reshape(-1, 3)
        rows = -(-len(texels) // _ROW_LENGTH)
        padded = np.zeros((rows * _ROW_LENGTH, 3), np.float32)
        padded[: len(texels)] = texels
        texture = self._ctx.texture((_ROW_LENGTH, rows), 3, padded.tobytes(), dtype="f4")
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return texture

    def pose(self, buffer: moderngl.Buffer, rotmats: Array, betas: Array, transl: Array) -> None:
        """See :class:`Skinning`."""
        program = self._program
        transforms = np.asarray(self._body.skinning_transforms(rotmats, betas), np.float32)
        feature = np.zeros(4 * 52, np.float32)  # whole vec4s
        feature[:207] = self._body.pose_feature(rotmats)
        write(program, "transforms", transforms.transpose(0, 2, 1))
        write(program, "betas", betas)
        write(program, "pose_feature", feature)
        write(program, "transl", transl)
        self._shapedirs.use(0)
        self._posedirs.use(1)
        self._vertices.transform(buffer, moderngl.POINTS, self._count)


def strongest_influences(weights: Array) -> tuple[np.ndarray[Any, Any], Array]:
    """The eight strongest joints of each vertex, ``(V, 24)`` -> ``(V, 8)`` uint8 and ``(V, 8)``.

    The weights are scaled to the sum that all joints had, so nothing changes for bodies with at
    most eight influences a vertex (SMPL has four, the open body seven).
    """
    order = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    chosen = np.take_along_axis(weights, order, axis=1)
    scale = weights.sum(axis=1, keepdims=True) / chosen.sum(axis=1, keepdims=True)
    if weights.shape[1] != NUM_JOINTS:
        raise ValueError(f"weights of {weights.shape[1]} joints, not {NUM_JOINTS}")
    return order.astype(np.uint8), np.asarray(chosen * scale, np.float32)
