"""The state of the running program, without Qt: source, status, settings, recording.

The window's views observe the events of an :class:`AppModel` and call its methods; both happen in
the main thread only.  Slow tasks (loading networks, opening and closing cameras) run in
short-lived threads that report back through ``call_in_main``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import open_source
from hmr_live.core.errors import HmrLiveError
from hmr_live.core.state import FrameResult
from hmr_live.live.frame_skip import FrameSkipExtrapolator
from hmr_live.live.session import FrameProcessor, LiveSession, LiveStats
from hmr_live.recovery.network_choice import AUTO
from hmr_live.streaming import Streams
from hmr_live.takes.info import DescribedNetwork, take_info
from hmr_live.takes.pre_roll import PRE_ROLL_S, PreRoll
from hmr_live.takes.recorder import TakeRecorder
from hmr_live_app.model.events import Event
from hmr_live_app.model.recording_controller import RecordingController
from hmr_live_app.model.source import SourceChoice, Status

_log = logging.getLogger(__name__)


class LivePipeline(FrameProcessor, Protocol):
    """What the window needs of a pipeline; see :class:`hmr_live.recovery.pipeline.Pipeline`."""

    body: BodyModel
    smoothing: bool
    people: int
    locked: int | None

    @property
    def network(self) -> DescribedNetwork:
        """The network, as recordings describe it."""
        ...

    def use_network(self, network: str | Path, *, fps: float) -> None:
        """See :meth:`hmr_live.recovery.pipeline.Pipeline.use_network`."""
        ...


class AppModel:
    """The program's state: one source at a time through one pipeline.

    Parameters
    ----------
    open_pipeline
        Loads the networks and the body; called once, in a worker thread.
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    smoothing
        Whether poses are smoothed at the start.
    """

    def __init__(
        self,
        open_pipeline: Callable[[], LivePipeline],
        call_in_main: Callable[[Callable[[], None]], None],
        *,
        smoothing: bool = True,
    ) -> None:
        self._recording_controller = RecordingController(call_in_main)
        self.status_changed: Event[[]] = Event()
        self.result_ready: Event[[FrameResult]] = Event()
        self.source_changed: Event[[]] = Event()
        self.pipeline_ready: Event[[LivePipeline]] = Event()
        self.recording_changed: Event[[]] = self._recording_controller.changed
        self.recording_saved: Event[[Path]] = self._recording_controller.saved
        self.failed: Event[[str]] = Event()
        self._recording_controller.failed.connect(self.failed.emit)

        self.status = Status.IDLE
        self.source: SourceChoice | None = None
        self.pipeline: LivePipeline | None = None
        self.streams = Streams()
        self._processor: FrameSkipExtrapolator | None = None
        self._frame_skip = False
        self._smoothing = smoothing
        self._people = 1
        self._network: str | Path = AUTO
        self._open_pipeline = open_pipeline
        self._call_in_main = call_in_main
        self._live: LiveSession | None = None
        self._pre_roll_s: float = PRE_ROLL_S
        self._pre_roll = PreRoll(live=True, seconds=PRE_ROLL_S)
        # Counts the sources opened: whatever still comes from an older one is ignored.
        self._generation = 0
        # Held while a source is opened or closed: two sources must not share the pipeline.
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
        self._recording_controller.add_marker(f"smoothing {'on' if on else 'off'}")

    def set_people(self, count: int) -> None:
        """Track up to ``count`` people; takes effect with the next frame."""
        self._people = count
        if self.pipeline is not None:
            self.pipeline.people = count

    @property
    def network(self) -> str | Path:
        """The network that was asked for: ``auto``, a shipped one's name, or a file."""
        return self._network

    def set_network(self, network: str | Path) -> None:
        """Use this network; a source that is open is opened again, so a recording ends."""
        if network == self._network:
            return
        self._network = network
        in_use = self.status in (Status.OPENING, Status.RUNNING, Status.PAUSED)
        if self.source is not None and in_use:
            self.open(self.source)

    @property
    def can_lock(self) -> bool:
        """Whether there may be several people to choose from."""
        return self._people > 1 and self.status in (Status.RUNNING, Status.PAUSED)

    def lock(self, track_id: int | None) -> None:
        """Make this person the leader as long as they are tracked; None: the largest one leads."""
        if self.pipeline is not None:
            self.pipeline.locked = track_id

    def as_locked(self, result: FrameResult) -> FrameResult:
        """The result, with the lock as it is now; it may have changed after processing began."""
        locked = None if self.pipeline is None else self.pipeline.locked
        if locked is None:
            return replace(result, locked=False) if result.locked else result
        if result.locked and result.leader_id == locked:
            return result
        if all(body.track_id != locked for body in result.bodies):
            return result
        return replace(result, leader_id=locked, locked=True)

    def set_pre_roll(self, seconds: float) -> None:
        """Let recordings begin so many seconds before the record button is pressed."""
        self._pre_roll_s = self._pre_roll.seconds = seconds

    def open(self, choice: SourceChoice) -> None:
        """Close the source in use and start another one; returns at once."""
        self.stop_recording()
        self._generation += 1
        old, self._live = self._live, None
        self.source = choice
        self._set_status(Status.OPENING)
        self.source_changed.emit()
        self._start_thread(self._change_source, old, choice, self._generation)

    def leave(self) -> None:
        """Stop recording and close the source; :meth:`toggle_running` opens it again."""
        self.stop_recording()
        self._generation += 1
        old, self._live = self._live, None
        self._set_status(Status.IDLE)
        if old is not None:
            self._start_thread(self._stop, old)

    def toggle_running(self) -> None:
        """Pause or continue; restart a source that has ended or failed."""
        if self.status is Status.RUNNING and self._live is not None:
            self._live.pause(True)
            self._set_status(Status.PAUSED)
        elif self.status is Status.PAUSED and self._live is not None:
            self._live.pause(False)
            self._set_status(Status.RUNNING)
        elif self.status is not Status.OPENING and self.source is not None:
            self.open(self.source)

    def set_frame_skip(self, on: bool) -> None:
        """Recover only every other frame and predict those between, from the next frame on."""
        self._frame_skip = on
        if self._processor is not None:
            self._processor.on = on

    def stats(self) -> LiveStats | None:
        """Statistics of the running source."""
        return None if self._live is None else self._live.stats()

    @property
    def is_live(self) -> bool:
        """Whether frames come at the source's own pace, stamped when they are captured."""
        return self._live is not None and self._live.source.live

    @property
    def camera_problem(self) -> str | None:
        """Message for the user while the camera is lost; else None."""
        runs = self.status in (Status.RUNNING, Status.PAUSED)
        return self._live.problem if runs and self._live is not None else None

    @property
    def can_record(self) -> bool:
        """Whether there is something to record."""
        return self.status in (Status.RUNNING, Status.PAUSED) and self.pipeline is not None

    @property
    def recording(self) -> TakeRecorder | None:
        """The take that is being recorded."""
        return self._recording_controller.recording

    def start_recording(self, folder: Path, *, video: bool = False) -> None:
        """Record a new take in ``folder``; :attr:`failed` reports what goes wrong.

        Parameters
        ----------
        folder
            Created if needed.
        video
            Whether to record the video too.
        """
        live, pipeline = self._live, self.pipeline
        if not self.can_record or live is None or pipeline is None:
            return
        source = live.source
        label = self.source.label if self.source else source.name
        info = take_info(pipeline, source=label, frame_size=source.size, live=source.live)
        # The video plays at the rate at which its frames arrive, not at the camera's.
        video_fps = (live.stats().fps or source.fps) if video else None
        self._recording_controller.start(folder, info, self._pre_roll, video_fps)

    def add_marker(self) -> None:
        """Add a marker to the recording."""
        self._recording_controller.add_marker()

    def stop_recording(self) -> None:
        """Finish the recording; :attr:`recording_saved` is emitted when the file is complete."""
        self._recording_controller.stop()

    def close(self) -> None:
        """Stop everything and wait for it; the program is about to quit."""
        self._generation += 1
        live, self._live = self._live, None
        if live is not None:
            live.stop()
        self._recording_controller.close()
        self.streams.stop_all()
        self._set_status(Status.IDLE)

    # The methods below run in worker threads.

    def _stop(self, live: LiveSession) -> None:
        with self._opening:
            live.stop()

    def _change_source(
        self, old: LiveSession | None, choice: SourceChoice, generation: int
    ) -> None:
        with self._opening:
            if old is not None:
                old.stop()
            try:
                live, pre_roll = self._new_live(choice, generation)
            except HmrLiveError as error:
                message = str(error)
                self._call_in_main(lambda: self._ended(generation, message))
                return
            except Exception as error:  # a bug must not leave the window waiting for ever
                _log.exception("cannot open %s", choice.label)
                message = (
                    f"{choice.label} could not be opened because of an unexpected error ({error})."
                )
                self._call_in_main(lambda: self._ended(generation, message))
                return
            self._call_in_main(lambda: self._opened(generation, live, pre_roll))

    def _new_live(self, choice: SourceChoice, generation: int) -> tuple[LiveSession, PreRoll]:
        pipeline = self.pipeline
        if pipeline is None:
            pipeline = self._open_pipeline()
            pipeline.smoothing = self._smoothing
            pipeline.people = self._people
            self.pipeline = pipeline
            self._processor = FrameSkipExtrapolator(pipeline)
            self._processor.on = self._frame_skip
            ready = pipeline
            self._call_in_main(lambda: self.pipeline_ready.emit(ready))
        source = open_source(choice.spec, realtime=True, loop=choice.loop)
        try:
            pipeline.use_network(self._network, fps=source.fps)
        except BaseException:
            source.close()
            raise
        pre_roll = PreRoll(live=source.live, seconds=self._pre_roll_s)
        live = LiveSession(
            source,
            self._processor or pipeline,
            on_result=lambda result: self._on_result(generation, pre_roll, result),
            on_error=lambda error: self._call_in_main(lambda: self._ended(generation, str(error))),
            on_end=lambda: self._call_in_main(lambda: self._ended(generation, None)),
        )
        return live, pre_roll

    def _on_result(self, generation: int, pre_roll: PreRoll, result: FrameResult) -> None:
        pre_roll.add(result)
        if generation == self._generation:
            self.streams.send(result)
        with self._result_lock:
            pending = self._waiting_result is not None
            self._waiting_result = (generation, result)
        if not pending:  # one call waits in the main thread's queue, never more
            self._call_in_main(self._deliver)

    # The methods below run in the main thread, called by the workers.

    def _deliver(self) -> None:
        with self._result_lock:
            waiting, self._waiting_result = self._waiting_result, None
        if waiting is not None and waiting[0] == self._generation:
            self.result_ready.emit(self.as_locked(waiting[1]))

    def _opened(self, generation: int, live: LiveSession, pre_roll: PreRoll) -> None:
        if generation != self._generation:
            self._start_thread(live.stop)
            return
        self._live, self._pre_roll = live, pre_roll
        pre_roll.seconds = self._pre_roll_s
        if self.source is not None and self.source.is_camera:
            # A camera opened by number has given its own name by now.
            self.source = replace(self.source, label=live.source.name)
        live.start()
        self._set_status(Status.RUNNING)

    def _ended(self, generation: int, message: str | None) -> None:
        if generation != self._generation:
            return
        self._deliver()
        self.stop_recording()
        self._set_status(Status.ENDED if message is None else Status.FAILED)
        if message is not None:
            self.failed.emit(message)

    def _set_status(self, status: Status) -> None:
        self.status = status
        self.status_changed.emit()

    def _start_thread(self, task: Callable[..., None], *arguments: object) -> None:
        # Daemons: a camera driver that hangs must not keep the program alive.
        threading.Thread(target=task, args=arguments, daemon=True, name="change source").start()
