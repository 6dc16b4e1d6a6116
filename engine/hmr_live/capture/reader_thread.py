"""The thread that reads one open camera, and that can be left behind when the driver hangs."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final, NamedTuple

from hmr_live.capture.devices import CameraDevice
from hmr_live.core.errors import HmrLiveError, SourceError
from hmr_live.core.mailbox import Mailbox
from hmr_live.core.state import Image

logger = logging.getLogger(__name__)

#: Seconds before a camera is asked again that had no picture at once.
_ASK_AGAIN_S: Final = 0.005
#: Seconds that a driver is given to come back when the program ends.
_LAST_WAIT_S: Final = 1.0


class CapturedPicture(NamedTuple):
    """A picture, its moment on the monotonic clock, and what decoding took."""

    image: Image
    time: float
    decoding_ms: float


class CameraReader:
    """Opens a camera in a thread of its own and keeps the latest picture.

    Drivers may block for seconds or for ever in any call, so nobody waits for this thread without
    a time limit: who has had enough calls :meth:`leave` and forgets it.

    Parameters
    ----------
    open_device
        Opens the camera; called in the thread.

    Attributes
    ----------
    pictures
        The latest picture; closed when the thread ends.
    started
        Monotonic seconds.
    device
        The open camera, for its size and rate only; None until then.
    error
        Why the camera did not open or broke.
    """

    def __init__(self, open_device: Callable[[], CameraDevice]) -> None:
        self.pictures: Mailbox[CapturedPicture] = Mailbox()
        self.started = time.monotonic()
        self.device: CameraDevice | None = None
        self.error: HmrLiveError | None = None
        self._open_device = open_device
        self._opened = threading.Event()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        _readers.add(self)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs, or hangs."""
        return self._thread.is_alive()

    def wait_open(self, timeout: float) -> bool:
        """Wait until the camera has opened or failed; False when it has done neither in time."""
        return self._opened.wait(timeout)

    def leave(self) -> None:
        """Ask the thread to release the camera and to end as soon as the driver lets it."""
        self._left.set()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, but no longer than this."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        device: CameraDevice | None = None
        try:
            self.device = device = self._open_device()
            self._opened.set()
            self._read(device)
        except HmrLiveError as error:
            self.error = error
        except Exception as error:  # drivers and OpenCV fail in many ways
            logger.exception("The camera broke")
            self.error = SourceError(f"The camera has failed ({error}): plug it in again.")
        finally:
            if device is not None:
                device.release()
            self._opened.set()
            self.pictures.close()

    def _read(self, device: CameraDevice) -> None:
        while not self._left.is_set():
            moment = device.grab()
            if moment is not None:
                start = time.perf_counter()
                image = device.retrieve()
                if image is not None:
                    decoding_ms = (time.perf_counter() - start) * 1000
                    self.pictures.put(CapturedPicture(image, moment, decoding_ms))
                    continue
            self._left.wait(_ASK_AGAIN_S)


_readers: weakref.WeakSet[CameraReader] = weakref.WeakSet()


@atexit.register
def _leave_all() -> None:
    """Let drivers go before Python ends: a thread that comes back from one later aborts it."""
    readers = list(_readers)
    for reader in readers:
        reader.leave()
    for reader in readers:
        reader.join(_LAST_WAIT_S)
