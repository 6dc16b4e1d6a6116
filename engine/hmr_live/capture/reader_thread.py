"""The thread that reads one open camera, and that can be abandoned when the driver hangs."""

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

#: Seconds before a camera that had no frame is asked again.
_RETRY_S: Final = 0.005
#: Seconds that a driver is given to return when the program exits.
_EXIT_WAIT_S: Final = 1.0


class CapturedFrame(NamedTuple):
    """A frame's image, its time on the monotonic clock, and how long decoding took."""

    image: Image
    time: float
    decoding_ms: float


class CameraReader:
    """Opens a camera in a thread of its own and keeps the latest frame.

    Drivers may block for seconds or forever in any call, so nobody waits for this thread without a
    time limit: the owner calls :meth:`abandon` and drops it.

    Parameters
    ----------
    open_device
        Opens the camera; called in the thread.

    Attributes
    ----------
    frames
        The latest frame; closed when the thread ends.
    started
        When the thread was started; seconds, monotonic.
    device
        The open camera, for its size and rate only; None until it is open.
    error
        Why the camera did not open, or failed.
    """

    def __init__(self, open_device: Callable[[], CameraDevice]) -> None:
        self.frames: Mailbox[CapturedFrame] = Mailbox()
        self.started = time.monotonic()
        self.device: CameraDevice | None = None
        self.error: HmrLiveError | None = None
        self._open_device = open_device
        self._opened = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        _readers.add(self)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread is still running, or hanging."""
        return self._thread.is_alive()

    def wait_open(self, timeout: float) -> bool:
        """Wait until the camera has opened or failed; False if it has done neither in time."""
        return self._opened.wait(timeout)

    def abandon(self) -> None:
        """Ask the thread to release the camera and end as soon as the driver lets it."""
        self._abandoned.set()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, but no longer than this."""
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
            logger.exception("The camera failed")
            self.error = SourceError(f"The camera has failed ({error}): plug it in again.")
        finally:
            if device is not None:
                device.release()
            self._opened.set()
            self.frames.close()

    def _read(self, device: CameraDevice) -> None:
        while not self._abandoned.is_set():
            grabbed_at = device.grab()
            if grabbed_at is not None:
                start = time.perf_counter()
                image = device.retrieve()
                if image is not None:
                    decoding_ms = (time.perf_counter() - start) * 1000
                    self.frames.put(CapturedFrame(image, grabbed_at, decoding_ms))
                    continue
            self._abandoned.wait(_RETRY_S)


_readers: weakref.WeakSet[CameraReader] = weakref.WeakSet()


@atexit.register
def _abandon_all() -> None:
    """Release the drivers before Python exits: a thread that returns from one later aborts it."""
    readers = list(_readers)
    for reader in readers:
        reader.abandon()
    for reader in readers:
        reader.join(_EXIT_WAIT_S)
