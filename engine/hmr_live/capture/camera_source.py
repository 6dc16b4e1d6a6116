"""A camera as a source of frames: it notices within a second that it is lost, and comes back.

The device is read in a thread of its own (:mod:`.reader_thread`).  :meth:`Camera.read`
waits for that thread only for moments at a time, so a driver that hangs holds nothing up: the
thread is left behind and the camera opened anew, again and again until it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from hmr_live.capture.devices import CameraDevice
from hmr_live.capture.frozen_frames import FrozenFrameDetector
from hmr_live.capture.reader_thread import CameraReader
from hmr_live.core.errors import SourceError
from hmr_live.core.state import Frame

logger = logging.getLogger(__name__)

#: A camera that has not opened by then does not answer.
OPEN_TIMEOUT_S: Final = 10.0
#: A running camera is lost when nothing new came for this long; a dim room slows one down to
#: about five frames a second.
LOST_S: Final = 0.6
#: A lost camera gets this long to go on by itself before it is opened anew: opening takes longer
#: than most hiccups.
_REOPEN_AFTER_S: Final = 1.5
#: A camera that has just been opened may take this long to its first picture.
_FIRST_PICTURE_S: Final = 5.0
#: Between two attempts while the camera is not there at all.
_RETRY_S: Final = 1.0
#: A camera that stays frozen after it was opened anew is opened again ever more seldom.
_LONGEST_PATIENCE_S: Final = 60.0
#: While nothing comes, the state is looked at so often.
_LOOK_S: Final = 0.1
#: Hanging threads that are left behind before waiting for one of them to end.
_MOST_LEFT: Final = 3
_CLOSE_S: Final = 1.0


class CameraSource:
    """A live source that outlives its device.

    Parameters
    ----------
    open_device
        Opens the camera, now and whenever it was lost; called in threads of its own.
    name
        For people.

    Attributes
    ----------
    problem
        While the camera is lost: the sentence for people.  Any thread may read it.

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
        self._closed = threading.Event()  # wakes a reader that waits
        self._left: list[CameraReader] = []
        self._reader = CameraReader(open_device)
        device = self._opened_device(self._reader)
        self.size, self.fps = device.size, device.fps
        self._index = 0
        self._frozen = FrozenFrameDetector()
        #: When the picture changed last; the first one has longer.
        self._new_at = time.monotonic() + _FIRST_PICTURE_S - LOST_S
        self._patience = _FIRST_PICTURE_S

    def read(self) -> Frame | None:
        """See :meth:`.FrameSource.read`; None only once the camera is closed.

        The frame's time is the moment of the grab on the monotonic clock.  While the camera is
        lost this waits; :attr:`problem` says why.
        """
        while not self._closed.is_set():
            picture = self._reader.pictures.take(timeout=_LOOK_S)
            if picture is None:
                if not self._reader.alive:
                    self._closed.wait(_LOOK_S)
                self._look_after("has stopped sending pictures: check its cable")
            elif self._frozen.is_frozen(picture.image, picture.time):
                self._look_after(
                    "sends the same picture again and again: uncover it or plug it in again"
                )
            elif not self._closed.is_set():
                self._on_new_picture()
                self._index += 1
                return Frame(picture.image, picture.time, self._index - 1, picture.decoding_ms)
        return None

    def close(self) -> None:
        """See :meth:`.FrameSource.close`; a device that hangs is left behind."""
        self._closed.set()
        self._reader.pictures.close()
        self._reader.leave()
        self._reader.join(_CLOSE_S)

    def _opened_device(self, reader: CameraReader) -> CameraDevice:
        in_time = reader.wait_open(OPEN_TIMEOUT_S)
        if in_time and reader.device is not None:
            return reader.device
        reader.leave()
        raise reader.error or SourceError(
            f"{self.name} does not answer: plug it in again, then choose it once more."
        )

    def _on_new_picture(self) -> None:
        self._new_at = self._frozen.changed_at
        self._patience = _FIRST_PICTURE_S
        if self.problem is not None:
            logger.warning("%s is back.", self.name)
            self.problem = None

    def _look_after(self, what: str) -> None:
        """Nothing new came: say so after a moment, and open the camera anew when it is time."""
        silence = time.monotonic() - self._new_at
        if silence < LOST_S:
            return
        if self.problem is None:
            self.problem = f"{self.name} {what}; the picture goes on by itself when it is back."
            logger.warning("%s", self.problem)
        if silence >= _REOPEN_AFTER_S and self._has_had_its_time():
            self._reopen()

    def _has_had_its_time(self) -> bool:
        """Whether the present attempt has failed, or has been given long enough."""
        reader = self._reader
        age = time.monotonic() - reader.started
        if not reader.alive:
            return age >= _RETRY_S
        return reader.started < self._new_at or age >= self._patience

    def _reopen(self) -> None:
        self._left = [reader for reader in self._left if reader.alive]
        if len(self._left) >= _MOST_LEFT:
            return
        if self._reader.alive:
            self._patience = min(2 * self._patience, _LONGEST_PATIENCE_S)
            self._reader.leave()
            self._reader.join(_LOOK_S)
            self._left.append(self._reader)
        self._reader = CameraReader(self._open_device)
        if self._closed.is_set():  # by another thread, which may have seen the last reader only
            self._reader.leave()
