"""Renders the layers of people into an image with alpha, a mask and coarse depth (OpenGL, EGL)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import Array, Image
from hmr_live.render.offscreen import create_standalone_context
from hmr_live.render.uniforms import float_bytes, write
from hmr_live_training.synthetic.opengl.shaders import FABRIC, HAIR, SKIN, VERTEX
from hmr_live_training.synthetic.opengl.shadow import ShadowMap
from hmr_live_training.synthetic.surface import PosedSurface

_NEAR: Final = 0.08
_FAR: Final = 40.0
#: Supersampling factor; on a software rasteriser half the cost of four samples a pixel, and it
#: antialiases fabrics too.
_FINER: Final = 1.5
_ATTRIBUTES: Final = ("position", "normal", "rest", "rest_normal")
#: Values of ``owner`` in the second output.
TARGET: Final = 1.0
OTHER: Final = 0.5
#: The second output holds depth within one metre of the target's pelvis.
DEPTH_RANGE: Final = 1.0


@dataclass(frozen=True)
class Layer:
    """One surface with one material.

    Attributes
    ----------
    surface
        Posed, camera frame.
    material
        "skin", "fabric" or "hair".
    values
        Uniforms of the material: numbers, tuples or small arrays.
    texture
        BGR picture of the fabric.
    hollow
        Draw back faces too.
    """

    surface: PosedSurface
    material: str
    values: dict[str, Any]
    texture: Image | None = None
    hollow: bool = True


@dataclass(frozen=True)
class Light:
    """Light of a scene, camera frame, linear.

    Attributes
    ----------
    direction
        ``(3,)`` unit vector to the lamp.
    lamp, sky, floor
        ``(3,)`` RGB.
    up
        ``(3,)`` unit vector, against gravity.
    shade
        How dark cast shadows are, 0 (none) to 1.
    """

    direction: Array
    lamp: Array
    sky: Array
    floor: Array
    up: Array
    shade: float = 0.0


@dataclass(frozen=True)
class Rendering:
    """A rendered image.

    Attributes
    ----------
    color
        ``(n, n, 4)`` BGR, premultiplied with alpha, uint8.
    target
        ``(n, n)`` uint8 coverage by the first person alone.
    depth
        ``(n, n)`` float32 metres from the camera; meaningful within :data:`DEPTH_RANGE` of the
        first person's pelvis and where somebody is.
    """

    color: Image
    target: NDArray[np.uint8]
    depth: NDArray[np.float32] = field(repr=False)


class PeopleRenderer:
    """Renders people into square images.

    Raises
    ------
    RenderError
        When the machine offers no OpenGL 3.3.
    """

    def __init__(self) -> None:
        # One software rasteriser thread each: the pictures are small and the workers are many.
        os.environ.setdefault("LP_NUM_THREADS", "1")
        self.ctx = create_standalone_context()
        self._programs = {
            name: self.ctx.program(vertex_shader=VERTEX, fragment_shader=code)
            for name, code in (("skin", SKIN), ("fabric", FABRIC), ("hair", HAIR))
        }
        self._targets: dict[int, moderngl.Framebuffer] = {}
        self._noise = self._upload(noise_picture())
        self._shadows = ShadowMap(self.ctx)

    def draw(
        self,
        people: Sequence[Sequence[Layer]],
        light: Light,
        camera: Array,
        size: int,
        depth: float,
    ) -> Rendering:
        """Render people; the first is the target.

        Parameters
        ----------
        people
            Layers of each person.
        light
            Light of the scene.
        camera
            ``(3, 3)`` intrinsics of the picture: camera frame to pixels, corner to corner.
        size
            Side of the picture in pixels.
        depth
            Metres from the camera to the target's pelvis.
        """
        to_shadows = np.eye(4, dtype=np.float32)
        if light.shade > 0:
            surfaces = [[layer.surface for layer in layers] for layers in people]
            to_shadows = self._shadows.cast(surfaces, light.direction)
        finer = round(size * _FINER)
        drawn = self._target(finer)
        drawn.use()
        drawn.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
        self.ctx.enable_only(moderngl.DEPTH_TEST)
        # Rows are drawn top first, which turns the winding around.
        self.ctx.front_face = "cw"
        self._noise.use(1)
        self._shadows.texture.use(2)
        for program in self._programs.values():
            write(program, "projection", clip_from_camera(camera, size).T)
            _set(program, lamp_direction=light.direction, lamp_color=light.lamp, up=light.up)
            _set(program, sky_color=light.sky, floor_color=light.floor)
            _set(program, middle_depth=depth, noise=1, shadows=2, shade=light.shade)
            write(program, "to_shadows", to_shadows.T)
        focal = float(np.sqrt(np.linalg.det(camera[:2, :2])))
        for number, layers in enumerate(people):
            for layer in reversed(layers):
                self._draw_layer(layer, TARGET if number == 0 else OTHER, focal)
        return self._read(drawn, finer, size, depth)

    def close(self) -> None:
        """Release the OpenGL context."""
        self.ctx.release()

    def _draw_layer(self, layer: Layer, owner: float, focal: float) -> None:
        program = self._programs[layer.material]
        _set(program, owner=owner, **layer.values)
        texture = None
        if layer.texture is not None:
            texture = self._upload(_reduced(layer, focal)[:, :, ::-1])
            texture.use(0)
            _set(program, fabric=0)
        surface = layer.surface
        data = np.concatenate(
            [surface.vertices, surface.normals, surface.rest, surface.rest_normals], axis=1
        )
        vertices = self.ctx.buffer(float_bytes(data))
        indices = self.ctx.buffer(np.ascontiguousarray(surface.faces, np.int32).tobytes())
        # The compiler removes attributes that a material does not use.
        used = [name for name in _ATTRIBUTES if name in program]
        layout = " ".join("3f" if name in used else "12x" for name in _ATTRIBUTES)
        array = self.ctx.vertex_array(program, [(vertices, layout, *used)], indices)
        if layer.hollow:
            self.ctx.disable(moderngl.CULL_FACE)
        else:
            self.ctx.enable(moderngl.CULL_FACE)
        array.render(moderngl.TRIANGLES)
        for finished in (array, vertices, indices, texture):
            if finished is not None:
                finished.release()

    def _upload(self, picture: Image) -> moderngl.Texture:
        height, width = picture.shape[:2]
        data = np.ascontiguousarray(picture).tobytes()
        return self.ctx.texture((width, height), 3, data, alignment=1)

    def _target(self, side: int) -> moderngl.Framebuffer:
        if side not in self._targets:
            shape, ctx = (side, side), self.ctx
            self._targets[side] = ctx.framebuffer(
                [ctx.renderbuffer(shape, 4) for _ in range(2)], ctx.depth_renderbuffer(shape)
            )
        return self._targets[side]

    def _read(self, drawn: moderngl.Framebuffer, finer: int, size: int, depth: float) -> Rendering:
        shape = (finer, finer, 4)
        color, facts = (
            cv2.resize(
                np.frombuffer(drawn.read(components=4, attachment=k), np.uint8).reshape(shape),
                (size, size),
                interpolation=cv2.INTER_AREA,
            )
            for k in range(2)
        )
        cover = facts[:, :, 0]
        relative = facts[:, :, 1].astype(np.float32) / np.maximum(color[:, :, 3], 1)
        return Rendering(
            color=np.ascontiguousarray(color[:, :, [2, 1, 0, 3]]),
            target=np.where(cover > 160, cover, 0).astype(np.uint8),
            depth=np.asarray(depth + (relative - 0.5) * 2 * DEPTH_RANGE, np.float32),
        )


def clip_from_camera(camera: Array, size: int) -> Array:
    """Projection matrix ``(4, 4)`` from camera frame to clip space, top row of the image first."""
    matrix = np.zeros((4, 4), np.float64)
    matrix[0, :3] = 2 / size * camera[0] - camera[2]
    matrix[1, :3] = 2 / size * camera[1] - camera[2]
    matrix[2, 2] = (_FAR + _NEAR) / (_FAR - _NEAR)
    matrix[2, 3] = -2 * _FAR * _NEAR / (_FAR - _NEAR)
    matrix[3, :3] = camera[2]
    return matrix.astype(np.float32)


def _reduced(layer: Layer, focal: float) -> Image:
    """Shrink a fabric to about one texel a pixel, instead of slow mipmaps."""
    assert layer.texture is not None  # only called for layers with a texture
    distance = max(float(np.median(layer.surface.vertices[::16, 2])), 0.3)
    side = int(np.clip(1.3 * focal / distance * layer.values["scale"], 4, layer.texture.shape[1]))
    if side >= layer.texture.shape[1]:
        return layer.texture
    shape = (side, max(side * len(layer.texture) // layer.texture.shape[1], 2))
    return np.asarray(cv2.resize(layer.texture, shape, interpolation=cv2.INTER_AREA))


def noise_picture(side: int = 256) -> Image:
    """Tiling noise: red and green hold slopes of folds, blue holds fine and coarse grain."""
    rng = np.random.default_rng(0)
    fx, fy = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))

    def filtered(low: float, high: float, stretch: float) -> Array:
        radius = np.hypot(fx, fy * stretch)
        band = np.exp(-((np.log(np.maximum(radius, 1e-6) / np.sqrt(low * high))) ** 2) / 0.6)
        picture = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) * band).real
        return np.asarray(np.clip(picture / (4 * picture.std()) + 0.5, 0, 1))

    channels = [filtered(0.01, 0.05, 0.5), filtered(0.01, 0.05, 2.0), filtered(0.02, 0.2, 1.0)]
    return np.asarray(np.stack(channels, axis=-1) * 255, np.uint8)


def _set(program: moderngl.Program, **values: Any) -> None:  # noqa: ANN401
    """Write uniforms; the compiler removes those that a material does not use."""
    for name, value in values.items():
        if name in program:
            program[name] = tuple(value) if np.ndim(value) else value
