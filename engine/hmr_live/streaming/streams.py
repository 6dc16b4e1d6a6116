"""The running streams, to which the pipeline sends its results."""

from __future__ import annotations

import time

from hmr_live.core.state import FrameResult
from hmr_live.streaming.request import StreamKind
from hmr_live.streaming.stream import JOIN_S, Stream, StreamStatus


class Streams:
    """At most one stream of each kind; all off at first.

    Streams are switched in one thread and fed from another.
    """

    def __init__(self) -> None:
        # Replaced as a whole, never changed: send() reads it without a lock.
        self._running: dict[StreamKind, Stream] = {}
        self._ending: dict[StreamKind, Stream] = {}

    def send(self, result: FrameResult) -> None:
        """Send a result to every running stream; takes microseconds."""
        for stream in self._running.values():
            stream.send(result)

    def start(self, kind: StreamKind, stream: Stream) -> None:
        """Start a stream, replacing the one of its kind; returns at once."""
        self.stop(kind)
        stream.start(after=self._ending.pop(kind, None))
        self._running = {**self._running, kind: stream}

    def stop(self, kind: StreamKind) -> None:
        """Stop a stream; returns at once, and does nothing if it is off."""
        stream = self._running.get(kind)
        if stream is not None:
            self._running = {other: s for other, s in self._running.items() if other is not kind}
            stream.stop()
            self._ending[kind] = stream

    def stop_all(self) -> None:
        """Stop every stream and wait until their addresses are free again."""
        for kind in tuple(self._running):
            self.stop(kind)
        deadline = time.monotonic() + JOIN_S
        for stream in self._ending.values():
            stream.join(max(deadline - time.monotonic(), 0.0))
        self._ending = {}

    def wait_open(self, timeout: float) -> None:
        """Wait until every stream has opened, at most ``timeout`` seconds in all."""
        deadline = time.monotonic() + timeout
        for stream in self._running.values():
            stream.wait_open(max(deadline - time.monotonic(), 0.0))

    def status(self) -> dict[StreamKind, StreamStatus]:
        """Status of the running streams."""
        return {kind: stream.status() for kind, stream in self._running.items()}
