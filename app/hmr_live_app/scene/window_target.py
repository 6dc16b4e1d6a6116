"""Qt's framebuffer of the graphics area, drawn into directly or through another one."""

from __future__ import annotations

from typing import Final, NamedTuple

import moderngl

from hmr_live.render.body_renderer import is_software
from hmr_live.render.canvas import Canvas, release_framebuffer

_SAMPLES: Final = 4
#: Scale of a coarse image; saves a software renderer a quarter of the time of a frame.
_COARSE_SCALE: Final = 0.6


class Target(NamedTuple):
    """Where to draw: the framebuffer, its size in pixels, and its scale to the window's pixels."""

    framebuffer: moderngl.Framebuffer
    size: tuple[int, int]
    scale: float


class WindowTarget:
    """Chooses the framebuffer to draw into in paintGL.

    On a GPU the image is drawn multisampled, for smooth edges, and resolved into Qt's
    framebuffer at the end.  On a software renderer that would double the time of a frame, so
    drawing goes there directly.  A coarse image is drawn small and enlarged at the end.

    Parameters
    ----------
    ctx
        The window's context.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._samples = 0 if is_software(ctx) else min(_SAMPLES, ctx.max_samples)
        self._key: tuple[int, tuple[int, int], bool] | None = None
        self._size = (0, 0)
        self._window: moderngl.Framebuffer | None = None
        self._smooth: moderngl.Framebuffer | None = None
        self._canvas = Canvas(ctx, depth=True)
        self._coarse = False

    def begin(self, number: int, size: tuple[int, int], *, coarse: bool = False) -> Target:
        """The framebuffer to draw into.

        Parameters
        ----------
        number
            OpenGL's name of Qt's framebuffer: it is rarely 0 and may change at any paint.
        size
            (width, height) in pixels of the window.
        coarse
            Whether to draw fewer pixels, without antialiasing.
        """
        if self._window is None or self._key != (number, size, coarse):
            self._key, self._size = (number, size, coarse), size
            self._window = self._ctx.detect_framebuffer(number)
            self._coarse = coarse
            self._release()
            if self._samples and not coarse:
                self._make_smooth()
        if self._coarse:
            width, height = (max(round(side * _COARSE_SCALE), 1) for side in size)
            return Target(self._canvas.framebuffer((width, height)), (width, height), _COARSE_SCALE)
        return Target(self._smooth or self._window, size, 1.0)

    def end(self) -> None:
        """Copy what was drawn into the window."""
        if self._window is None:
            return
        if self._coarse:
            self._window.use()
            self._ctx.viewport = (0, 0, *self._size)
            self._canvas.draw()
        elif self._smooth is not None:
            self._ctx.copy_framebuffer(self._window, self._smooth)
            self._window.use()

    def _make_smooth(self) -> None:
        self._smooth = self._ctx.framebuffer(
            self._ctx.renderbuffer(self._size, 4, samples=self._samples),
            self._ctx.depth_renderbuffer(self._size, samples=self._samples),
        )

    def _release(self) -> None:
        self._canvas.release()
        if self._smooth is not None:
            release_framebuffer(self._smooth)
        self._smooth = None
