"""Pictures of bodies without any window: for the headless run, video export and tests."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import sys
from collections.abc import Sequence
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from engine.body import BodyModel
from engine.errors import RenderError
from engine.render.body_renderer import BodyRenderer
from engine.render.camera import Camera
from engine.render.image_plane import ImagePlane, Rectangle
from engine.render.tints import tint
from engine.state import BodyState, Frame, Image

_log = logging.getLogger(__name__)


def create_standalone_context() -> moderngl.Context:
    """An OpenGL 3.3 context without a window.

    Raises
    ------
    RenderError
        When the machine offers none.
    """
    attempts: list[dict[str, Any]] = [{}]
    if sys.platform.startswith("linux"):
        # EGL needs no screen.  Debian names the library libEGL.so.1 and has no compiler or
        # linker cache that ctypes could ask on a small system, so the name is said outright.
        attempts.insert(0, {"backend": "egl", "libgl": "libGL.so.1", "libegl": "libEGL.so.1"})
    for settings in attempts:
        try:
            ctx = moderngl.create_context(require=330, standalone=True, **settings)
        except Exception as error:
            # glcontext raises a bare Exception for whatever is missing.
            _log.info("no OpenGL context with %s: %s", settings or "defaults", error)
            continue
        # Without a window the default framebuffer is incomplete, and OpenGL then refuses even
        # transform feedback, which draws nothing.
        ctx.simple_framebuffer((1, 1)).use()
        return ctx
    raise RenderError(
        "This machine offers no OpenGL 3.3; install a graphics driver or Mesa's software renderer "
        "(Debian: apt install libegl1 libgl1 libgl1-mesa-dri)."
    )


def leave_context() -> None:
    """Leave no context without a window current in this thread.

    A released EGL context stays current, and as long as it does, GLX (which Qt uses under X11)
    refuses to work in the same thread: a window opened there would crash.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # no EGL here: nothing to leave
            ctypes.CDLL("libEGL.so.1").eglReleaseThread()


class OffscreenRenderer:
    """Draws people over frames, or their silhouettes, and hands back arrays.

    Parameters
    ----------
    body
        The body model that the states belong to.
    samples
        Subpixel samples for smooth edges; taken down to what the driver can do.

    Raises
    ------
    RenderError
        When the machine offers no OpenGL 3.3.
    """

    def __init__(self, body: BodyModel, *, samples: int = 4) -> None:
        self.ctx = create_standalone_context()
        self.bodies = BodyRenderer(self.ctx, body)
        self._plane = ImagePlane(self.ctx)
        self._samples = min(samples, self.ctx.max_samples)
        self._targets: dict[tuple[int, int, int], _Target] = {}

    def overlay(self, frame: Frame, bodies: Sequence[BodyState], *, opacity: float = 0.9) -> Image:
        """The frame with every body drawn over it, ``(H, W, 3)`` BGR.

        Parameters
        ----------
        frame
            The picture.
        bodies
            The people in it.
        opacity
            Of the bodies, in [0, 1].
        """
        target = self._target(frame.size, self._samples)
        target.begin()
        width, height = frame.size
        self._plane.upload(frame.image, frame.size)
        self._plane.draw(Rectangle(0, 0, width, height))
        for body in bodies:
            self.bodies.pose(body.rotmats, body.betas, body.transl)
            camera = Camera.over_frame(body, frame.size)
            self.bodies.draw(camera, opacity=opacity, over=self._plane, color=tint(body.person))
        return np.ascontiguousarray(target.read()[:, :, ::-1])

    def silhouette(self, size: tuple[int, int], body: BodyState) -> NDArray[np.bool_]:
        """Which pixels of a frame of ``size`` = (width, height) the body covers, ``(H, W)``."""
        target = self._target(size, 0)
        target.begin()
        self.bodies.pose(body.rotmats, body.betas, body.transl)
        self.bodies.draw_silhouette(Camera.over_frame(body, size))
        return np.asarray(target.read()[:, :, 0] > 127)

    def close(self) -> None:
        """Give the context back; the renderer cannot be used afterwards."""
        self.ctx.release()
        leave_context()

    def _target(self, size: tuple[int, int], samples: int) -> _Target:
        key = (*size, samples)
        if key not in self._targets:
            self._targets[key] = _Target(self.ctx, size, samples)
        return self._targets[key]


class _Target:
    """A framebuffer of one size, resolved before it is read if it is multisampled."""

    def __init__(self, ctx: moderngl.Context, size: tuple[int, int], samples: int) -> None:
        self._ctx = ctx
        self._drawn = ctx.framebuffer(
            ctx.renderbuffer(size, 4, samples=samples),
            ctx.depth_renderbuffer(size, samples=samples),
        )
        self._resolved = ctx.simple_framebuffer(size, 4) if samples else self._drawn
        self._size = size

    def begin(self) -> None:
        """Draw here from now on, on a black, empty picture."""
        self._drawn.use()
        self._ctx.viewport = (0, 0, *self._size)
        self._drawn.clear(0.0, 0.0, 0.0, 1.0, depth=1.0)

    def read(self) -> Image:
        """What was drawn, ``(H, W, 3)`` RGB, top row first."""
        if self._resolved is not self._drawn:
            self._ctx.copy_framebuffer(self._resolved, self._drawn)
        data = np.frombuffer(self._resolved.read(components=3, alignment=1), np.uint8)
        return data.reshape(self._size[1], self._size[0], 3)[::-1]
