"""An offscreen texture that is drawn into and then composited into another framebuffer."""

from __future__ import annotations

import moderngl

from hmr_live.render.shaders import COPY_VERTEX, PICTURE_FRAGMENT


def release_framebuffer(framebuffer: moderngl.Framebuffer) -> None:
    """Release a framebuffer and everything attached to it."""
    for part in (*framebuffer.color_attachments, framebuffer.depth_attachment):
        if part is not None:
            part.release()
    framebuffer.release()


class Canvas:
    """An offscreen framebuffer that is recreated when its size changes.

    Parameters
    ----------
    ctx
        The OpenGL context; it must be current at each call.
    depth
        Whether it needs a depth buffer.
    """

    def __init__(self, ctx: moderngl.Context, *, depth: bool = False) -> None:
        self._ctx = ctx
        self._depth = depth
        self._texture: moderngl.Texture | None = None
        self._framebuffer: moderngl.Framebuffer | None = None
        self._copy = ctx.program(vertex_shader=COPY_VERTEX, fragment_shader=PICTURE_FRAGMENT)
        self._corners = ctx.vertex_array(self._copy, [])

    def framebuffer(self, size: tuple[int, int]) -> moderngl.Framebuffer:
        """The framebuffer to draw into, of ``size`` = (width, height) pixels."""
        if self._framebuffer is None or self._framebuffer.size != size:
            self.release()
            self._texture = self._ctx.texture(size, 4)
            depth = self._ctx.depth_renderbuffer(size) if self._depth else None
            self._framebuffer = self._ctx.framebuffer(self._texture, depth)
        return self._framebuffer

    def draw(self) -> None:
        """Fill the current viewport with the texture, over whatever is there."""
        if self._texture is None:
            return
        self._ctx.enable_only(moderngl.NOTHING)
        exact = self._texture.size == self._ctx.viewport[2:]
        self._texture.filter = (moderngl.NEAREST if exact else moderngl.LINEAR,) * 2
        self._texture.use(0)
        self._corners.render(moderngl.TRIANGLE_STRIP, vertices=4)

    def release(self) -> None:
        """Release the framebuffer."""
        if self._framebuffer is not None:
            release_framebuffer(self._framebuffer)
        self._framebuffer = self._texture = None
