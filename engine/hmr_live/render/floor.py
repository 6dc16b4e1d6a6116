"""Backdrop and floor of the 3D view, with a grid and soft contact shadows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import moderngl
import numpy as np

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array
from hmr_live.render.blend import MULTIPLY
from hmr_live.render.canvas import Canvas
from hmr_live.render.shaders import FLOOR_FRAGMENT, FLOOR_VERTEX, SHADE_FRAGMENT, SHADE_VERTEX
from hmr_live.render.uniforms import write, write_camera
from hmr_live.render.view_camera import ViewCamera

#: Metres from the middle of the floor to its faded edge.
EXTENT: Final = 5.0
#: Metres beyond the farthest joint that a body shades.
_SHADOW_REACH: Final = 1.0
#: Lines of the shadow mesh in either direction.
_LINES: Final = 17

#: Spheres that approximate the body for the contact shadows: joint and radius in metres.
_SPHERES: Final = {
    "pelvis": 0.15,
    "spine2": 0.15,
    "spine3": 0.16,
    "head": 0.12,
    "left_knee": 0.08,
    "right_knee": 0.08,
    "left_ankle": 0.07,
    "right_ankle": 0.07,
    "left_foot": 0.06,
    "right_foot": 0.06,
    "left_elbow": 0.05,
    "right_elbow": 0.05,
    "left_wrist": 0.05,
    "right_wrist": 0.05,
}
_JOINTS: Final = np.array([JOINT[name] for name in _SPHERES])
_RADII: Final = np.array(list(_SPHERES.values()), np.float32)
_MAX_SPHERES: Final = 112


class Floor:
    """Backdrop and floor in one; draw it before the bodies.

    Parameters
    ----------
    ctx
        The OpenGL context; it must be current at each call.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        self.ctx = ctx
        self._floor = ctx.program(vertex_shader=FLOOR_VERTEX, fragment_shader=FLOOR_FRAGMENT)
        self._floor["top"] = (0.105, 0.120, 0.145)
        self._floor["bottom"] = (0.165, 0.182, 0.212)
        self._floor["floor_color"] = (0.215, 0.235, 0.270)
        self._floor["line_color"] = (0.330, 0.360, 0.410)
        self._floor["extent"] = EXTENT
        self._corners = ctx.vertex_array(self._floor, [])
        #: The floor without people; it is redrawn only when the view changes.
        self._empty = Canvas(ctx)
        self._shows: tuple[tuple[int, int], bytes] | None = None
        self._shadow = ctx.program(vertex_shader=SHADE_VERTEX, fragment_shader=SHADE_FRAGMENT)
        places, indices = _shadow_mesh()
        self._shadow_mesh = ctx.vertex_array(
            self._shadow, [(ctx.buffer(places), "2f", "place")], ctx.buffer(indices)
        )

    def draw(self, camera: ViewCamera, people: Sequence[Array]) -> None:
        """Draw into the current viewport, over whatever is there.

        Parameters
        ----------
        camera
            From world coordinates to the image.
        people
            Joints ``(24, 3)`` of each person in world coordinates, metres, for the shadows.
        """
        self._draw_empty(camera)
        if people:
            self._draw_shadows(camera, people)

    def _draw_empty(self, camera: ViewCamera) -> None:
        size, viewport = self.ctx.viewport[2:], self.ctx.viewport
        homography = floor_homography(camera)
        if self._shows != (size, homography.tobytes()):
            self._shows = size, homography.tobytes()
            target = self.ctx.fbo
            self._empty.framebuffer(size).use()
            self.ctx.viewport = (0, 0, *size)
            self.ctx.enable_only(moderngl.NOTHING)
            write(self._floor, "floor_homography", homography.T)
            self._corners.render(moderngl.TRIANGLE_STRIP, vertices=4)
            target.use()
            self.ctx.viewport = viewport
        self._empty.draw()

    def _draw_shadows(self, camera: ViewCamera, people: Sequence[Array]) -> None:
        balls = np.zeros((_MAX_SPHERES, 4), np.float32)
        count = 0
        for joints in people[: _MAX_SPHERES // len(_RADII)]:
            chosen = slice(count, count + len(_RADII))
            balls[chosen, :3] = joints[_JOINTS]
            balls[chosen, 3] = _RADII
            count = chosen.stop
        write(self._shadow, "balls", balls)
        self._shadow["ball_count"] = count
        self._shadow["reach"] = float(np.abs(balls[:count, [0, 2]]).max()) + _SHADOW_REACH
        write_camera(self._shadow, camera)
        self.ctx.enable_only(moderngl.BLEND)
        self.ctx.blend_func = MULTIPLY
        self._shadow_mesh.render(moderngl.TRIANGLES)


def floor_homography(camera: ViewCamera) -> Array:
    """The homography ``(3, 3)`` from normalised device coordinates to the floor's (x, z), metres.

    Its third coordinate is positive where the floor is in front of the camera.  For a camera at
    floor height, which sees no floor, everything is very far away.
    """
    onto_image = (camera.projection @ camera.view)[np.ix_([0, 1, 3], [0, 2, 3])]
    if abs(np.linalg.det(onto_image)) < 1e-6:
        return np.array([[0, 0, 1e6], [0, 0, 1e6], [0, 0, 1]], np.float32)
    return np.asarray(np.linalg.inv(onto_image), np.float32)


def _shadow_mesh() -> tuple[bytes, bytes]:
    """Vertices (x, z) in [-1, 1] and triangles, densest in the middle where the shadows are."""
    steps = np.linspace(-1, 1, _LINES)
    line = np.asarray(np.sign(steps) * np.abs(steps) ** 1.4, np.float32)
    places = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    index = np.arange(_LINES * _LINES, dtype=np.uint32).reshape(_LINES, _LINES)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]
    return places.tobytes(), np.stack([a, b, c, b, d, c], axis=-1).tobytes()
