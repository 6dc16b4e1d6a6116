"""The video beside a take, written in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2

from hmr_live.core.errors import RecordingError
from hmr_live.core.state import Frame, Image

#: Frames that may wait; at 1280 x 720 they hold 44 MB.
_QUEUE_LIMIT: Final = 16


class VideoFileWriter:
    """A video file in MPEG-4 part 2, which OpenCV writes on every system.

    Parameters
    ----------
    path
        Its suffix selects the container.
    size
        (width, height) of every frame in pixels.
    fps
        Frames a second at which it plays.

    Raises
    ------
    RecordingError
        If it cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, size)
        if not self._writer.isOpened():
            raise RecordingError(f"The video {path} cannot be written: choose another folder.")

    def add(self, picture: Image) -> None:
        """Append a frame ``(H, W, 3)`` uint8, BGR."""
        self._writer.write(picture)

    def close(self) -> None:
        """Finish the file."""
        self._writer.release()


class VideoRecorder:
    """Writes the frames of a take to a video; drops and counts those that find the queue full.

    Parameters
    ----------
    path, fps
        See :class:`VideoFileWriter`.
    on_written
        Called in the writing thread with the number of a frame of the video and its time on the
        take's clock.
    on_error
        Called at most once in the writing thread, with a message, if no video can be written.

    Attributes
    ----------
    dropped
        Frames that did not reach the video.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        *,
        on_written: Callable[[int, float], None],
        on_error: Callable[[str], None],
    ) -> None:
        self.dropped = 0
        self._path, self._fps = path, fps
        self._on_written, self._on_error = on_written, on_error
        self._size: tuple[int, int] | None = None
        # Unlike the parameters, images are large: few may wait.  None ends the thread.
        self._queue: queue.Queue[Frame | None] = queue.Queue(_QUEUE_LIMIT)
        self._thread = threading.Thread(target=self._write_all, name="video", daemon=True)
        self._thread.start()

    def add(self, frame: Frame) -> None:
        """Queue a frame; never blocks."""
        self._size = self._size or frame.size
        if frame.size != self._size:
            self.dropped += 1
            return
        try:
            self._queue.put_nowait(frame)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write the queued frames and finish the file."""
        self._queue.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        writer: VideoFileWriter | None = None
        failed = False
        number = 0
        while (frame := self._queue.get()) is not None:
            if failed:
                self.dropped += 1
                continue
            try:
                writer = writer or VideoFileWriter(self._path, frame.size, self._fps)
                writer.add(frame.image)
            except (RecordingError, cv2.error) as error:
                failed = True
                self._on_error(f"The take continues without its video: {error}")
                continue
            self._on_written(number, frame.time)
            number += 1
        if writer is not None:
            writer.close()
