"""A live session: capture in one thread, recovery in another, always on the latest frame.

Nothing queues up.  Between the two threads there is a slot for one frame: the capture thread
overwrites a frame that the recovery thread has not taken in time, and counts it as dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from hmr_live.capture.camera_source import CameraSource
from hmr_live.capture.sources import FrameSource
from hmr_live.core.errors import HmrLiveError, SourceError
from hmr_live.core.mailbox import Mailbox
from hmr_live.core.state import Frame, FrameResult
from hmr_live.core.timing import RateMeter, StageStatistics, StageSummary

logger = logging.getLogger(__name__)


class FrameProcessor(Protocol):
    """What a session needs of a pipeline; see :class:`hmr_live.recovery.pipeline.Pipeline`."""

    def process(self, frame: Frame) -> FrameResult:
        """Recover the people in a frame."""
        ...

    def reset(self) -> None:
        """Forget all tracks."""
        ...


@dataclass(frozen=True, slots=True)
class LiveStats:
    """How a session is doing.

    Attributes
    ----------
    capture_fps, fps
        Frames a second that the source delivered and that were recovered, over two seconds.
    captured, processed, dropped
        Frames since the start; a frame is dropped when a newer one replaces it unprocessed.
    invalid_outputs
        Network outputs since the start that held NaN or infinity and were dropped.
    problem
        Message about a camera that is lost at the moment; the session waits for it.
    stages
        Milliseconds by stage over the last 120 frames.
    """

    capture_fps: float
    fps: float
    captured: int
    processed: int
    dropped: int
    invalid_outputs: int
    problem: str | None
    stages: dict[str, StageSummary]

    @property
    def timings_ms(self) -> dict[str, float]:
        """Median milliseconds by stage."""
        return {stage: summary.p50 for stage, summary in self.stages.items()}


class LiveSession:
    """Run a pipeline on a source until it ends or is stopped.

    The callbacks run in the session's threads and must return quickly: pass the result on, do not
    process it.

    Parameters
    ----------
    source, pipeline
        Owned by the session from now on; the source is closed when the session ends.
    on_result
        Called with every processed frame, in order.
    on_error
        Called at most once, when the source or the pipeline fails; the session then ends.
    on_end
        Called once when the source has ended by itself, after the last result.
    """

    def __init__(
        self,
        source: FrameSource,
        pipeline: FrameProcessor,
        *,
        on_result: Callable[[FrameResult], None] = lambda _: None,
        on_error: Callable[[HmrLiveError], None] = lambda _: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.source = source
        self.pipeline = pipeline
        self._on_result, self._on_error, self._on_end = on_result, on_error, on_end
        self._slot: Mailbox[Frame] = Mailbox()
        self._stop = threading.Event()
        self._running = threading.Event()  # cleared while the session is paused
        self._running.set()
        # The numbers below are written by two threads and read by a third.
        self._lock = threading.Lock()
        self._captured = self._processed = self._dropped = self._invalid_outputs = 0
        self._capture_rate, self._process_rate = RateMeter(), RateMeter()
        self._stages = StageStatistics()
        self._latest: FrameResult | None = None
        self._failed = False
        self._threads = [
            threading.Thread(target=self._guard, args=(self._capture,), name="capture"),
            threading.Thread(target=self._guard, args=(self._process,), name="recovery"),
        ]
        for thread in self._threads:
            thread.daemon = True  # a camera driver that hangs must not keep the program alive

    def start(self) -> None:
        """Start both threads; a session can be started once."""
        self.pipeline.reset()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 3.0) -> None:
        """End the session, wait for both threads and close the source."""
        self._stop.set()
        self._running.set()
        self._slot.close()
        self.source.close()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(timeout)
                if thread.is_alive():
                    logger.warning("The %s thread does not end: its device hangs.", thread.name)

    def pause(self, paused: bool) -> None:
        """Pause or resume the session.  A camera keeps grabbing, so its frames stay current."""
        if paused:
            self._running.clear()
        else:
            self._running.set()

    @property
    def paused(self) -> bool:
        """Whether the session is paused."""
        return not self._running.is_set()

    @property
    def alive(self) -> bool:
        """Whether frames can still come."""
        return self._threads[1].is_alive()

    @property
    def problem(self) -> str | None:
        """Message about a camera that is lost at the moment; the session waits for it."""
        return self.source.problem if isinstance(self.source, CameraSource) else None

    def latest(self) -> FrameResult | None:
        """The newest result."""
        with self._lock:
            return self._latest

    def stats(self) -> LiveStats:
        """How the session is doing now."""
        now = time.monotonic()
        with self._lock:
            return LiveStats(
                capture_fps=self._capture_rate.rate(now),
                fps=self._process_rate.rate(now),
                captured=self._captured,
                processed=self._processed,
                dropped=self._dropped,
                invalid_outputs=self._invalid_outputs,
                problem=self.problem,
                stages=self._stages.summary(),
            )

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a thread's work; any error ends the session with a message."""
        try:
            work()
        except HmrLiveError as error:
            self._fail(error)
        except Exception as error:  # a bug must not leave a dead window without a message
            logger.exception("The live session failed")
            self._fail(
                SourceError(
                    f"The live session was stopped by an unexpected error ({error!r}): start it "
                    "again."
                )
            )

    def _fail(self, error: HmrLiveError) -> None:
        self._slot.close()
        with self._lock:
            first, self._failed = not self._failed, True
        stopped = self._stop.is_set()
        self._stop.set()
        self._running.set()
        if first and not stopped:
            self._on_error(error)

    def _capture(self) -> None:
        while not self._stop.is_set():
            if not isinstance(self.source, CameraSource):
                self._running.wait()
            frame = self.source.read()
            if frame is None:
                break
            if self.paused and not self._stop.is_set():
                continue  # a camera's frame while the session is paused
            with self._lock:
                self._captured += 1
                self._capture_rate.tick(time.monotonic())
            if self._slot.put(frame):
                with self._lock:
                    self._dropped += 1
        self._slot.close()

    def _process(self) -> None:
        while not self._stop.is_set():
            frame = self._slot.take()
            if frame is None:
                break
            started = time.monotonic()
            result = self.pipeline.process(frame)
            result = replace(result, started=started, finished=time.monotonic())
            with self._lock:
                self._processed += 1
                self._invalid_outputs += result.invalid_outputs
                self._process_rate.tick(time.monotonic())
                self._stages.add(result.timings)
                self._latest = result
            self._on_result(result)
        if not self._stop.is_set():
            self._on_end()
