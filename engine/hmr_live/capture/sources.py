"""Sources of frames: cameras, video files and images, behind one small interface."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

# FFmpeg and OpenCV would print their own messages to stderr beside the errors raised here.  The
# variable is read when OpenCV opens its first file.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from hmr_live.capture.camera_source import CameraSource
from hmr_live.capture.devices import CameraPort
from hmr_live.capture.simulated_camera import MAX_IMAGES, SimulatedDevice
from hmr_live.core.errors import SourceError
from hmr_live.core.state import Frame, Image

logger = logging.getLogger(__name__)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

#: A file played in real time that falls behind by more than this continues from where it is.
MAX_LAG_S: Final = 0.25
#: Prefix of a video's path: play it as a simulated camera.
SIMULATED: Final = "simulated:"


class FrameSource(Protocol):
    """A stream of frames.

    Attributes
    ----------
    name
        Name for display.
    size
        (width, height) in pixels.
    fps
        Nominal frames a second.
    live
        Whether the frames come in real time, so that slow readers must skip some.
    """

    name: str
    size: tuple[int, int]
    fps: float
    live: bool

    def read(self) -> Frame | None:
        """Next frame, or None at the end; raises :class:`.SourceError` if the source fails."""
        ...

    def close(self) -> None:
        """Release the source; a read waiting in another thread returns None."""
        ...


class VideoFile:
    """A video file, read as fast as possible or played in real time.

    Parameters
    ----------
    path
        Any file that OpenCV's FFmpeg can read.
    realtime
        Play at the file's frame rate, with times on the monotonic clock.
    loop
        Start again at the end; the frames' times keep increasing.

    Raises
    ------
    SourceError
        If the file is missing or is not a readable video.
    """

    def __init__(self, path: Path | str, *, realtime: bool = False, loop: bool = False) -> None:
        self._path = path = Path(path)
        self._capture = _open_video(path)
        self.name = path.name
        self.size = _size_of(self._capture)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = float(rate) if 1 <= rate <= 1000 else 30.0
        self.live = realtime
        #: Number of frames according to the file; 0 if unknown.
        self.frame_count = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self._loop = loop
        self._index = 0  # frames delivered since the source was opened
        self._in_pass = 0  # frames delivered in this pass through the file
        self._offset = 0.0  # seconds of the passes before this one
        self._last = -1.0
        self._started: float | None = None
        self._closed = threading.Event()  # wakes a reader that waits for a frame's time

    def read(self) -> Frame | None:
        """See :meth:`FrameSource.read`."""
        start = time.perf_counter()
        image = self._next_image()
        if image is None:
            return None
        decoding_ms = (time.perf_counter() - start) * 1000
        moment = self._presentation_time()
        if self.live:
            moment = self._wait_until_due(moment)
        if self._closed.is_set():
            return None
        self._index += 1
        return Frame(image, moment, self._index - 1, decoding_ms)

    def close(self) -> None:
        """See :meth:`FrameSource.close`."""
        self._closed.set()

    def _next_image(self) -> Image | None:
        if self._closed.is_set():
            self._capture.release()
            return None
        ok, image = self._capture.read()
        if (not ok or image is None) and self._loop and self._in_pass:
            self._offset = self._last + 1 / self.fps
            self._in_pass = 0
            self._capture.release()
            self._capture = _open_video(self._path)
            ok, image = self._capture.read()
        if not ok or image is None:
            self._report_early_end()
            return None
        self._in_pass += 1
        return np.asarray(image, np.uint8)

    def _report_early_end(self) -> None:
        if self._in_pass == 0:
            raise SourceError(
                f"{self.name} has no readable frame: it is damaged or in an unknown format, so "
                "convert it to MP4 first."
            )
        if self.frame_count and self._in_pass < 0.9 * self.frame_count:
            logger.warning(
                "%s ends after %d of %d frames: the rest is damaged or missing.",
                self.name,
                self._in_pass,
                self.frame_count,
            )

    def _presentation_time(self) -> float:
        """Presentation time in seconds; from the frame rate if the file has none."""
        timestamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 + self._offset
        moment = timestamp if timestamp > self._last else self._last + 1 / self.fps
        if self._index == 0:
            moment = max(timestamp, 0.0)
        self._last = float(moment)
        return self._last

    def _wait_until_due(self, moment: float) -> float:
        """Sleep until the frame is due; return that time on the monotonic clock."""
        now = time.monotonic()
        if self._started is None or now - (self._started + moment) > MAX_LAG_S:
            # First frame, or paused for a while, or too slow: continue from here, do not catch up.
            self._started = now - moment
        due = self._started + moment
        self._closed.wait(max(due - now, 0))
        return due


class ImageFile:
    """An image file as a source of one frame."""

    live = False
    fps = 1.0

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._image: Image | None = read_image(path)
        self.size = (self._image.shape[1], self._image.shape[0])

    def read(self) -> Frame | None:
        """See :meth:`FrameSource.read`."""
        image, self._image = self._image, None
        return None if image is None else Frame(image, 0.0, 0)

    def close(self) -> None:
        """See :meth:`FrameSource.close`."""
        self._image = None


PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def open_source(
    spec: str | int | Path, *, realtime: bool = False, loop: bool = False
) -> FrameSource:
    """Open a camera by index, or a video or image file by path.

    Parameters
    ----------
    spec
        Camera index (``0`` or ``"0"``), a path, or ``simulated:`` and a video's path for a
        simulated camera (:mod:`hmr_live.capture.simulated_camera`).
    realtime, loop
        See :class:`VideoFile`; ignored by cameras and images.

    Raises
    ------
    SourceError
        If it cannot be opened; the message says why and what to do.
    """
    if isinstance(spec, int) or (isinstance(spec, str) and spec.isdigit()):
        port = CameraPort(int(spec))
        return CameraSource(port, port.name)
    if isinstance(spec, str) and spec.startswith(SIMULATED):
        clip = Path(spec.removeprefix(SIMULATED))
        return CameraSource(
            lambda: SimulatedDevice(_first_images(clip)), f"Simulated camera ({clip.name})"
        )
    path = Path(spec)
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return ImageFile(path)
    return VideoFile(path, realtime=realtime, loop=loop)


def read_image(path: Path | str) -> Image:
    """Read an image file as ``(H, W, 3)`` BGR.

    Raises
    ------
    SourceError
        If the file is missing or not an image.
    """
    path = Path(path)
    _require_file(path)
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path.name} is not a readable image: use JPEG or PNG.")
    return np.asarray(image, np.uint8)


def _first_images(path: Path) -> list[Image]:
    """The first seconds of a video, as many as a simulated camera keeps in memory."""
    images: list[Image] = []
    with closing(VideoFile(path)) as video:
        while len(images) < MAX_IMAGES and (frame := video.read()) is not None:
            images.append(frame.image)
    return images


def _open_video(path: Path) -> cv2.VideoCapture:
    _require_file(path)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise SourceError(
            f"{path.name} is not a readable video: it is damaged or in an unknown format, so "
            "convert it to MP4 first."
        )
    return capture


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a folder: choose a file in it.")
    if not path.is_file():
        raise SourceError(f"There is no file {path}: check the path.")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} cannot be read: change its permissions.")


def _size_of(capture: cv2.VideoCapture) -> tuple[int, int]:
    return (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )
