"""Distribute the files of an archive to workers and collect the outcomes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from hmr_live.batch.archive.archive_report import ArchiveProgress, ArchiveReport
from hmr_live.batch.archive.inputs import Job
from hmr_live.batch.archive.job_record import finished_record
from hmr_live.batch.archive.leases import Leases, holder_of
from hmr_live.batch.archive.worker import JobProgress, Outcome, State

#: How long to wait for messages before the display is updated.
_WAIT_S: Final = 0.5
#: Files that other runs work on are checked again after this time.
CHECK_AGAIN_S: Final = 3.0


class WorkerPool(Protocol):
    """Workers that process jobs in parallel."""

    @property
    def free(self) -> int:
        """How many more jobs can be submitted now."""
        ...

    def submit(self, job: Job) -> None:
        """Start a job; only when :attr:`free` is not 0."""
        ...

    def collect(self, seconds: float) -> list[JobProgress | Outcome]:
        """Wait at most so long for messages; raises HmrLiveError when the workers cannot go on."""
        ...

    def stop(self) -> None:
        """Stop all workers; unfinished jobs are dropped."""
        ...


def run_archive(
    jobs: Sequence[Job],
    settings: Mapping[str, Any],
    pool: WorkerPool,
    *,
    on_progress: Callable[[ArchiveProgress], None] = lambda _: None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> ArchiveReport:
    """Process every file that is not finished yet.

    Files that another run has leased are left to it; at the end this run waits for them, and takes
    them over if the leases expire.

    Parameters
    ----------
    jobs
        The files.
    settings
        See :class:`hmr_live.batch.archive.worker.JobSpec`.
    pool
        The workers; stopped at the end.
    on_progress
        Called twice a second or more often.
    on_outcome
        Called for each file that is done with, but not for those finished before the start.
    stopped
        Called twice a second or more often; True stops the run early, with a report that says so.
        A KeyboardInterrupt does too, but may strike between taking a lease and recording it: that
        lease then stays behind until it expires.

    Raises
    ------
    HmrLiveError
        If the workers cannot go on; what is finished is kept.
    """
    interrupted = False
    with Leases() as leases:
        run = _Run(jobs, settings, pool, leases, on_progress, on_outcome)
        try:
            interrupted = not run.until_done(stopped)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            pool.stop()
    return ArchiveReport.of(jobs, run.progress, settings, interrupted=interrupted)


class _Run:
    def __init__(
        self,
        jobs: Sequence[Job],
        settings: Mapping[str, Any],
        pool: WorkerPool,
        leases: Leases,
        on_progress: Callable[[ArchiveProgress], None],
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._settings, self._pool, self._leases = settings, pool, leases
        self._on_progress, self._on_outcome = on_progress, on_outcome
        self._start = time.monotonic()
        self.progress = ArchiveProgress(len(jobs), sum(job.size for job in jobs))
        #: Files that this run works on, with their last progress.
        self._running: dict[str, JobProgress] = {}
        # The largest first, so that no worker is left alone with one at the end.
        self._waiting = deque(sorted(jobs, key=lambda job: -job.size))
        #: Files that others work on, and when to check again.
        self._leased_elsewhere: list[Job] = []
        self._check_again = 0.0
        #: Totals of the files that are done with.
        self._bytes_done = self._bytes_worked = self._frames = 0

    def until_done(self, stopped: Callable[[], bool]) -> bool:
        """Work until no file is left, neither here nor with other runs.

        Returns
        -------
        bool
            False if ``stopped`` has ended the work early.
        """
        self._skip_finished(stopped)
        while self._waiting or self._leased_elsewhere or self._running:
            if stopped():
                return False
            self._submit_jobs()
            if self._waiting or self._leased_elsewhere or self._running:
                for message in self._pool.collect(_WAIT_S):
                    self._handle(message)
            self._publish()
        return True

    def _skip_finished(self, stopped: Callable[[], bool]) -> None:
        """Record what is already finished before any worker is started."""
        for _ in range(len(self._waiting)):
            if stopped():
                return
            job = self._waiting.popleft()
            if not self._is_finished(job):
                self._waiting.append(job)
        self._publish()

    def _submit_jobs(self) -> None:
        if self._leased_elsewhere and not self._waiting and time.monotonic() >= self._check_again:
            self._waiting.extend(self._leased_elsewhere)
            self._leased_elsewhere.clear()
        while self._waiting and self._pool.free:
            job = self._waiting.popleft()
            leased = self._leases.acquire(job)
            if self._is_finished(job):  # by another run, since the start
                if leased:
                    self._leases.release(job)
            elif not leased:
                self._leased_elsewhere.append(job)
                self._check_again = time.monotonic() + CHECK_AGAIN_S
            else:
                self._running[job.name] = JobProgress(job.name, 0, 0)
                self._pool.submit(job)

    def _is_finished(self, job: Job) -> bool:
        record = finished_record(job.source, job.out, self._settings)
        if record is None:
            return False
        self._record(Outcome.of(job.name, State.FINISHED_BEFORE, record))
        return True

    def _handle(self, message: JobProgress | Outcome) -> None:
        if isinstance(message, JobProgress):
            self._running[message.name] = message
            return
        del self._running[message.name]
        self._leases.release(self._jobs[message.name])
        self._record(message)
        self._on_outcome(message)

    def _record(self, outcome: Outcome) -> None:
        self.progress.outcomes.append(outcome)
        size = self._jobs[outcome.name].size
        self._bytes_done += size
        if outcome.state is not State.FINISHED_BEFORE:
            self._bytes_worked += size
            self._frames += outcome.frames

    def _publish(self) -> None:
        running = self._running.values()
        in_work = sum(
            self._jobs[job.name].size * min(job.frames / job.total, 1.0)
            for job in running
            if job.total
        )
        progress = self.progress
        progress.bytes_done = self._bytes_done + in_work
        progress.bytes_worked = self._bytes_worked + in_work
        progress.frames = self._frames + sum(job.frames for job in running)
        progress.seconds = time.monotonic() - self._start
        idle = not self._running and not self._waiting
        progress.waiting_for = (
            tuple(sorted({holder_of(job) for job in self._leased_elsewhere})) if idle else ()
        )
        self._on_progress(progress)
