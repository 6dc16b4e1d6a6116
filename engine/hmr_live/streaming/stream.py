"""One stream: a thread that delivers the newest result to a sink and survives its failures."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from hmr_live.core.errors import StreamError
from hmr_live.core.mailbox import Mailbox
from hmr_live.core.state import FrameResult

logger = logging.getLogger(__name__)

#: A sink that could not be opened (port in use, host unknown) is retried after this time.
RETRY_S: Final = 3.0
#: How long a stream may take to end when it is switched off.
JOIN_S: Final = 3.0
#: A problem is shown for at least this long: only every other refused datagram reports an error.
PROBLEM_SHOWN_S: Final = 1.5


class Sink(ABC):
    """The target of a stream.  Everything but the constructor runs in the stream's own thread.

    Attributes
    ----------
    address
        Where the results go, for display.
    clients
        Receivers connected now; None if the protocol cannot tell.
    sent
        Frames sent, summed over the receivers.
    dropped
        Frames replaced by a newer one inside the sink, summed over the receivers.
    """

    address: str
    clients: int | None = None
    sent: int = 0
    dropped: int = 0

    @abstractmethod
    def open(self) -> None:
        """Open the target; raises :class:`.StreamError` if that fails.

        It is called again later after a failure.
        """

    @abstractmethod
    def deliver(self, result: FrameResult) -> None:
        """Send one result; raises :class:`.StreamError` if that fails."""

    @abstractmethod
    def close(self) -> None:
        """Release everything; also called after a failed :meth:`open`."""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """Status of a stream.

    Attributes
    ----------
    address
        Where the results go.
    clients
        Receivers connected now; None if the protocol cannot tell.
    sent, dropped
        Frames since it was switched on, summed over the receivers.
    problem
        Message for the user; None if all is well.
    """

    address: str
    clients: int | None
    sent: int
    dropped: int
    problem: str | None


class Stream:
    """Delivers results to a sink in a thread of its own.

    Parameters
    ----------
    sink
        Owned by the stream from now on.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._mailbox: Mailbox[FrameResult] = Mailbox()
        self._stopping = threading.Event()
        self._opened = threading.Event()
        self._problem: str | None = None
        self._failed_at = 0.0
        self._predecessor: Stream | None = None
        name = f"stream to {sink.address}"
        # A daemon: a hanging driver or name server must not keep the program alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, after: Stream | None = None) -> None:
        """Start the thread; a stream can be started once.

        Parameters
        ----------
        after
            A stopped stream that must have released its address first.
        """
        self._predecessor = after
        self._thread.start()

    def send(self, result: FrameResult) -> None:
        """Queue a result for the stream; takes microseconds, whatever the receivers do."""
        self._mailbox.put(result)

    def stop(self) -> None:
        """Ask the thread to end and to release the sink; returns at once."""
        self._stopping.set()
        self._mailbox.close()

    def join(self, timeout: float) -> None:
        """Wait until a stopped stream has released its sink."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning("The stream to %s does not end.", self._sink.address)

    def wait_open(self, timeout: float) -> bool:
        """Wait until the sink is open; False if it is not in time."""
        return self._opened.wait(timeout)

    def status(self) -> StreamStatus:
        """Current status; may be called from any thread."""
        sink = self._sink
        return StreamStatus(
            address=sink.address,
            clients=sink.clients,
            sent=sink.sent,
            dropped=self._mailbox.dropped + sink.dropped,
            problem=self._problem,
        )

    def _run(self) -> None:
        try:
            if self._predecessor is not None:
                self._predecessor.join(JOIN_S)
                self._predecessor = None
            while not self._open():
                if self._stopping.wait(RETRY_S):
                    return
            while (result := self._mailbox.take()) is not None:
                self._deliver(result)
        except Exception as error:  # a bug in one stream must leave the program running
            logger.exception("The stream to %s failed", self._sink.address)
            self._problem = (
                f"The stream was stopped by an unexpected error ({error!r}): switch it off and on "
                "again."
            )
        finally:
            self._sink.close()

    def _open(self) -> bool:
        try:
            self._sink.open()
        except StreamError as error:
            self._problem = str(error)
            return False
        self._problem = None
        self._opened.set()
        return True

    def _deliver(self, result: FrameResult) -> None:
        try:
            self._sink.deliver(result)
        except StreamError as error:
            self._problem, self._failed_at = str(error), time.monotonic()
        else:
            if self._problem is not None and time.monotonic() - self._failed_at > PROBLEM_SHOWN_S:
                self._problem = None
