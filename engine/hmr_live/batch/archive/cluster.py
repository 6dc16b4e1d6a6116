"""Workers on a cluster, through Ray: the same worker, as an actor."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import Any, Final

import cv2

from hmr_live.backends.base import first_line
from hmr_live.batch.archive.inputs import Job
from hmr_live.batch.archive.worker import JobProgress, JobSpec, Outcome, State, StopWork, Worker
from hmr_live.core.errors import ArchiveError, HmrLiveError

#: Address that starts a cluster of this machine alone, as Ray calls it.
LOCAL: Final = "local"
#: Actors that have not stopped by themselves after this long are killed.
_STOP_TIMEOUT_S: Final = 10.0


class RayPool:
    """Workers of a Ray cluster; see :class:`hmr_live.batch.archive.run.WorkerPool`.

    Every machine of the cluster must have this program installed and see the inputs and the
    results under the same paths.

    Parameters
    ----------
    job_spec
        How to process a file.
    address
        ``"auto"`` for the cluster that this machine belongs to, ``"local"`` for one of this
        machine alone, or the address of the cluster's head.
    size
        Number of workers at most; as many as the cluster has room for when None.
    threads
        Processors that each takes; threads of OpenCV in it.

    Raises
    ------
    ArchiveError
        If Ray is not installed, no cluster answers, or it is too small for one worker.
    """

    def __init__(
        self, job_spec: JobSpec, address: str, size: int | None = None, *, threads: int = 1
    ) -> None:
        self._ray = _connect(address, size, threads)
        room = int(self._ray.cluster_resources().get("CPU", 0)) // threads
        if not room:
            self._ray.shutdown()
            raise ArchiveError(
                f"No worker of {threads} threads fits on the cluster: give fewer --threads."
            )
        # More actors would hold a job while they wait for a processor.
        self.size = min(size or room, room)
        self._job_spec, self._threads = job_spec, threads
        # Two threads, so that stop() gets through while a video is worked on.
        self._actor = self._ray.remote(num_cpus=threads, max_concurrency=2)(_Actor)
        self._idle: list[Any] = []
        #: Future of an outcome -> (actor, its job).
        self._busy: dict[Any, tuple[Any, Job]] = {}

    @property
    def free(self) -> int:
        """How many more jobs can be submitted now."""
        return self.size - len(self._busy)

    def submit(self, job: Job) -> None:
        """Give a job to an idle actor, or to a new one."""
        actor = self._idle.pop() if self._idle else self._new_actor()
        self._busy[actor.do.remote(job)] = (actor, job)

    def collect(self, seconds: float) -> list[JobProgress | Outcome]:
        """Wait at most so long for outcomes, and return what there is.

        Raises
        ------
        HmrLiveError
            If a worker cannot go on: no pipeline, no room on the disk.
        """
        if not self._busy:
            time.sleep(seconds)
            return []
        ended, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=seconds)
        return [self._outcome(future) for future in ended]

    def stop(self) -> None:
        """Stop all actors, and the cluster if it is this machine's own."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            for actor, _ in self._busy.values():
                actor.stop.remote()
            if self._busy:
                busy = list(self._busy)
                self._ray.wait(busy, num_returns=len(busy), timeout=_STOP_TIMEOUT_S)
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        self._idle.clear()
        self._busy.clear()
        self._ray.shutdown()

    def _new_actor(self) -> Any:  # noqa: ANN401  (Ray's actors have no type)
        return self._actor.remote(self._job_spec, self._threads)

    def _outcome(self, future: Any) -> Outcome:  # noqa: ANN401  (Ray's futures have no type)
        actor, job = self._busy.pop(future)
        try:
            result = self._ray.get(future)
        except self._ray.exceptions.RayError as error:
            self._ray.kill(actor)
            return Outcome(
                job.name,
                State.FAILED,
                f"{job.source.name}: its worker was lost ({first_line(error)}): check that the "
                "machine has enough memory and the same hmr-live, then start the run again.",
            )
        self._idle.append(actor)
        if isinstance(result, HmrLiveError):
            raise result
        assert isinstance(result, Outcome)
        return result


class _Actor:
    """A worker on a machine of the cluster."""

    def __init__(self, job_spec: JobSpec, threads: int) -> None:
        cv2.setNumThreads(threads)
        self._job_spec = job_spec
        self._worker: Worker | None = None
        #: Set by stop(), in a thread other than the job's.
        self._stopped = threading.Event()

    def do(self, job: Job) -> Outcome | HmrLiveError | None:
        """Process a file; errors are returned, since Ray wraps those that are raised."""
        try:
            # Opened here, not in __init__: from here its error can be returned.
            self._worker = self._worker or Worker(self._job_spec)
            return self._worker.process(job, self._raise_if_stopped)
        except StopWork:
            return None
        except HmrLiveError as error:
            return error

    def stop(self) -> None:
        """Stop the job at the next frame."""
        self._stopped.set()

    def _raise_if_stopped(self, _progress: JobProgress) -> None:
        if self._stopped.is_set():
            raise StopWork


def _connect(address: str, size: int | None, threads: int) -> Any:  # noqa: ANN401  (a module)
    # Ray sends usage statistics to its developers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ArchiveError(
            "A cluster needs Ray: install it with pip install 'hmr-live[cluster]', here and on "
            "every machine of the cluster."
        ) from error
    # A running cluster has its own count; a new one must not be smaller than requested.
    resources: dict[str, Any] = {"num_cpus": size * threads} if address == LOCAL and size else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **resources)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ArchiveError(
            f"No Ray cluster answers at {address!r} ({first_line(error)}): start "
            "one with ray start --head, or give --cluster local for this machine alone."
        ) from error
    return ray
