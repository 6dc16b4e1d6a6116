"""Workers in processes of this machine; one that dies takes only its own file along."""

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

#: Progress is told at most this often.
_REPORT_EVERY_S: Final = 0.2
#: A worker that does not stop by itself for so long is ended.
_PATIENCE_S: Final = 10.0

#: Threads, OpenGL and the inference runtimes do not survive a fork.
_CONTEXT: Final = multiprocessing.get_context("spawn")


class ProcessPool:
    """Worker processes; see :class:`hmr_live.batch.archive.run.WorkerPool`.

    Parameters
    ----------
    recipe
        How to process a file.
    size
        Number of processes.
    threads
        Threads of OpenCV in each process; those of the networks are the recipe's.
    """

    def __init__(self, job_spec: JobSpec, size: int, *, threads: int = 1) -> None:
        self._job_spec, self._threads = job_spec, threads
        self._workers: list[_Process] = []
        self.size = size

    @property
    def free(self) -> int:
        """How many more jobs it takes now."""
        return self.size - sum(worker.job is not None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Give a job to a worker that is free, or to a new one."""
        worker = next((w for w in self._workers if w.job is None), None)
        if worker is None:
            worker = _start(self._job_spec, self._threads)
            self._workers.append(worker)
        worker.job = job
        with contextlib.suppress(OSError):  # a dead worker is found by collect()
            worker.connection.send(job)

    def collect(self, seconds: float) -> list[JobProgress | Outcome]:
        """Wait at most so long for news, and return what there is.

        Raises
        ------
        ArchiveError
            If a worker died before it could begin.
        HmrLiveError
            If a worker cannot go on: no pipeline, no room on the disk.
        """
        if not self._workers:
            time.sleep(seconds)
            return []
        news: list[JobProgress | Outcome] = []
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection), seconds):
            assert isinstance(connection, Connection)
            news += self._messages_from(by_connection[connection])
        return news

    def stop(self) -> None:
        """End all workers; what they were doing is dropped."""
        for worker in self._workers:
            worker.connection.close()  # they look for this between two frames
        give_up = time.monotonic() + _PATIENCE_S
        for worker in self._workers:
            worker.process.join(max(give_up - time.monotonic(), 0))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _messages_from(self, worker: _Process) -> list[JobProgress | Outcome]:
        news: list[JobProgress | Outcome] = []
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
                news.append(message)
        except (EOFError, OSError):
            news += self._reap(worker)
        return news

    def _reap(self, worker: _Process) -> list[Outcome]:
        """Tell what a dead worker was doing; a new one comes with the next job."""
        worker.connection.close()
        worker.process.join()
        self._workers.remove(worker)
        how = _how_it_ended(worker.process.exitcode)
        if not worker.ready:
            raise ArchiveError(
                f"A worker process {how} before it could begin: see whether hmr-live doctor finds "
                "something, and whether there is memory enough."
            )
        if worker.job is None:
            return []
        problem = (
            f"{worker.job.source.name}: the process that worked on it {how}: the file is damaged "
            "in a way that breaks the decoder, or the memory was too small for so many processes."
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
    with _ctrl_c_held_back():
        process.start()
    theirs.close()  # or the end of the process would not be seen at our end
    return _Process(process, ours)


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the terminal sends it to all of a group.

    The mask is inherited, so there is no moment at which it could strike a half-started process.
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

    A closed connection means that the parent wants an end, or has met one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(threads)
    told = 0.0

    def tell(progress: JobProgress) -> None:
        nonlocal told
        if connection.poll():
            raise StopWork
        now = time.monotonic()
        if now - told >= _REPORT_EVERY_S:
            told = now
            connection.send(progress)

    with contextlib.suppress(StopWork, EOFError, OSError):
        try:
            worker = Worker(job_spec)
            connection.send(None)
            while True:
                connection.send(worker.do(connection.recv(), tell))
        except HmrLiveError as error:
            connection.send(error)


def _how_it_ended(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
