"""Shadow map: shadows that people cast on themselves and on one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import moderngl
import numpy as np
from numpy.typing import NDArray

from hmr_live.render.uniforms import float_bytes, write
from hmr_live_training.synthetic.opengl.shaders import SHADOW_FRAGMENT, SHADOW_VERTEX
from hmr_live_training.synthetic.surface import PosedSurface

Array = NDArray[np.floating[Any]]

_SIDE: Final = 192
#: Metres around the first person within which there are shadows.
_MARGIN: Final = 0.3


class ShadowMap:
    """Depth of people from the lamp.

    Parameters
    ----------
    ctx
        The context that the map is made in.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._program = ctx.program(vertex_shader=SHADOW_VERTEX, fragment_shader=SHADOW_FRAGMENT)
        self.texture = ctx.depth_texture((_SIDE, _SIDE))
        self.texture.compare_func = "<="
        self.texture.repeat_x = self.texture.repeat_y = False
        self._frame = ctx.framebuffer(depth_attachment=self.texture)

    def cast(self, people: Sequence[Sequence[PosedSurface]], direction: Array) -> Array:
        """Render the map; return the matrix ``(4, 4)`` from the camera frame to its coordinates.

        Parameters
        ----------
        people
            Surfaces of each person; the map is fitted to the first.
        direction
            ``(3,)`` unit vector to the lamp.
        """
        clip = lamp_from_camera(people[0][0].vertices, direction)
        surfaces = [surface for person in people for surface in person]
        starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
        faces = [s.faces + start for s, start in zip(surfaces, starts[:-1], strict=True)]
        vertices = self._ctx.buffer(float_bytes(np.concatenate([s.vertices for s in surfaces])))
        indices = self._ctx.buffer(np.concatenate(faces).astype(np.int32).tobytes())
        array = self._ctx.vertex_array(self._program, [(vertices, "3f", "position")], indices)
        write(self._program, "projection", clip.T)
        self._frame.use()
        self._frame.clear(depth=1.0)
        self._ctx.enable_only(moderngl.DEPTH_TEST)
        array.render(moderngl.TRIANGLES)
        for finished in (array, vertices, indices):
            finished.release()
        # From clip space to [0, 1].
        return np.asarray((np.diag([0.5, 0.5, 0.5, 1.0]) + _HALF) @ clip, np.float32)


_HALF: Final = np.zeros((4, 4))
_HALF[:3, 3] = 0.5


def lamp_from_camera(points: Array, direction: Array) -> Array:
    """Orthographic clip matrix ``(4, 4)`` of a lamp in ``direction`` around points ``(N, 3)``."""
    helper = np.array([1.0, 0, 0]) if abs(direction[0]) < 0.8 else np.array([0, 1.0, 0])
    right = np.cross(direction, helper)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(direction, right), -direction])
    seen = points @ axes.T
    low, high = seen.min(axis=0) - _MARGIN, seen.max(axis=0) + _MARGIN
    # People between the lamp and the person cast shadows too.
    low[2] -= 3.0
    matrix = np.eye(4)
    matrix[:3, :3] = axes * (2 / (high - low))[:, None]
    matrix[:3, 3] = -(high + low) / (high - low)
    return matrix.astype(np.float32)
