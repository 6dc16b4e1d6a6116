"""A video frame as a texture, drawn letterboxed into a part of the framebuffer."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np

from hmr_live.core.image_resize import resized
from hmr_live.core.state import Image
from hmr_live.render.blend import OVER_PREMULTIPLIED
from hmr_live.render.shaders import IMAGE_VERTEX, PICTURE_FRAGMENT


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Part of a framebuffer in pixels, origin at the bottom left as OpenGL has it."""

    x: int
    y: int
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    def as_tuple(self) -> tuple[int, int, int, int]:
        """(x, y, width, height), as for ``ctx.viewport``."""
        return self.x, self.y, self.width, self.height


def letterbox(size: tuple[int, int], area: Rectangle) -> Rectangle:
    """The largest rectangle with the proportions of ``size``, centred in ``area``."""
    width, height = size
    scale = min(area.width / width, area.height / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    return Rectangle(
        area.x + (area.width - inner[0]) // 2, area.y + (area.height - inner[1]) // 2, *inner
    )


class ImagePlane:
    """Draws the latest uploaded image.

    Parameters
    ----------
    ctx
        The context that everything is made in; it must be current at each call.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        self.ctx = ctx
        self._program = ctx.program(vertex_shader=IMAGE_VERTEX, fragment_shader=PICTURE_FRAGMENT)
        self._corners = ctx.vertex_array(self._program, [])
        self._texture: moderngl.Texture | None = None
        self._place = Rectangle(0, 0, 1, 1)

    def upload(self, image: Image, area: tuple[int, int]) -> None:
        """Upload an image that will be shown in about ``area`` = (width, height) pixels.

        Parameters
        ----------
        image
            ``(H, W, 3)`` BGR or ``(H, W, 4)`` BGRA, uint8.  A picture much larger than its place
            is reduced first, which costs less than the upload it saves, and does not shimmer.
        area
            Pixels of the place.
        """
        height, width = image.shape[:2]
        scale = min(area[0] / width, area[1] / height)
        if scale < 0.75:
            image = resized(image, (max(1, round(width * scale)), max(1, round(height * scale))))
            height, width = image.shape[:2]
        if image.shape[2] == 3:
            # Four bytes a pixel are what drivers keep: this copy is much faster than theirs.
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), np.uint8)
        if self._texture is None or self._texture.size != (width, height):
            if self._texture is not None:
                self._texture.release()
            self._texture = self.ctx.texture((width, height), 4)
            self._texture.swizzle = "BGRA"
            self._texture.repeat_x = self._texture.repeat_y = False
        self._texture.write(np.ascontiguousarray(image))

    def draw(self, place: Rectangle, *, blend: bool = False) -> None:
        """Fill ``place`` with the image; does nothing before the first :meth:`upload`.

        Parameters
        ----------
        place
            The part of the framebuffer to fill (see :func:`letterbox`).
        blend
            Let what is behind shine through where a BGRA picture is transparent
            (premultiplied alpha).
        """
        if self._texture is None:
            return
        self.ctx.enable_only(moderngl.BLEND if blend else moderngl.NOTHING)
        if blend:
            self.ctx.blend_func = OVER_PREMULTIPLIED
        self.ctx.viewport = place.as_tuple()
        self._place = place
        exact = self._texture.size == place.size
        self._texture.filter = (moderngl.NEAREST if exact else moderngl.LINEAR,) * 2
        self._texture.use(0)
        self._program["picture"] = 0
        self._corners.render(moderngl.TRIANGLE_STRIP, vertices=4)

    def use(self, location: int) -> Rectangle:
        """Bind the image's texture for another shader; returns where it was last drawn."""
        if self._texture is not None:
            self._texture.use(location)
        return self._place
