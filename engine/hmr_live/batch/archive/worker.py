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

#: The free space of the disk is looked at this often.
_LOOK_AT_DISK_S: Final = 2.0


@dataclass(frozen=True)
class JobSpec:
    """How to process a file; can be sent to another process or machine.

    Attributes
    ----------
    open_pipeline
        Makes the pipeline; a function that can be pickled.
    settings
        What the results depend on besides the input, as JSON can hold it: two runs with equal
        settings make equal results.
    overlay
        Whether to draw and write the video.
    keep_free
        Bytes of the disk that are left free.
    """

    open_pipeline: Callable[[], Pipeline]
    settings: Mapping[str, Any]
    overlay: bool = True
    keep_free: int = KEEP_FREE_BYTES


class State(Enum):
    """What became of a file."""

    DONE = "done"
    #: Finished by an earlier run, or by another one at the same time.
    FINISHED_BEFORE = "finished before"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a file, and why.

    Attributes
    ----------
    name
        See :class:`hmr_live.batch.archive.inputs.Job`.
    state
        What became of it.
    problem
        The sentence that says why it failed; empty where it did not.
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
    """How far a file is: frames done, and those that it announces (0 when it does not)."""

    name: str
    frames: int
    total: int


class StopWork(Exception):  # noqa: N818  (a request, not an error)
    """Raised by the caller's ``on_frame`` to end a job early; nothing of it is kept."""


class Worker:
    """Does jobs, one at a time, with one pipeline.

    Parameters
    ----------
    recipe
        How.

    Raises
    ------
    HmrLiveError
        If the pipeline cannot be opened.
    """

    def __init__(self, job_spec: JobSpec) -> None:
        self._job_spec = job_spec
        self._pipeline = job_spec.open_pipeline()

    def do(self, job: Job, on_frame: Callable[[JobProgress], None]) -> Outcome:
        """Process one file; what is wrong with the file itself ends in a failed outcome.

        The results are made in a hidden folder, which gets the final name when it is complete.

        Parameters
        ----------
        job
            The file; the caller holds its claim.
        on_frame
            Called after every frame; may raise :class:`StopWork`.

        Raises
        ------
        ArchiveError
            If the disk has no room left: the next file would fare no better.
        HmrLiveError
            If the pipeline broke and cannot be opened again.
        StopWork
            As raised by ``on_frame``.
        """
        try:
            return self._do(job, on_frame)
        except (StopWork, ArchiveError):
            raise
        except BackendError as error:
            # What is left of a device after a failure helps no other file.
            self._pipeline.close()
            self._pipeline = self._job_spec.open_pipeline()
            return Outcome(job.name, State.FAILED, str(error))
        except HmrLiveError as error:
            self._require_room(job)
            return Outcome(job.name, State.FAILED, str(error))
        except OSError as error:
            self._require_room(job)
            return Outcome(
                job.name, State.FAILED, f"{job.source.name}: {error.strerror or error}: {_CHECK}"
            )
        except Exception as error:  # one strange file must not cost the others
            logger.exception("%s has failed", job.source)
            return Outcome(
                job.name,
                State.FAILED,
                f"{job.source.name} ended in an unexpected error ({error!r}): {_CHECK}",
            )

    def _do(self, job: Job, on_frame: Callable[[JobProgress], None]) -> Outcome:
        # The source first: its sentences say best what is wrong with a file.
        with closing(open_source(job.source)) as source:
            input_file = InputFile.of(job.source)
            record = self._earlier(job, input_file)
            if record is not None:
                return Outcome.of(job.name, State.FINISHED_BEFORE, record)
            self._require_room(job)
            part = _part_folder(job)
            try:
                record = self._process(job, source, input_file, part, on_frame)
                _give_final_name(part, job.out)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return Outcome.of(job.name, State.DONE, record)

    def _process(
        self,
        job: Job,
        source: FrameSource,
        input_file: InputFile,
        folder: Path,
        on_frame: Callable[[JobProgress], None],
    ) -> Record:
        """Fill the folder with the results, and the record last."""
        total = int(getattr(source, "frame_count", 0))
        looked_at = time.monotonic()

        def report(frames: int) -> None:
            nonlocal looked_at
            if time.monotonic() - looked_at > _LOOK_AT_DISK_S:
                looked_at = time.monotonic()
                self._require_room(job)
            on_frame(JobProgress(job.name, frames, total))

        summary = run_offline(
            source, self._pipeline, folder, overlay=self._job_spec.overlay, progress=report
        )
        if not input_file.is_unchanged(job.source):
            raise SourceError(
                f"{job.source.name} was changed while it was read: start the run again when it is "
                "complete."
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

    def _earlier(self, job: Job, input_file: InputFile) -> Record | None:
        """The record of finished results of this very content, renewed if only the time differs."""
        record = read_record(job.out)
        if record is None or not record.is_complete(job.out, self._job_spec.settings):
            return None
        if record.input.sha256 != input_file.sha256:
            return None
        with suppress(OSError):  # without it the file is only read through again next time
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


_CHECK: Final = "look at the file, then start the run again."


def _part_folder(job: Job) -> Path:
    """Name of a fresh hidden folder beside the final one; what dead runs left is removed."""
    prefix, suffix = f".{job.out.name}.", ".part"
    for path in job.out.parent.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(suffix):
            shutil.rmtree(path, ignore_errors=True)
    return job.out.with_name(f"{prefix}{platform.node()}-{os.getpid()}{suffix}")


def _give_final_name(part: Path, out: Path) -> None:
    """Put a complete folder in the place of an earlier one; in between there is none."""
    if out.exists():
        earlier = part.with_name(f"{part.name}.earlier.part")
        out.rename(earlier)
        part.rename(out)
        shutil.rmtree(earlier, ignore_errors=True)
    else:
        part.rename(out)
