"""Offscreen rendering of bodies: for headless runs, video export and tests."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import sys
from collections.abc import Sequence
from typing import Any, Final

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import RenderError
from hmr_live.core.state import BodyState, Frame, Image
from hmr_live.recovery.frame_camera import project
from hmr_live.render.body_renderer import BodyRenderer
from hmr_live.render.canvas import release_framebuffer
from hmr_live.render.image_plane import ImagePlane, Rectangle
from hmr_live.render.palette import body_color
from hmr_live.render.view_camera import ViewCamera

_log = logging.getLogger(__name__)

#: Framebuffers are made in steps of so many pixels, and so many of them are kept: what the people
#: cover of a frame changes all the time.
_STEP: Final = 128
_MOST_TARGETS: Final = 8


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
            The frame.
        bodies
            The people in it.
        opacity
            Of the bodies, in [0, 1].
        """
        for slot, body in enumerate(bodies):
            self.bodies.pose(body.rotmats, body.betas, body.transl, slot)
        picture = frame.image.copy()
        part = self._part(frame.size, bodies)
        if part is None:
            return picture
        left, top, width, height = part
        seen = picture[top : top + height, left : left + width]
        target = self._target((_stepped(width), _stepped(height)), self._samples)
        target.begin()
        place = Rectangle(0, 0, width, height)
        self._plane.upload(seen, place.size)
        self._plane.draw(place)
        for slot, body in enumerate(bodies):
            camera = ViewCamera.over_frame(body, frame.size).cropped(part, frame.size)
            self.bodies.draw(
                camera,
                slot=slot,
                opacity=opacity,
                over=self._plane,
                color=body_color(body.track_id),
            )
        seen[:] = target.read(place.size)
        return picture

    def _part(
        self, size: tuple[int, int], bodies: Sequence[BodyState]
    ) -> tuple[int, int, int, int] | None:
        """Left, top, width and height that the posed bodies cover; None if nothing."""
        corners = []
        for slot, body in enumerate(bodies):
            vertices = self.bodies.read_vertices(slot)
            points = project(vertices, body.focal_length, size)
            corners += [points.min(axis=0) - 1, points.max(axis=0) + 2]
        if not corners or not np.isfinite(corners).all():
            return None
        low = np.clip(np.min(corners, axis=0), 0, size).astype(int).tolist()
        high = np.clip(np.max(corners, axis=0), 0, size).astype(int).tolist()
        width, height = high[0] - low[0], high[1] - low[1]
        return (low[0], low[1], width, height) if width > 0 and height > 0 else None

    def silhouette(self, size: tuple[int, int], body: BodyState) -> NDArray[np.bool_]:
        """Mask ``(H, W)`` of the body in a frame of ``size`` = (width, height)."""
        target = self._target(size, 0)
        target.begin()
        self.bodies.pose(body.rotmats, body.betas, body.transl)
        self.bodies.draw_silhouette(ViewCamera.over_frame(body, size))
        return np.asarray(target.read(size)[:, :, 0] > 127)

    def close(self) -> None:
        """Release the context; the renderer cannot be used afterwards."""
        self.ctx.release()
        leave_context()

    def _target(self, size: tuple[int, int], samples: int) -> _Target:
        key = (*size, samples)
        if key not in self._targets:
            while len(self._targets) >= _MOST_TARGETS:
                self._targets.pop(next(iter(self._targets))).release()
            self._targets[key] = _Target(self.ctx, size, samples)
        return self._targets[key]


def _stepped(pixels: int) -> int:
    return -(-pixels // _STEP) * _STEP


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
        """Clear to black and draw here from now on."""
        self._drawn.use()
        self._ctx.viewport = (0, 0, *self._size)
        self._drawn.clear(0.0, 0.0, 0.0, 1.0, depth=1.0)

    def read(self, size: tuple[int, int]) -> Image:
        """The lower left (width, height) of what was drawn, ``(H, W, 3)`` BGR, top row first."""
        if self._resolved is not self._drawn:
            self._ctx.copy_framebuffer(self._resolved, self._drawn)
        # Four bytes a pixel are what drivers keep; they need five times as long for three.
        data = self._resolved.read((0, 0, *size), components=4, alignment=1)
        pixels = np.frombuffer(data, np.uint8).reshape(size[1], size[0], 4)
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGR), np.uint8)[::-1]

    def release(self) -> None:
        """Give the memory back."""
        for framebuffer in {self._drawn, self._resolved}:
            release_framebuffer(framebuffer)
