"""One file of an archive, from the video to the finished folder."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from hmr_live.batch.archive.inputs import Job
from hmr_live.batch.archive.job_record import InputFile, Record, read_record
from hmr_live.batch.offline import run_offline
from hmr_live.capture.sources import FrameSource, open_source
from hmr_live.core.errors import ArchiveError, BackendError, HmrLiveError, SourceError
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.takes.recorder import KEEP_FREE_BYTES

logger = logging.getLogger(__name__)

#: Free disk space is checked this often.
_DISK_CHECK_S: Final = 2.0


@dataclass(frozen=True)
class JobSpec:
    """How to process a file; can be sent to another process or machine.

    Attributes
    ----------
    open_pipeline
        Makes the pipeline; a function that can be pickled.
    settings
        What the results depend on besides the input, as JSON values: two runs with equal
        settings give equal results.
    overlay
        Whether to draw and write the video.
    keep_free
        Bytes to leave free on the disk.
    """

    open_pipeline: Callable[[], Pipeline]
    settings: Mapping[str, Any]
    overlay: bool = True
    keep_free: int = KEEP_FREE_BYTES


class State(Enum):
    """State of a processed file."""

    DONE = "done"
    #: Finished by an earlier run, or by another one in parallel.
    FINISHED_BEFORE = "finished before"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one file.

    Attributes
    ----------
    name
        See :class:`hmr_live.batch.archive.inputs.Job`.
    state
        Whether it is done.
    problem
        Message that says why it failed; empty if it did not.
    frames, frames_with_body, seconds, notes
        As in :class:`hmr_live.batch.offline.RunSummary`.
    """

    name: str
    state: State
    problem: str = ""
    frames: int = 0
    frames_with_body: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, state: State, record: Record) -> Outcome:
        """Outcome of a finished job."""
        return cls(
            name,
            state,
            frames=record.frames,
            frames_with_body=record.frames_with_body,
            seconds=record.seconds,
            notes=record.notes,
        )


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Progress of a file: frames done, and frames in total (0 if unknown)."""

    name: str
    frames: int
    total: int


class StopWork(Exception):  # noqa: N818  (a request, not an error)
    """Raised by the caller's ``on_frame`` to stop a job; nothing of it is kept."""


class Worker:
    """Processes jobs, one at a time, with one pipeline.

    Parameters
    ----------
    job_spec
        How to process a file.

    Raises
    ------
    HmrLiveError
        If the pipeline cannot be opened.
    """

    def __init__(self, job_spec: JobSpec) -> None:
        self._job_spec = job_spec
        self._pipeline = job_spec.open_pipeline()

    def process(self, job: Job, on_frame: Callable[[JobProgress], None]) -> Outcome:
        """Process one file; a fault of the file itself gives a failed outcome.

        The results are written to a hidden folder, which gets its final name when complete.

        Parameters
        ----------
        job
            The file; the caller holds its lease.
        on_frame
            Called after every frame; may raise :class:`StopWork`.

        Raises
        ------
        ArchiveError
            If the disk is full: the next file would fail too.
        HmrLiveError
            If the pipeline failed and cannot be opened again.
        StopWork
            As raised by ``on_frame``.
        """
        try:
            return self._process_file(job, on_frame)
        except (StopWork, ArchiveError):
            raise
        except BackendError as error:
            # After a failure the device may be unusable: start afresh for the next file.
            self._pipeline.close()
            self._pipeline = self._job_spec.open_pipeline()
            return Outcome(job.name, State.FAILED, str(error))
        except HmrLiveError as error:
            self._require_room(job)
            return Outcome(job.name, State.FAILED, str(error))
        except OSError as error:
            self._require_room(job)
            return Outcome(
                job.name, State.FAILED, f"{job.source.name}: {error.strerror or error}: {_ADVICE}"
            )
        except Exception as error:  # one strange file must not stop the others
            logger.exception("%s has failed", job.source)
            return Outcome(
                job.name,
                State.FAILED,
                f"{job.source.name} ended in an unexpected error ({error!r}): {_ADVICE}",
            )

    def _process_file(self, job: Job, on_frame: Callable[[JobProgress], None]) -> Outcome:
        # The source first: its messages say best what is wrong with a file.
        with closing(open_source(job.source)) as source:
            input_file = InputFile.of(job.source)
            record = self._reusable_record(job, input_file)
            if record is not None:
                return Outcome.of(job.name, State.FINISHED_BEFORE, record)
            self._require_room(job)
            part = _part_folder(job)
            try:
                record = self._recover(job, source, input_file, part, on_frame)
                _move_into_place(part, job.out)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return Outcome.of(job.name, State.DONE, record)

    def _recover(
        self,
        job: Job,
        source: FrameSource,
        input_file: InputFile,
        folder: Path,
        on_frame: Callable[[JobProgress], None],
    ) -> Record:
        """Write the results into the folder, the record last."""
        total = int(getattr(source, "frame_count", 0))
        checked_at = time.monotonic()

        def report(frames: int) -> None:
            nonlocal checked_at
            if time.monotonic() - checked_at > _DISK_CHECK_S:
                checked_at = time.monotonic()
                self._require_room(job)
            on_frame(JobProgress(job.name, frames, total))

        summary = run_offline(
            source, self._pipeline, folder, overlay=self._job_spec.overlay, progress=report
        )
        if not input_file.is_unchanged(job.source):
            raise SourceError(
                f"{job.source.name} changed while it was being read: start the run again when "
                "it is complete."
            )
        record = Record(
            input=input_file,
            settings=self._job_spec.settings,
            files=tuple(summary.files.values()),
            frames=summary.frames,
            frames_with_body=summary.frames_with_body,
            seconds=summary.seconds,
            notes=tuple(summary.notes),
        )
        record.write(folder)
        return record

    def _reusable_record(self, job: Job, input_file: InputFile) -> Record | None:
        """Record of finished results for the same content, updated if only the time differs."""
        record = read_record(job.out)
        if record is None or not record.is_complete(job.out, self._job_spec.settings):
            return None
        if record.input.sha256 != input_file.sha256:
            return None
        with suppress(OSError):  # otherwise the file is merely hashed again next time
            replace(record, input=input_file).write(job.out)
        return record

    def _require_room(self, job: Job) -> None:
        folder = job.out.parent
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < self._job_spec.keep_free:
            raise ArchiveError(
                f"The disk of {folder} has only {free / 1e6:.0f} MB left: make room, then start "
                "the same command again; what is finished is kept."
            )


_ADVICE: Final = "check the file, then start the run again."


def _part_folder(job: Job) -> Path:
    """Path of a new hidden folder beside the final one; leftovers of dead runs are removed."""
    prefix, suffix = f".{job.out.name}.", ".part"
    for path in job.out.parent.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(suffix):
            shutil.rmtree(path, ignore_errors=True)
    return job.out.with_name(f"{prefix}{platform.node()}-{os.getpid()}{suffix}")


def _move_into_place(part: Path, out: Path) -> None:
    """Move a complete folder to its final name, replacing an earlier one."""
    if out.exists():
        earlier = part.with_name(f"{part.name}.earlier.part")
        out.rename(earlier)
        part.rename(out)
        shutil.rmtree(earlier, ignore_errors=True)
    else:
        part.rename(out)
