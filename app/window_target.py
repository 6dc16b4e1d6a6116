"""Qt's framebuffer of the graphics area, with smooth edges where a GPU gives them for nothing."""

from __future__ import annotations

import moderngl

from engine.render.body_renderer import is_software

_SAMPLES = 4


class WindowTarget:
    """Where to draw in a paintGL.

    On a GPU the picture is drawn multisampled and resolved into Qt's framebuffer at the end.  On
    a software renderer that would double the time of a frame, so drawing goes there directly.

    Parameters
    ----------
    ctx
        The window's context.
    samples
        Subpixel samples; 0 switches them off, None chooses by the renderer.
    """

    def __init__(self, ctx: moderngl.Context, samples: int | None = None) -> None:
        self._ctx = ctx
        wanted = (0 if is_software(ctx) else _SAMPLES) if samples is None else samples
        self._samples = min(wanted, ctx.max_samples)
        self._key: tuple[int, tuple[int, int]] | None = None
        self._window: moderngl.Framebuffer | None = None
        self._smooth: moderngl.Framebuffer | None = None

    def begin(self, number: int, size: tuple[int, int]) -> moderngl.Framebuffer:
        """The framebuffer to draw into.

        Parameters
        ----------
        number
            OpenGL's number of Qt's framebuffer: it is seldom 0, and it may change at any paint.
        size
            (width, height) in pixels.
        """
        if self._window is None or self._key != (number, size):
            self._key = (number, size)
            self._window = self._ctx.detect_framebuffer(number)
            if self._smooth is not None:
                for part in (*self._smooth.color_attachments, self._smooth.depth_attachment):
                    part.release()
                self._smooth.release()
                self._smooth = None
            if self._samples:
                self._smooth = self._ctx.framebuffer(
                    self._ctx.renderbuffer(size, 4, samples=self._samples),
                    self._ctx.depth_renderbuffer(size, samples=self._samples),
                )
        return self._smooth or self._window

    def end(self) -> None:
        """Everything is drawn."""
        if self._smooth is not None and self._window is not None:
            self._ctx.copy_framebuffer(self._window, self._smooth)
            self._window.use()
