"""A camera as a source of frames that notices within a second when it is lost, and reconnects.

The device is read in a thread of its own (:mod:`.reader_thread`).  :meth:`CameraSource.read` waits
for that thread only briefly at a time, so a hanging driver blocks nothing: the thread is abandoned
and the camera reopened, again and again until it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from hmr_live.capture.devices import CameraDevice
from hmr_live.capture.reader_thread import CameraReader
from hmr_live.core.errors import SourceError
from hmr_live.core.state import Frame, Image

logger = logging.getLogger(__name__)

#: A camera that has not opened after this long does not respond.
OPEN_TIMEOUT_S: Final = 10.0
#: A running camera is lost when no new frame has come for this long; in a dim room one slows down
#: to about five frames a second.
LOST_S: Final = 0.6
#: A lost camera gets this long to resume by itself before it is reopened: opening takes longer than
#: most hiccups.
_REOPEN_AFTER_S: Final = 1.5
#: A camera that has just been opened may take this long to deliver its first frame.
_FIRST_FRAME_S: Final = 5.0
#: Time between two attempts while the camera is not there at all.
_RETRY_S: Final = 1.0
#: A camera that stays frozen after reopening is reopened at growing intervals, up to this one.
_MAX_PATIENCE_S: Final = 60.0
#: While no frames come, the state is checked this often.
_POLL_S: Final = 0.1
#: Hanging threads that are abandoned before one of them must end.
_MAX_ABANDONED: Final = 3
_CLOSE_S: Final = 1.0
#: A camera is frozen when it has sent identical frames for this long, and at least so many.
FROZEN_S: Final = 0.6
_MIN_IDENTICAL: Final = 4
#: Every so many-th pixel is compared.  Sensor noise changes some of them in any real frame.
_STEP: Final = 8


class FrozenFrameDetector:
    """Notices that a camera sends the same frame again and again.

    Attributes
    ----------
    changed_at
        Time of the first of the identical frames.
    """

    def __init__(self) -> None:
        self.changed_at = 0.0
        self._samples = b""
        self._count = 0

    def is_frozen(self, image: Image, time: float) -> bool:
        """Whether the camera is frozen as of this frame.

        Parameters
        ----------
        image
            ``(H, W, 3)``.
        time
            Seconds, monotonic.
        """
        samples = image[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP].tobytes()
        if samples != self._samples:
            self._samples, self.changed_at, self._count = samples, time, 1
            return False
        self._count += 1
        return self._count >= _MIN_IDENTICAL and time - self.changed_at >= FROZEN_S


class CameraSource:
    """A live source that survives the loss of its device.

    Parameters
    ----------
    open_device
        Opens the camera, now and whenever it was lost; called in threads of their own.
    name
        Name for display.

    Attributes
    ----------
    problem
        While the camera is lost: the message for the user.  Any thread may read it.

    Raises
    ------
    SourceError
        If the camera cannot be opened the first time.
    """

    live = True

    def __init__(self, open_device: Callable[[], CameraDevice], name: str) -> None:
        self.name = name
        self.problem: str | None = None
        self._open_device = open_device
        self._closed = threading.Event()  # wakes a waiting reader
        self._abandoned: list[CameraReader] = []
        self._reader = CameraReader(open_device)
        device = self._wait_for_device(self._reader)
        self.size, self.fps = device.size, device.fps
        self._index = 0
        self._frozen = FrozenFrameDetector()
        #: When the frame last changed; the first one has longer.
        self._new_at = time.monotonic() + _FIRST_FRAME_S - LOST_S
        self._patience = _FIRST_FRAME_S

    def read(self) -> Frame | None:
        """See :meth:`.FrameSource.read`; None only once the camera is closed.

        The frame's time is the moment of the grab on the monotonic clock.  While the camera is
        lost this blocks; :attr:`problem` says why.
        """
        while not self._closed.is_set():
            captured = self._reader.frames.take(timeout=_POLL_S)
            if captured is None:
                if not self._reader.alive:
                    self._closed.wait(_POLL_S)
                self._handle_silence("has stopped sending frames: check its cable")
            elif self._frozen.is_frozen(captured.image, captured.time):
                self._handle_silence("keeps sending the same frame: uncover it or plug it in again")
            elif not self._closed.is_set():
                self._on_new_frame()
                self._index += 1
                return Frame(captured.image, captured.time, self._index - 1, captured.decoding_ms)
        return None

    def close(self) -> None:
        """See :meth:`.FrameSource.close`; a hanging device is abandoned."""
        self._closed.set()
        self._reader.frames.close()
        self._reader.abandon()
        self._reader.join(_CLOSE_S)

    def _wait_for_device(self, reader: CameraReader) -> CameraDevice:
        in_time = reader.wait_open(OPEN_TIMEOUT_S)
        if in_time and reader.device is not None:
            return reader.device
        reader.abandon()
        raise reader.error or SourceError(
            f"{self.name} does not respond: plug it in again, then select it again."
        )

    def _on_new_frame(self) -> None:
        self._new_at = self._frozen.changed_at
        self._patience = _FIRST_FRAME_S
        if self.problem is not None:
            logger.warning("%s is back.", self.name)
            self.problem = None

    def _handle_silence(self, symptom: str) -> None:
        """No new frame came: report it after a moment, and reopen the camera when it is time."""
        silence = time.monotonic() - self._new_at
        if silence < LOST_S:
            return
        if self.problem is None:
            self.problem = f"{self.name} {symptom}; the video resumes when it is back."
            logger.warning("%s", self.problem)
        if silence >= _REOPEN_AFTER_S and self._attempt_is_over():
            self._reopen()

    def _attempt_is_over(self) -> bool:
        """Whether the current attempt has failed, or has had long enough."""
        reader = self._reader
        age = time.monotonic() - reader.started
        if not reader.alive:
            return age >= _RETRY_S
        return reader.started < self._new_at or age >= self._patience

    def _reopen(self) -> None:
        self._abandoned = [reader for reader in self._abandoned if reader.alive]
        if len(self._abandoned) >= _MAX_ABANDONED:
            return
        if self._reader.alive:
            self._patience = min(2 * self._patience, _MAX_PATIENCE_S)
            self._reader.abandon()
            self._reader.join(_POLL_S)
            self._abandoned.append(self._reader)
        self._reader = CameraReader(self._open_device)
        if self._closed.is_set():  # by another thread, which may have seen only the last reader
            self._reader.abandon()
