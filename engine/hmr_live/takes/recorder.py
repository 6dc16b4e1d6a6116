"""Record a take while the pipeline runs: a queue, a writer thread and a sync thread."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hmr_live.core.errors import RecordingError
from hmr_live.core.state import Frame
from hmr_live.takes.header import VIDEO_SUFFIX
from hmr_live.takes.records import TakeFrame, body_records
from hmr_live.takes.take import Marker
from hmr_live.takes.video import VideoRecorder
from hmr_live.takes.writer import TakeWriter

logger = logging.getLogger(__name__)

#: A recording stops when fewer bytes than this are free on the disk.
KEEP_FREE_BYTES: Final = 200_000_000
#: Frames that may wait for a slow disk, about 30 seconds.
QUEUE_LIMIT: Final = 900
#: The file is synced, and the free space checked, this often.
_SYNC_EVERY_S: Final = 1.0


class TakeRecorder:
    """Records into a new take; :meth:`add` never waits for the disk.

    Frames wait in a queue.  When the disk is so slow that :data:`QUEUE_LIMIT` of them wait, further
    ones are dropped and counted.

    Parameters
    ----------
    path
        The new take; it must not exist yet.
    info
        See :func:`hmr_live.takes.info.take_info`.
    video_fps
        Frame rate of a video written beside the take; None writes none.
    keep_free
        Bytes to leave free on the disk.
    queue_limit
        Frames that may wait.
    on_error
        Called in a thread of the recorder with a message when the recording has to stop
        (:attr:`stopped` is then True) or continues without its video.

    Attributes
    ----------
    path
        As given.
    dropped
        Frames that were not recorded because too many were waiting.
    markers
        Markers set so far.
    free_bytes
        Free space on the disk, checked once a second.

    Raises
    ------
    RecordingError
        If the file cannot be written, exists, or the disk is nearly full.
    """

    def __init__(
        self,
        path: Path,
        info: Mapping[str, Any],
        *,
        video_fps: float | None = None,
        keep_free: int = KEEP_FREE_BYTES,
        queue_limit: int = QUEUE_LIMIT,
        on_error: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.dropped = self.markers = 0
        self._keep_free, self._queue_limit = keep_free, queue_limit
        self._on_error = on_error
        self._started = time.monotonic()
        self._last_time: float | None = None
        video_path = path.with_suffix(VIDEO_SUFFIX)
        named = {"video": video_path.name} if video_fps else {}
        self._writer = TakeWriter(path, {**info, **named})
        self._refuse_full_disk()
        # Unbounded, so that putting never blocks; add() checks its length.
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        # Two threads may have to stop the recording; the first one's error is reported.
        self._stop_lock = threading.Lock()
        self._failure: RecordingError | None = None
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._write_all, name="take writer", daemon=True),
            # Syncing may take long on a busy disk; meanwhile frames must keep leaving the
            # process, where a kill cannot lose them.
            threading.Thread(target=self._sync_until_closed, name="take sync", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._video = (
            VideoRecorder(video_path, video_fps, on_written=self._on_video_frame, on_error=on_error)
            if video_fps
            else None
        )

    @property
    def seconds(self) -> float:
        """Seconds since the start, without the pre-roll."""
        return time.monotonic() - self._started

    @property
    def frames(self) -> int:
        """Frames in the file so far, including those without a person."""
        return self._writer.frames

    @property
    def video_dropped(self) -> int:
        """Frames that did not reach the video."""
        return 0 if self._video is None else self._video.dropped

    @property
    def stopped(self) -> bool:
        """Whether the recording had to stop; :meth:`close` then saves what was written."""
        return self._failure is not None

    def add(self, frame: TakeFrame, picture: Frame | None = None) -> None:
        """Record a frame; takes microseconds.

        Parameters
        ----------
        frame
            Its parameters.
        picture
            The frame itself, for the video.
        """
        if self._failure is not None:
            return
        self._last_time = frame.time
        if self._queue.qsize() >= self._queue_limit:
            self.dropped += 1
            return
        self._queue.put(lambda: self._write_frame(frame))
        if self._video is not None and picture is not None:
            self._video.add(picture)

    def add_earlier(self, frames: Sequence[TakeFrame]) -> None:
        """Record frames from before the start; none of them is dropped, however many."""
        if frames:
            self._last_time = frames[-1].time
            self._queue.put(lambda: self._write_frames(frames))

    def add_marker(self, label: str) -> None:
        """Mark the newest frame."""
        self.markers += 1
        moment = time.monotonic() if self._last_time is None else self._last_time
        self._queue.put(lambda: self._writer.add_marker(Marker(moment, label)))

    def close(self) -> Path:
        """Write the queued frames, finish the files and return the take's path.

        Raises
        ------
        RecordingError
            If nobody was in sight at any time; the take is then removed, unless there is a
            video.
        """
        if self._video is not None:
            self._video.close()
        self._queue.put(None)
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._writer.close(dropped=self.dropped, video_dropped=self.video_dropped)
        if not self._writer.frames_with_body and self._video is None:
            self.path.unlink(missing_ok=True)
            raise RecordingError(
                "Nobody was in sight while recording, so there is nothing to save."
            )
        return self.path

    def _refuse_full_disk(self) -> None:
        """Remove the new file again if there is no room for it."""
        try:
            self._check_disk()
        except RecordingError:
            self._writer.close()
            self.path.unlink(missing_ok=True)
            raise

    def _check_disk(self) -> None:
        self.free_bytes = shutil.disk_usage(self.path.parent).free
        if self.free_bytes < self._keep_free:
            raise RecordingError(
                f"The disk of {self.path.parent} has only {self.free_bytes / 1e6:.0f} MB left, so "
                "nothing more is recorded there: make room or choose another folder."
            )

    def _on_video_frame(self, number: int, moment: float) -> None:
        self._queue.put(lambda: self._writer.add_video_frame(number, moment))

    def _write_frame(self, frame: TakeFrame) -> None:
        bodies = body_records(frame.bodies)
        self._writer.add_frame(frame.time, frame.unix_time, frame.frame_index, bodies)

    def _write_frames(self, frames: Sequence[TakeFrame]) -> None:
        for frame in frames:
            self._write_frame(frame)

    def _write_all(self) -> None:
        while (write := self._queue.get()) is not None:
            if self._failure is not None:
                continue
            self._guard(write)

    def _sync_until_closed(self) -> None:
        while not self._closing.wait(_SYNC_EVERY_S) and self._failure is None:
            self._guard(self._writer.sync)
            self._guard(self._check_disk)

    def _guard(self, work: Callable[[], None]) -> None:
        """Run some work; any error stops the recording with a message."""
        try:
            work()
        except RecordingError as error:
            self._stop(error)
        except OSError as error:
            self._stop(
                RecordingError(
                    f"The recording {self.path.name} had to stop ({error.strerror}): check the "
                    f"disk; its {self.frames} frames are kept."
                )
            )
        except Exception as error:  # a bug must not lose the recorded frames silently
            logger.exception("The recording has failed")
            self._stop(
                RecordingError(
                    f"The recording {self.path.name} was stopped by an unexpected error ({error}): "
                    "start a new one."
                )
            )

    def _stop(self, error: RecordingError) -> None:
        with self._stop_lock:
            if self._failure is not None:
                return
            self._failure = error
        self._on_error(str(error))
