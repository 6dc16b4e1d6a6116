"""Hand the files of an archive to workers and collect what becomes of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hmr_live.batch.archive.archive_report import ArchiveReport
from hmr_live.batch.archive.inputs import Job
from hmr_live.batch.archive.job_record import finished_record
from hmr_live.batch.archive.leases import Leases, holder_of
from hmr_live.batch.archive.worker import JobProgress, Outcome, State

#: How long to wait for news before the display is brought up to date.
_WAIT_S: Final = 0.5
#: Files that others work on are looked at again after this time.
LOOK_AGAIN_S: Final = 3.0


class WorkerPool(Protocol):
    """Workers that do jobs at the same time."""

    @property
    def free(self) -> int:
        """How many more jobs it takes now."""
        ...

    def submit(self, job: Job) -> None:
        """Begin a job; only when :attr:`free` is not 0."""
        ...

    def collect(self, seconds: float) -> list[JobProgress | Outcome]:
        """Wait at most so long for news; raises HmrLiveError when the workers cannot go on."""
        ...

    def stop(self) -> None:
        """End all workers; what they were doing is dropped."""
        ...


@dataclass
class ArchiveProgress:
    """How far a run is.

    Attributes
    ----------
    files, bytes
        Of the whole archive.
    outcomes
        Of the files that are through, in the order in which they got there.
    bytes_through
        Bytes of those, and the share of the others that is done.
    bytes_worked
        The same without the files that were finished before.
    frames
        Frames processed by this run.
    seconds
        Since its start.
    waiting_for
        Names of machines that work on the files that are left; empty while there is work here.
    """

    files: int
    bytes: int
    outcomes: list[Outcome] = field(default_factory=list)
    bytes_through: float = 0.0
    bytes_worked: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    waiting_for: tuple[str, ...] = ()


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

    Files that another run works on are left to it; at the end the run waits for them, and takes
    them over if that run dies.

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
        Called for each file that is through, but not for those finished before the start.
    stopped
        Asked twice a second or more often; True ends the run early with a report that says so.
        A KeyboardInterrupt does too, but may strike between a claim and its entry in the books:
        that claim stays behind until somebody finds this process dead.

    Raises
    ------
    HmrLiveError
        If the workers cannot go on; what is finished is kept.
    """
    interrupted = False
    with Leases() as leases:
        run = _Run(jobs, settings, pool, leases, on_progress, on_outcome)
        try:
            interrupted = not run.until_all_are_through(stopped)
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
        #: What this run works on, with the last progress.
        self._running: dict[str, JobProgress] = {}
        # The longest first, so that no worker is left alone with it at the end.
        self._waiting = deque(sorted(jobs, key=lambda job: -job.size))
        #: What others work on, and when to look again.
        self._elsewhere: list[Job] = []
        self._look_again = 0.0
        #: Of the files that are through.
        self._bytes_through = self._bytes_worked = self._frames = 0

    def until_all_are_through(self, stopped: Callable[[], bool]) -> bool:
        """Work until no file is left, neither here nor in the hands of others.

        Returns
        -------
        bool
            False where ``stopped`` has ended the work early.
        """
        self._skip_finished(stopped)
        while self._waiting or self._elsewhere or self._running:
            if stopped():
                return False
            self._hand_out()
            if self._waiting or self._elsewhere or self._running:
                for news in self._pool.collect(_WAIT_S):
                    self._take_in(news)
            self._show()
        return True

    def _skip_finished(self, stopped: Callable[[], bool]) -> None:
        """Settle what is finished before any worker is started."""
        for _ in range(len(self._waiting)):
            if stopped():
                return
            job = self._waiting.popleft()
            if not self._is_finished(job):
                self._waiting.append(job)
        self._show()

    def _hand_out(self) -> None:
        if self._elsewhere and not self._waiting and time.monotonic() >= self._look_again:
            self._waiting.extend(self._elsewhere)
            self._elsewhere.clear()
        while self._waiting and self._pool.free:
            job = self._waiting.popleft()
            leased = self._leases.acquire(job)
            if self._is_finished(job):  # by another run, since the start
                if leased:
                    self._leases.release(job)
            elif not leased:
                self._elsewhere.append(job)
                self._look_again = time.monotonic() + LOOK_AGAIN_S
            else:
                self._running[job.name] = JobProgress(job.name, 0, 0)
                self._pool.submit(job)

    def _is_finished(self, job: Job) -> bool:
        record = finished_record(job.source, job.out, self._settings)
        if record is None:
            return False
        self._settle(Outcome.of(job.name, State.FINISHED_BEFORE, record))
        return True

    def _take_in(self, news: JobProgress | Outcome) -> None:
        if isinstance(news, JobProgress):
            self._running[news.name] = news
            return
        del self._running[news.name]
        self._leases.release(self._jobs[news.name])
        self._settle(news)
        self._on_outcome(news)

    def _settle(self, outcome: Outcome) -> None:
        self.progress.outcomes.append(outcome)
        size = self._jobs[outcome.name].size
        self._bytes_through += size
        if outcome.state is not State.FINISHED_BEFORE:
            self._bytes_worked += size
            self._frames += outcome.frames

    def _show(self) -> None:
        running = self._running.values()
        begun = sum(
            self._jobs[at.name].size * min(at.frames / at.total, 1.0) for at in running if at.total
        )
        progress = self.progress
        progress.bytes_through = self._bytes_through + begun
        progress.bytes_worked = self._bytes_worked + begun
        progress.frames = self._frames + sum(at.frames for at in running)
        progress.seconds = time.monotonic() - self._start
        idle = not self._running and not self._waiting
        progress.waiting_for = (
            tuple(sorted({holder_of(job) for job in self._elsewhere})) if idle else ()
        )
        self._on_progress(progress)
