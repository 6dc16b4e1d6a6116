"""The state of the running program, without Qt: source, status, settings, recording.

The window's views observe the events of a :class:`Session` and call its methods; both happen in
the main thread only.  Work that takes time (loading networks, opening and closing cameras, saving
a recording) runs in short-lived threads that report back through ``call_in_main``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

from app.events import Event
from app.recording_run import RecordingRun
from engine.body import BodyModel
from engine.errors import HmrLiveError
from engine.live import FrameProcessor, LiveSession, LiveStats
from engine.sources import PICTURE_SUFFIXES, open_source
from engine.state import FrameResult

_log = logging.getLogger(__name__)


class Status(Enum):
    """What the program is doing."""

    IDLE = "idle"
    OPENING = "opening"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"


class LivePipeline(FrameProcessor, Protocol):
    """What the window needs of a pipeline; see :class:`engine.pipeline.Pipeline`."""

    body: BodyModel
    smoothing: bool


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source that can be opened: camera number or file, and the name shown for it."""

    spec: int | str | Path
    label: str
    loop: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it is one picture that does not move."""
        return Path(str(self.spec)).suffix.lower() in PICTURE_SUFFIXES


class Session:
    """One source at a time through one pipeline.

    Parameters
    ----------
    open_pipeline
        Loads the networks and the body; called once, in a worker thread.
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    smoothing
        Whether poses are smoothed at first.
    """

    def __init__(
        self,
        open_pipeline: Callable[[], LivePipeline],
        call_in_main: Callable[[Callable[[], None]], None],
        *,
        smoothing: bool = True,
    ) -> None:
        self.status_changed: Event[[]] = Event()
        self.result_ready: Event[[FrameResult]] = Event()
        self.source_changed: Event[[]] = Event()
        self.pipeline_ready: Event[[LivePipeline]] = Event()
        self.smoothing_changed: Event[[]] = Event()
        self.recording_changed: Event[[]] = Event()
        self.recording_saved: Event[[Path]] = Event()
        self.failed: Event[[str]] = Event()

        self.status = Status.IDLE
        self.source: SourceChoice | None = None
        self.recording: RecordingRun | None = None
        self.pipeline: LivePipeline | None = None
        self._smoothing = smoothing
        self._open_pipeline = open_pipeline
        self._call_in_main = call_in_main
        self._live: LiveSession | None = None
        # Counts the sources opened: what an older one still says is ignored.
        self._generation = 0
        # Held while a source is opened or closed: two sessions must not share the pipeline.
        self._opening = threading.Lock()
        # Guards the newest result, which waits here until the main thread has time for it.
        self._result_lock = threading.Lock()
        self._waiting_result: tuple[int, FrameResult] | None = None

    @property
    def smoothing(self) -> bool:
        """Whether poses are smoothed."""
        return self._smoothing

    def set_smoothing(self, on: bool) -> None:
        """Switch smoothing; takes effect with the next frame."""
        self._smoothing = on
        if self.pipeline is not None:
            self.pipeline.smoothing = on
        self.smoothing_changed.emit()

    def open(self, choice: SourceChoice) -> None:
        """Leave the source in use and start another one; returns at once."""
        self.stop_recording()
        self._generation += 1
        old, self._live = self._live, None
        self.source = choice
        self._set_status(Status.OPENING)
        self.source_changed.emit()
        self._in_thread(self._change_source, old, choice, self._generation)

    def toggle_running(self) -> None:
        """Pause or go on; start again what has ended or failed."""
        if self.status is Status.RUNNING and self._live is not None:
            self._live.pause(True)
            self._set_status(Status.PAUSED)
        elif self.status is Status.PAUSED and self._live is not None:
            self._live.pause(False)
            self._set_status(Status.RUNNING)
        elif self.status is not Status.OPENING and self.source is not None:
            self.open(self.source)

    def stats(self) -> LiveStats | None:
        """How the running source is doing."""
        return None if self._live is None else self._live.stats()

    @property
    def can_record(self) -> bool:
        """Whether there is something to record."""
        return self.status in (Status.RUNNING, Status.PAUSED) and self.pipeline is not None

    def start_recording(self, folder: Path) -> None:
        """Record into a new file in ``folder``; a failure is told by :attr:`failed`."""
        if self.recording is not None or not self.can_record or self.pipeline is None:
            return
        path = folder / f"hmr-live_{datetime.now():%Y-%m-%d_%H-%M-%S}.npz"
        details = {"source": self.source.label if self.source else ""}
        try:
            self.recording = RecordingRun(path, self.pipeline.body, details)
        except HmrLiveError as error:
            self.failed.emit(str(error))
        self.recording_changed.emit()

    def stop_recording(self) -> None:
        """Finish the recording; :attr:`recording_saved` tells when the file is there."""
        recording, self.recording = self.recording, None
        if recording is not None:
            self.recording_changed.emit()
            self._in_thread(self._save, recording)

    def close(self) -> None:
        """End everything and wait for it; the program is about to leave."""
        self._generation += 1
        recording, self.recording = self.recording, None
        live, self._live = self._live, None
        if live is not None:
            live.stop()
        if recording is not None:
            self._save(recording)
        self._set_status(Status.IDLE)

    # The methods below run in worker threads.

    def _change_source(
        self, old: LiveSession | None, choice: SourceChoice, generation: int
    ) -> None:
        with self._opening:
            if old is not None:
                old.stop()
            try:
                live = self._new_live(choice, generation)
            except HmrLiveError as error:
                sentence = str(error)
                self._call_in_main(lambda: self._ended(generation, sentence))
                return
            except Exception as error:  # a bug must not leave the window waiting for ever
                _log.exception("cannot open %s", choice.label)
                sentence = f"{choice.label} cannot be opened by an unexpected error ({error})."
                self._call_in_main(lambda: self._ended(generation, sentence))
                return
            self._call_in_main(lambda: self._opened(generation, live))

    def _new_live(self, choice: SourceChoice, generation: int) -> LiveSession:
        pipeline = self.pipeline
        if pipeline is None:
            pipeline = self._open_pipeline()
            pipeline.smoothing = self._smoothing
            self.pipeline = pipeline
            ready = pipeline
            self._call_in_main(lambda: self.pipeline_ready.emit(ready))
        return LiveSession(
            open_source(choice.spec, realtime=True, loop=choice.loop),
            pipeline,
            on_result=lambda result: self._on_result(generation, result),
            on_error=lambda error: self._call_in_main(lambda: self._ended(generation, str(error))),
            on_end=lambda: self._call_in_main(lambda: self._ended(generation, None)),
        )

    def _on_result(self, generation: int, result: FrameResult) -> None:
        recording = self.recording
        if recording is not None and generation == self._generation:
            try:
                recording.add(result)
            except HmrLiveError as error:
                sentence = str(error)
                self._call_in_main(lambda: self._recording_failed(sentence))
        with self._result_lock:
            told = self._waiting_result is not None
            self._waiting_result = (generation, result)
        if not told:  # one call waits in the main thread's queue, never more
            self._call_in_main(self._deliver)

    def _save(self, recording: RecordingRun) -> None:
        try:
            path = recording.close()
        except HmrLiveError as error:
            sentence = str(error)
            self._call_in_main(lambda: self.failed.emit(sentence))
            return
        self._call_in_main(lambda: self.recording_saved.emit(path))

    # The methods below run in the main thread, called by the workers.

    def _deliver(self) -> None:
        with self._result_lock:
            waiting, self._waiting_result = self._waiting_result, None
        if waiting is not None and waiting[0] == self._generation:
            self.result_ready.emit(waiting[1])

    def _opened(self, generation: int, live: LiveSession) -> None:
        if generation != self._generation:
            self._in_thread(live.stop)
            return
        self._live = live
        if self.source is not None and isinstance(self.source.spec, int):
            # A camera told by number has told its own name by now.
            self.source = replace(self.source, label=live.source.name)
        live.start()
        self._set_status(Status.RUNNING)

    def _ended(self, generation: int, sentence: str | None) -> None:
        if generation != self._generation:
            return
        self._deliver()
        self.stop_recording()
        self._set_status(Status.ENDED if sentence is None else Status.FAILED)
        if sentence is not None:
            self.failed.emit(sentence)

    def _recording_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)
        self.stop_recording()

    def _set_status(self, status: Status) -> None:
        self.status = status
        self.status_changed.emit()

    def _in_thread(self, work: Callable[..., None], *arguments: object) -> None:
        # Daemons: a camera driver that hangs must not keep the program alive.
        threading.Thread(target=work, args=arguments, daemon=True, name="session work").start()
