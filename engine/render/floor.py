"""The room around the 3D view: a backdrop and a floor with a grid and soft contact shadows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import moderngl
import numpy as np

from engine.render.blend import OVER
from engine.render.camera import Camera
from engine.render.shaders import (
    BACKDROP_FRAGMENT,
    FLOOR_FRAGMENT,
    FLOOR_VERTEX,
    PLANE_VERTEX,
)
from engine.render.uniforms import write, write_camera
from engine.skeleton import JOINT
from engine.state import Array

#: Metres from the middle of the floor to its faded edge.
EXTENT: Final = 5.0

#: Balls that stand for the body when the floor is shaded: joint and radius in metres.
_BALLS: Final = {
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
_JOINTS: Final = np.array([JOINT[name] for name in _BALLS])
_RADII: Final = np.array(list(_BALLS.values()), np.float32)
_MAX_BALLS: Final = 112


class Floor:
    """Backdrop and floor in one; draw it before the bodies.

    Parameters
    ----------
    ctx
        The context that everything is made in; it must be current at each call.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        self.ctx = ctx
        self._backdrop_program = ctx.program(
            vertex_shader=PLANE_VERTEX, fragment_shader=BACKDROP_FRAGMENT
        )
        self._backdrop_program["top"] = (0.105, 0.120, 0.145)
        self._backdrop_program["bottom"] = (0.165, 0.182, 0.212)
        self._backdrop = ctx.vertex_array(self._backdrop_program, [])
        self._program = ctx.program(vertex_shader=FLOOR_VERTEX, fragment_shader=FLOOR_FRAGMENT)
        self._program["floor_color"] = (0.215, 0.235, 0.270)
        self._program["line_color"] = (0.330, 0.360, 0.410)
        self._program["extent"] = EXTENT
        spots, indices = _grid()
        self._mesh = ctx.vertex_array(
            self._program, [(ctx.buffer(spots), "2f", "spot")], ctx.buffer(indices)
        )

    def draw(self, camera: Camera, people: Sequence[Array]) -> None:
        """Draw into the viewport in use, over whatever colour is there.

        Parameters
        ----------
        camera
            From room coordinates to the picture.
        people
            Joints ``(24, 3)`` of each person in room coordinates, metres; they shade the floor.
        """
        self.ctx.enable_only(moderngl.NOTHING)
        self._backdrop.render(moderngl.TRIANGLE_STRIP, vertices=4)
        balls = np.zeros((_MAX_BALLS, 4), np.float32)
        count = 0
        for joints in people[: _MAX_BALLS // len(_RADII)]:
            chosen = slice(count, count + len(_RADII))
            balls[chosen, :3] = joints[_JOINTS]
            balls[chosen, 3] = _RADII
            count = chosen.stop
        write(self._program, "balls", balls)
        self._program["ball_count"] = count
        write_camera(self._program, camera)
        self.ctx.enable_only(moderngl.BLEND)
        self.ctx.blend_func = OVER
        self._mesh.render(moderngl.TRIANGLES)


def _grid() -> tuple[bytes, bytes]:
    """Vertices (x, z) and triangles of the floor, densest in the middle where the shade is."""
    steps = np.linspace(-1, 1, 41)
    line = np.asarray(EXTENT * np.sign(steps) * np.abs(steps) ** 2.2, np.float32)
    spots = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    index = np.arange(spots.shape[0] * spots.shape[1], dtype=np.uint32).reshape(spots.shape[:2])
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]
    return spots.tobytes(), np.stack([a, b, c, b, d, c], axis=-1).tobytes()
