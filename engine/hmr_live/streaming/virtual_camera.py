"""A virtual camera: other programs receive the video with the mesh as if from a webcam.

The package pyvirtualcam provides the device.  Its licence is the GPL, so it is not a dependency of
this program: users install it themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import RenderError, StreamError
from hmr_live.core.state import FrameResult, Image
from hmr_live.streaming.stream import RETRY_S, Sink

if TYPE_CHECKING:
    import pyvirtualcam

    from hmr_live.render.offscreen import OffscreenRenderer

#: Frame rate announced to the device; frames are sent as the pipeline delivers them.
_NOMINAL_FPS: Final = 30


class VirtualCameraSink(Sink):
    """Shows every frame on a virtual camera.

    Parameters
    ----------
    body
        Returns the body model of the results; None until there is one.
    overlay
        Whether the bodies are drawn over the frame.
    device
        Name of the device, such as ``/dev/video4``; the first one found when empty.

    Raises
    ------
    StreamError
        If the package pyvirtualcam is not installed.
    """

    def __init__(
        self, body: Callable[[], BodyModel | None], *, overlay: bool = True, device: str = ""
    ) -> None:
        if find_spec("pyvirtualcam") is None:
            raise StreamError(
                "The virtual camera needs the package pyvirtualcam (GPL, so it does not come with "
                "this program): install it with pip install pyvirtualcam."
            )
        self.address = device or "virtual camera"
        self._body, self._overlay, self._device = body, overlay, device
        self._camera: pyvirtualcam.Camera | None = None
        self._renderer: OffscreenRenderer | None = None
        self._failure = ""
        self._failed_at = -RETRY_S

    def open(self) -> None:
        """Nothing yet: the device is opened with the first frame, whose size it needs."""

    def deliver(self, result: FrameResult) -> None:
        """Show one frame; raises :class:`.StreamError` if there is no virtual camera."""
        camera = self._camera_of(result.frame.size)
        problem = None
        try:
            picture = self._picture(result)
        except RenderError as error:
            self._overlay, picture = False, result.frame.image
            problem = StreamError(f"{error} The virtual camera shows the plain video.")
        try:
            camera.send(picture)
        except (OSError, RuntimeError) as error:
            self._close_camera()
            raise StreamError(
                f"The virtual camera does not accept frames ({error}): check that the "
                "device is there."
            ) from error
        self.sent += 1
        if problem is not None:
            raise problem

    def close(self) -> None:
        """Release the device and the renderer."""
        self._close_camera()
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _picture(self, result: FrameResult) -> Image:
        body = self._body() if self._overlay else None
        if body is None:
            return result.frame.image
        if self._renderer is None:
            from hmr_live.render.offscreen import OffscreenRenderer

            self._renderer = OffscreenRenderer(body)
        return self._renderer.overlay(result.frame, result.bodies)

    def _camera_of(self, size: tuple[int, int]) -> pyvirtualcam.Camera:
        """The device, reopened when the frame size changes."""
        if self._camera is not None and (self._camera.width, self._camera.height) == size:
            return self._camera
        self._close_camera()
        if time.monotonic() - self._failed_at < RETRY_S:
            raise StreamError(self._failure)
        try:
            import pyvirtualcam

            self._camera = pyvirtualcam.Camera(
                *size, _NOMINAL_FPS, fmt=pyvirtualcam.PixelFormat.BGR, device=self._device or None
            )
        except (ImportError, OSError, RuntimeError) as error:
            self._failed_at = time.monotonic()
            self._failure = (
                f"There is no virtual camera to write to ({_one_line(error)}): on Linux load "
                "v4l2loopback (sudo modprobe v4l2loopback), on Windows and macOS install OBS."
            )
            raise StreamError(self._failure) from error
        self.address = self._camera.device
        return self._camera

    def _close_camera(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
