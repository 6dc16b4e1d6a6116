"""Writing arrays into shader uniforms, with the row-major to column-major turn in one place."""

from __future__ import annotations

from typing import cast

import moderngl
import numpy as np

from hmr_live.core.state import Array
from hmr_live.render.view_camera import ViewCamera


def write(program: moderngl.Program, name: str, values: Array) -> None:
    """Write floats into a uniform as they lie in memory."""
    # The members of a program are a union of kinds in moderngl's types; a uniform is meant here.
    uniform = cast(moderngl.Uniform, program[name])
    uniform.write(float_bytes(values))


def write_camera(program: moderngl.Program, camera: ViewCamera) -> None:
    """Write a camera into the uniforms ``view`` and ``projection``."""
    write(program, "view", camera.view.T)
    write(program, "projection", camera.projection.T)


def float_bytes(values: Array) -> bytes:
    """The numbers as contiguous float32."""
    return np.ascontiguousarray(values, np.float32).tobytes()
