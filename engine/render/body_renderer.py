"""The body on the GPU: skinned once a pose by transform feedback, drawn in any number of views."""

from __future__ import annotations

import logging
from typing import Any, Final

import moderngl
import numpy as np

from engine.body import BodyModel
from engine.pose_correctives import pose_correctives
from engine.render.blend import DEPTH_ONLY, OVER
from engine.render.camera import Camera
from engine.render.shaders import BODY_FRAGMENT, BODY_VERTEX, SILHOUETTE_FRAGMENT, SKIN_VERTEX
from engine.render.uniforms import float_bytes, write, write_camera
from engine.skeleton import NUM_JOINTS
from engine.state import Array

_log = logging.getLogger(__name__)

#: Linear light; a cool grey-blue that no picture of a person mistakes for skin.
BODY_COLOR: Final = (0.30, 0.45, 0.66)

#: Renderers that run shaders on the CPU, where 207 texture reads a vertex are dear (55 ms against
#: 2 ms for the same sum as one numpy product).
_SOFTWARE_RENDERERS: Final = (
    "llvmpipe",
    "softpipe",
    "swrast",
    "software rasterizer",
    "swiftshader",
)

_INFLUENCES: Final = 8
_FLOATS_PER_VERTEX: Final = 6
_ROW_LENGTH: Final = 2048


def is_software(ctx: moderngl.Context) -> bool:
    """Whether the context's shaders run on the CPU."""
    name = str(ctx.info["GL_RENDERER"]).lower()
    return any(known in name for known in _SOFTWARE_RENDERERS)


class BodyRenderer:
    """Poses and draws any number of people with one body model.

    Parameters
    ----------
    ctx
        The context that everything is made in; it must be current at each call.
    body
        The body model.
    correctives_on_gpu
        Where the 207 pose correctives are summed: in the shader or in numpy.  By default in the
        shader, except on software renderers.
    """

    def __init__(
        self, ctx: moderngl.Context, body: BodyModel, *, correctives_on_gpu: bool | None = None
    ) -> None:
        self.ctx = ctx
        self.body = body
        self.correctives_on_gpu = (
            not is_software(ctx) if correctives_on_gpu is None else correctives_on_gpu
        )
        self._vertex_count = len(body.v_template)
        self._indices = ctx.buffer(np.ascontiguousarray(body.faces, np.uint32).tobytes())
        self._slots: list[_Slot] = []
        self._make_skinning()
        self._shaded = ctx.program(vertex_shader=BODY_VERTEX, fragment_shader=BODY_FRAGMENT)
        self._flat = ctx.program(vertex_shader=BODY_VERTEX, fragment_shader=SILHOUETTE_FRAGMENT)
        _log.info(
            "drawing %s on %s, pose correctives on the %s",
            body.name,
            ctx.info["GL_RENDERER"],
            "GPU" if self.correctives_on_gpu else "CPU",
        )

    def _make_skinning(self) -> None:
        ctx, body = self.ctx, self.body
        source = SKIN_VERTEX.replace(
            "#version 330",
            f"#version 330\n#define POSE_CORRECTIVES {int(self.correctives_on_gpu)}",
        )
        program = ctx.program(vertex_shader=source, varyings=("position", "normal"))
        joints, weights = strongest_influences(np.asarray(body.weights, np.float32))
        self._rest = ctx.buffer(float_bytes(body.v_template), dynamic=True)
        static = [
            (float_bytes(vertex_normals(body.v_template, body.faces)), "3f", "rest_normal"),
            (joints[:, :4].tobytes(), "4u1", "joints_a"),
            (joints[:, 4:].tobytes(), "4u1", "joints_b"),
            (weights[:, :4].tobytes(), "4f", "weights_a"),
            (weights[:, 4:].tobytes(), "4f", "weights_b"),
        ]
        self._skinning = ctx.vertex_array(
            program,
            [(self._rest, "3f", "rest")] + [(ctx.buffer(data), *what) for data, *what in static],
        )
        program["vertex_count"] = self._vertex_count
        program["row_length"] = _ROW_LENGTH
        program["shapedirs"] = 0
        self._shapedirs = self._table(body.shapedirs)
        if self.correctives_on_gpu:
            program["posedirs"] = 1
            self._posedirs = self._table(body.posedirs)
        else:
            self._correctives = pose_correctives(body.posedirs)
            self._template_by_axis = np.ascontiguousarray(body.v_template.T).reshape(-1)
        self._skin_program = program

    def _table(self, directions: Array) -> moderngl.Texture:
        """Blend shape directions ``(V, 3, K)`` as a float texture, shape after shape."""
        texels = np.moveaxis(np.asarray(directions, np.float32), -1, 0).reshape(-1, 3)
        rows = -(-len(texels) // _ROW_LENGTH)
        padded = np.zeros((rows * _ROW_LENGTH, 3), np.float32)
        padded[: len(texels)] = texels
        texture = self.ctx.texture((_ROW_LENGTH, rows), 3, padded.tobytes(), dtype="f4")
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return texture

    def pose(self, rotmats: Array, betas: Array, transl: Array, slot: int = 0) -> None:
        """Skin the body; what is drawn afterwards shows it until the slot is posed anew.

        Parameters
        ----------
        rotmats
            ``(24, 3, 3)`` relative rotations, joint 0 into the camera frame.
        betas
            ``(10,)`` shape coefficients.
        transl
            ``(3,)`` metres, added at the end (camera frame).
        slot
            Which person: 0 for the first, 1 for the second, and so on.
        """
        while len(self._slots) <= slot:
            self._slots.append(_Slot(self))
        program = self._skin_program
        transforms = np.asarray(self.body.skinning_transforms(rotmats, betas), np.float32)
        write(program, "transforms", transforms.transpose(0, 2, 1))
        write(program, "betas", betas)
        write(program, "transl", transl)
        self._write_correctives(np.asarray(self.body.pose_feature(rotmats), np.float32))
        self._shapedirs.use(0)
        self._skinning.transform(self._slots[slot].buffer, moderngl.POINTS, self._vertex_count)

    def _write_correctives(self, feature: Array) -> None:
        if self.correctives_on_gpu:
            padded = np.zeros(208, np.float32)
            padded[: len(feature)] = feature
            write(self._skin_program, "pose_feature", padded)
            self._posedirs.use(1)
        else:
            by_axis = self._template_by_axis.copy()
            self._correctives.add_to(by_axis, feature)
            self._rest.write(float_bytes(by_axis.reshape(3, -1).T))

    def draw(
        self,
        camera: Camera,
        *,
        slot: int = 0,
        opacity: float = 1.0,
        color: tuple[float, float, float] = BODY_COLOR,
    ) -> None:
        """Draw a posed body, shaded, into the framebuffer and viewport in use.

        Parameters
        ----------
        camera
            How camera-frame coordinates get onto the picture.
        slot
            Which person.
        opacity
            In [0, 1]; below 1 the person's own front hides their back, so that nobody looks
            hollow.
        color
            Red, green and blue in linear light.
        """
        ctx = self.ctx
        ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        ctx.depth_func = "<="
        self._shaded["base_color"] = color
        self._shaded["opacity"] = opacity
        write_camera(self._shaded, camera)
        if opacity < 1:
            write_camera(self._flat, camera)
            ctx.enable(moderngl.BLEND)
            ctx.blend_func = DEPTH_ONLY
            self._slots[slot].flat.render(moderngl.TRIANGLES)
            ctx.blend_func = OVER
        self._slots[slot].shaded.render(moderngl.TRIANGLES)

    def draw_silhouette(self, camera: Camera, *, slot: int = 0) -> None:
        """Draw a posed body in plain white."""
        self.ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        write_camera(self._flat, camera)
        self._slots[slot].flat.render(moderngl.TRIANGLES)

    def read_vertices(self, slot: int = 0) -> Array:
        """Skinned vertices ``(V, 3)``, metres, camera frame, read back from the GPU."""
        data = np.frombuffer(self._slots[slot].buffer.read(), np.float32)
        return data.reshape(-1, _FLOATS_PER_VERTEX)[:, :3].copy()

    def read_normals(self, slot: int = 0) -> Array:
        """Skinned vertex normals ``(V, 3)``, not normalised, camera frame."""
        data = np.frombuffer(self._slots[slot].buffer.read(), np.float32)
        return data.reshape(-1, _FLOATS_PER_VERTEX)[:, 3:].copy()


class _Slot:
    """Skinned vertices of one person and the ways to draw them."""

    def __init__(self, renderer: BodyRenderer) -> None:
        ctx = renderer.ctx
        size = renderer._vertex_count * _FLOATS_PER_VERTEX * 4
        self.buffer = ctx.buffer(reserve=size, dynamic=True)
        self.shaded = ctx.vertex_array(
            renderer._shaded, [(self.buffer, "3f 3f", "position", "normal")], renderer._indices
        )
        self.flat = ctx.vertex_array(
            renderer._flat, [(self.buffer, "3f 12x", "position")], renderer._indices
        )


def vertex_normals(vertices: Array, faces: np.ndarray[Any, Any]) -> Array:
    """Unit normals ``(V, 3)`` of a closed mesh, face normals weighted by area."""
    corners = np.asarray(vertices, np.float64)[faces]
    normals = np.zeros((len(vertices), 3))
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    lengths = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(normals / lengths, np.float32)


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
