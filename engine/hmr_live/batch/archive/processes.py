"""Worker processes on this machine; one that crashes loses only its own file."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final

import cv2

from hmr_live.batch.archive.inputs import Job
from hmr_live.batch.archive.worker import JobProgress, JobSpec, Outcome, State, StopWork, Worker
from hmr_live.core.errors import ArchiveError, HmrLiveError

#: Progress is reported at most this often.
_REPORT_EVERY_S: Final = 0.2
#: A worker that has not stopped by itself after this long is killed.
_STOP_TIMEOUT_S: Final = 10.0

#: Threads, OpenGL and the inference runtimes do not survive a fork.
_CONTEXT: Final = multiprocessing.get_context("spawn")


class ProcessPool:
    """Worker processes; see :class:`hmr_live.batch.archive.run.WorkerPool`.

    Parameters
    ----------
    job_spec
        How to process a file.
    size
        Number of processes.
    threads
        Threads of OpenCV in each process; those of the networks come with the job spec.
    """

    def __init__(self, job_spec: JobSpec, size: int, *, threads: int = 1) -> None:
        self._job_spec, self._threads = job_spec, threads
        self._workers: list[_Process] = []
        self.size = size

    @property
    def free(self) -> int:
        """How many more jobs can be submitted now."""
        return self.size - sum(worker.job is not None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker, or to a new one."""
        worker = next((w for w in self._workers if w.job is None), None)
        if worker is None:
            worker = _start(self._job_spec, self._threads)
            self._workers.append(worker)
        worker.job = job
        with contextlib.suppress(OSError):  # a dead worker is found by collect()
            worker.connection.send(job)

    def collect(self, seconds: float) -> list[JobProgress | Outcome]:
        """Wait at most so long for messages, and return what there is.

        Raises
        ------
        ArchiveError
            If a worker died before it was ready.
        HmrLiveError
            If a worker cannot go on: no pipeline, no room on the disk.
        """
        if not self._workers:
            time.sleep(seconds)
            return []
        messages: list[JobProgress | Outcome] = []
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection), seconds):
            assert isinstance(connection, Connection)
            messages += self._messages_from(by_connection[connection])
        return messages

    def stop(self) -> None:
        """Stop all workers; unfinished jobs are dropped."""
        for worker in self._workers:
            worker.connection.close()  # checked between two frames
        give_up = time.monotonic() + _STOP_TIMEOUT_S
        for worker in self._workers:
            worker.process.join(max(give_up - time.monotonic(), 0))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _messages_from(self, worker: _Process) -> list[JobProgress | Outcome]:
        messages: list[JobProgress | Outcome] = []
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if isinstance(message, HmrLiveError):
                    raise message
                if message is None:
                    worker.ready = True
                    continue
                if isinstance(message, Outcome):
                    worker.job = None
                messages.append(message)
        except (EOFError, OSError):
            messages += self._reap(worker)
        return messages

    def _reap(self, worker: _Process) -> list[Outcome]:
        """Remove a dead worker and report its job as failed; the next job starts a new worker."""
        worker.connection.close()
        worker.process.join()
        self._workers.remove(worker)
        ending = _describe_exit(worker.process.exitcode)
        if not worker.ready:
            raise ArchiveError(
                f"A worker process {ending} before it could start: run hmr-live doctor, and check "
                "that there is enough memory."
            )
        if worker.job is None:
            return []
        problem = (
            f"{worker.job.source.name}: the process that worked on it {ending}: either the file is "
            "damaged in a way that crashes the decoder, or so many processes need more memory."
        )
        return [Outcome(worker.job.name, State.FAILED, problem)]


@dataclass
class _Process:
    """A worker process as its parent sees it; ready once its pipeline is open."""

    process: SpawnProcess
    connection: Connection
    job: Job | None = None
    ready: bool = False


def _start(job_spec: JobSpec, threads: int) -> _Process:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_work, args=(theirs, job_spec, threads), daemon=True)
    with _sigint_blocked():
        process.start()
    theirs.close()  # or our end would not see the process end
    return _Process(process, ours)


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the terminal sends it to the whole group.

    The mask is inherited, so it cannot strike a half-started process.
    Windows has no such mask; there the worker itself ignores the signal once it runs.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, job_spec: JobSpec, threads: int) -> None:
    """Main function of a worker process: jobs come in, progress and outcomes go out.

    A closed connection means that the parent wants to stop, or has died.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(threads)
    reported_at = 0.0

    def report(progress: JobProgress) -> None:
        nonlocal reported_at
        if connection.poll():
            raise StopWork
        now = time.monotonic()
        if now - reported_at >= _REPORT_EVERY_S:
            reported_at = now
            connection.send(progress)

    with contextlib.suppress(StopWork, EOFError, OSError):
        try:
            worker = Worker(job_spec)
            connection.send(None)
            while True:
                connection.send(worker.process(connection.recv(), report))
        except HmrLiveError as error:
            connection.send(error)


def _describe_exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
