"""The cameras of this machine: their names, their low-latency mode, and how they open."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np
from cv2_enumerate_cameras import enumerate_cameras

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Image

logger = logging.getLogger(__name__)

_CAMERA_API: Final = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
#: With this many cores, decoding larger and more frequent frames does not slow the pipeline.
_MANY_CORES: Final = 4
#: A frame that seems to be older than this is stamped with another clock.
_OLDEST_PICTURE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera of this machine: OpenCV's index and its name."""

    index: int
    name: str


class CameraDevice(Protocol):
    """An open camera.  One thread uses it; any of the calls may block or raise.

    Attributes
    ----------
    size
        (width, height) in pixels.
    fps
        Nominal frames a second.
    """

    size: tuple[int, int]
    fps: float

    def grab(self) -> float | None:
        """Wait for the next frame; its time on the monotonic clock, or None if none came."""
        ...

    def retrieve(self) -> Image | None:
        """Decode the grabbed frame, ``(H, W, 3)`` BGR; None if it is damaged."""
        ...

    def release(self) -> None:
        """Release the camera."""
        ...


@dataclass(frozen=True, slots=True)
class CaptureMode:
    """Requested capture mode: (width, height) in pixels and frames a second."""

    size: tuple[int, int]
    fps: float


def low_latency_mode(cores: int) -> CaptureMode:
    """The capture mode with the lowest latency on so many CPU cores.

    At 60 frames a second a camera delivers a frame in half the time that it takes at 30.  With few
    cores decoding dominates: 640 x 480 takes a third of the time of 1280 x 720, and still has twice
    the pixels of the network's input.
    """
    if cores < _MANY_CORES:
        return CaptureMode((640, 480), 30)
    return CaptureMode((1280, 720), 60)


def list_cameras() -> list[CameraInfo]:
    """Cameras of this machine by index; those of the same name are numbered."""
    try:
        found = {camera.index: camera.name for camera in enumerate_cameras(_CAMERA_API)}
    except (OSError, ValueError, RuntimeError) as error:
        logger.warning("The cameras of this machine cannot be listed: %s", error)
        return []
    cameras = []
    seen: Counter[str] = Counter()
    for index in sorted(found):
        name = found[index] or f"Camera {index}"
        seen[name] += 1
        cameras.append(CameraInfo(index, name if seen[name] == 1 else f"{name} ({seen[name]})"))
    return cameras


class OpenCvDevice:
    """A camera opened through OpenCV, with compressed frames and the shortest buffer.

    Parameters
    ----------
    index
        OpenCV's index.
    mode
        Requested mode; the camera takes the nearest one that it has.

    Raises
    ------
    SourceError
        If there is no such camera, or another program is using it.
    """

    def __init__(self, index: int, mode: CaptureMode) -> None:
        self._capture = cv2.VideoCapture(index, _CAMERA_API)
        if not self._capture.isOpened():
            raise SourceError(_why_camera_fails(index))
        # The pixel format must be chosen before the size and the rate: uncompressed video does
        # not fit through USB 2 at this size.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, mode.size[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, mode.size[1])
        self._capture.set(cv2.CAP_PROP_FPS, mode.fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or mode.fps

    def grab(self) -> float | None:
        """See :meth:`CameraDevice.grab`."""
        if not self._capture.grab():
            return None
        now = time.monotonic()
        # V4L2 tells when the picture arrived, which is earlier if it had to wait for this call;
        # other systems tell nothing, or the time since the start.
        arrived = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return float(arrived) if 0 <= now - arrived < _OLDEST_PICTURE_S else now

    def retrieve(self) -> Image | None:
        """See :meth:`CameraDevice.retrieve`."""
        ok, image = self._capture.retrieve()
        return np.asarray(image, np.uint8) if ok and image is not None else None

    def release(self) -> None:
        """See :meth:`CameraDevice.release`."""
        self._capture.release()


class CameraPort:
    """Opens a camera by number, and later finds it again by name.

    A camera that was unplugged may come back with another number.

    Parameters
    ----------
    index
        OpenCV's index.
    find_cameras
        Lists the cameras.

    Attributes
    ----------
    name
        Name for display.
    """

    def __init__(
        self, index: int, find_cameras: Callable[[], Sequence[CameraInfo]] = list_cameras
    ) -> None:
        self._index = index
        self._find_cameras = find_cameras
        known = self._names().get(index)
        #: Some systems list no cameras but still open them by index.
        self._listed = known is not None
        self.name = known or f"Camera {index}"

    def __call__(self) -> CameraDevice:
        """Open the camera at its current index.

        Raises
        ------
        SourceError
            If it is not connected, or another program is using it.
        """
        if self._listed:
            names = self._names()
            if names.get(self._index) != self.name:
                places = [index for index, name in names.items() if name == self.name]
                if not places:
                    raise SourceError(f"{self.name} is not connected: plug it in.")
                self._index = places[0]
        return OpenCvDevice(self._index, low_latency_mode(os.cpu_count() or 1))

    def _names(self) -> dict[int, str]:
        return {camera.index: camera.name for camera in self._find_cameras()}


def named_camera(text: str, find_cameras: Callable[[], Sequence[CameraInfo]] = list_cameras) -> int:
    """The index of the camera that ``text`` means: an index, a name or part of one.

    Raises
    ------
    SourceError
        If no camera has that name, or several have.
    """
    if text.isdigit():
        return int(text)
    cameras = find_cameras()
    exact = [camera for camera in cameras if camera.name.lower() == text.lower()]
    found = exact or [camera for camera in cameras if text.lower() in camera.name.lower()]
    if len(found) == 1:
        return found[0].index
    if found:
        raise SourceError(f"“{text}” means several cameras: choose one of {_listing(found)}.")
    if not cameras:
        raise SourceError(
            f"There is no camera “{text}” and no other one: plug one in or choose a video file."
        )
    raise SourceError(f"There is no camera “{text}”: choose one of {_listing(cameras)}.")


def _listing(cameras: Sequence[CameraInfo]) -> str:
    return ", ".join(f"{camera.index} = {camera.name}" for camera in cameras)


def _why_camera_fails(index: int) -> str:
    known = list_cameras()
    here = {camera.index: camera.name for camera in known}
    if index in here:
        return (
            f"{here[index]} (camera {index}) cannot be opened: another program may be using it, "
            "so close that program, or allow this one to use the camera."
        )
    if not known:
        return f"There is no camera {index} and no other one: plug one in or choose a video file."
    return f"There is no camera {index}: choose one of {_listing(known)}, or a video file."
