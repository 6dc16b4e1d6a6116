"""The body in OpenGL: skinned once a pose, drawn in any number of views."""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple

import moderngl
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.core.state import Array
from hmr_live.render.blend import DEPTH_ONLY, OVER
from hmr_live.render.image_plane import ImagePlane
from hmr_live.render.mesh_simplify import simplify_by_clustering, sort_faces_by_morton_code
from hmr_live.render.shaders import BODY_FRAGMENT, BODY_VERTEX, SILHOUETTE_FRAGMENT
from hmr_live.render.skinning import (
    FLOATS_PER_VERTEX,
    CpuSkinning,
    GpuSkinning,
    Skinning,
)
from hmr_live.render.uniforms import write_camera
from hmr_live.render.view_camera import ViewCamera

_log = logging.getLogger(__name__)

#: Linear light; a cool grey-blue that cannot be mistaken for skin.
BODY_COLOR: Final = (0.30, 0.45, 0.66)

#: Renderers that run shaders on the CPU.
_SOFTWARE_RENDERERS: Final = (
    "llvmpipe",
    "softpipe",
    "swrast",
    "software rasterizer",
    "swiftshader",
)


#: Metres: cells of the mesh that a software renderer draws where a cell is so few pixels wide.
_LIGHT_CELL: Final = 0.03
_LIGHT_PIXELS: Final = 8.0


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
    software
        Draw in the way that is fastest for a software renderer: skin the body in numpy, light it at
        its vertices, and draw small bodies with fewer triangles.  By default, whether the context
        is one.
    """

    def __init__(
        self, ctx: moderngl.Context, body: BodyModel, *, software: bool | None = None
    ) -> None:
        self.ctx = ctx
        self.body = body
        self.software = is_software(ctx) if software is None else software
        self._vertex_count = len(body.v_template)
        self._faces = self._buffer_of(body.faces)
        self._light_faces = self._faces
        if self.software:
            self._light_faces = self._buffer_of(
                simplify_by_clustering(body.v_template, body.faces, _LIGHT_CELL)
            )
        self._slots: list[_Slot] = []
        self._skinning: Skinning = CpuSkinning(body) if self.software else GpuSkinning(ctx, body)
        self._shaded = ctx.program(
            vertex_shader=self._adapted(BODY_VERTEX), fragment_shader=self._adapted(BODY_FRAGMENT)
        )
        self._shaded["picture"] = 0
        self._flat = ctx.program(
            vertex_shader=self._adapted(BODY_VERTEX), fragment_shader=SILHOUETTE_FRAGMENT
        )
        _log.info(
            "drawing %s on %s, adapted to a %s",
            body.name,
            ctx.info["GL_RENDERER"],
            "processor" if self.software else "GPU",
        )

    def _buffer_of(self, faces: NDArray[Any]) -> moderngl.Buffer:
        return self.ctx.buffer(sort_faces_by_morton_code(self.body.v_template, faces).tobytes())

    def _adapted(self, shader: str) -> str:
        return shader.replace(
            "#version 330", f"#version 330\n#define LIT_VERTICES {int(self.software)}", 1
        )

    def pose(self, rotmats: Array, betas: Array, transl: Array, slot: int = 0) -> None:
        """Skin the body; drawing shows it until the slot is posed again.

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
        self._slots[slot].transl = transl
        self._skinning.pose(self._slots[slot].buffer, rotmats, betas, transl)

    def draw(
        self,
        camera: ViewCamera,
        *,
        slot: int = 0,
        opacity: float = 1.0,
        over: ImagePlane | None = None,
        color: tuple[float, float, float] = BODY_COLOR,
    ) -> None:
        """Draw a posed body, shaded, into the framebuffer and viewport in use.

        Parameters
        ----------
        camera
            The camera that projects the camera frame.
        slot
            Which person.
        opacity
            In [0, 1]; below 1 the person's own front hides their back, so that nobody looks
            hollow.
        over
            A picture that was drawn before, which alone shines through; None for everything that
            was, which takes twice as long.
        color
            Red, green and blue in linear light.
        """
        ctx, shaded = self.ctx, self._shaded
        body = self._slots[slot].drawn(light=self._is_small(camera, self._slots[slot].transl))
        ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        ctx.depth_func = "<="
        shaded["base_color"] = color
        shaded["opacity"] = opacity
        shaded["over_picture"] = over is not None
        write_camera(shaded, camera)
        if over is not None:
            shaded["picture_place"] = over.use(0).as_tuple()
        elif opacity < 1:
            write_camera(self._flat, camera)
            ctx.enable(moderngl.BLEND)
            ctx.blend_func = DEPTH_ONLY
            body.flat.render(moderngl.TRIANGLES)
            ctx.blend_func = OVER
        body.shaded.render(moderngl.TRIANGLES)

    def draw_silhouette(self, camera: ViewCamera, *, slot: int = 0) -> None:
        """Draw a posed body in plain white."""
        self.ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        write_camera(self._flat, camera)
        self._slots[slot].drawn(light=False).flat.render(moderngl.TRIANGLES)

    def _is_small(self, camera: ViewCamera, place: Array) -> bool:
        """Whether a body at ``place`` (3,) looks the same with fewer triangles."""
        depth = float((camera.projection @ camera.view @ np.append(place, 1.0))[3])
        half_height = self.ctx.viewport[3] / 2
        pixels_per_metre = half_height * float(camera.projection[1, 1]) / max(depth, 1e-3)
        return pixels_per_metre * _LIGHT_CELL < _LIGHT_PIXELS

    def read_vertices(self, slot: int = 0) -> Array:
        """Skinned vertices ``(V, 3)``, metres, camera frame, read back from the GPU."""
        data = np.frombuffer(self._slots[slot].buffer.read(), np.float32)
        return data.reshape(-1, FLOATS_PER_VERTEX)[:, :3].copy()


class _Drawn(NamedTuple):
    """The two ways to draw a mesh."""

    shaded: moderngl.VertexArray
    flat: moderngl.VertexArray


class _Slot:
    """Skinned vertices of one person and what can be drawn of them."""

    def __init__(self, renderer: BodyRenderer) -> None:
        size = renderer._vertex_count * FLOATS_PER_VERTEX * 4
        self.buffer = renderer.ctx.buffer(reserve=size, dynamic=True)
        self.transl: Array = np.zeros(3, np.float32)
        self._all = self._mesh(renderer, renderer._faces)
        self._light = self._mesh(renderer, renderer._light_faces)

    def drawn(self, *, light: bool) -> _Drawn:
        """All triangles, or fewer."""
        return self._light if light else self._all

    def _mesh(self, renderer: BodyRenderer, faces: moderngl.Buffer) -> _Drawn:
        shaded = [(self.buffer, "3f 3f", "position", "normal")]
        flat = [(self.buffer, "3f 12x", "position")]
        return _Drawn(
            renderer.ctx.vertex_array(renderer._shaded, shaded, faces),
            renderer.ctx.vertex_array(renderer._flat, flat, faces),
        )
