"""Who works on which file, where several runs, on one machine or many, share a folder.

A lease is a small file beside the results folder, created exclusively, whose modification time its
holder renews.  A lease that is no longer renewed has expired; whoever takes over creates the lease
with the next number, which again only one can.  No clocks are compared: a lease has expired when
the watcher has not seen its time change for long enough.

Leases save work; they do not protect the results, which get their final name in one step.  A
holder that was only suspended finds the results there when it has finished its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from hmr_live.batch.archive.inputs import Job
from hmr_live.core.errors import ArchiveError

#: A holder renews its leases this often.
HEARTBEAT_S: Final = 15.0
#: A lease expires after this long without a renewal.  Network file systems may show a file's old
#: time for a minute.
EXPIRES_AFTER_S: Final = 150.0


class Leases:
    """The leases of one run; a thread renews them until :meth:`close`.

    Parameters
    ----------
    heartbeat_s, expires_after_s
        Seconds between renewals, and without one until a lease expires.
    """

    def __init__(
        self, *, heartbeat_s: float = HEARTBEAT_S, expires_after_s: float = EXPIRES_AFTER_S
    ) -> None:
        self._heartbeat_s, self._expires_after_s = heartbeat_s, expires_after_s
        #: Number of the lease held on each job.
        self._held: dict[Job, int] = {}
        #: The thread reads what the owner changes.
        self._lock = threading.Lock()
        #: For the leases of others: the file's last known time, and when it was first seen.
        self._seen: dict[Path, tuple[int, float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_closed, name="leases", daemon=True)
        self._thread.start()

    def __enter__(self) -> Leases:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def acquire(self, job: Job) -> bool:
        """Lease a job; False if somebody else holds its lease.

        Raises
        ------
        ArchiveError
            If nothing can be written there.
        """
        number = _newest(job)
        if number is not None and not self._is_expired(lease_path(job, number)):
            return False
        number = 0 if number is None else number + 1
        path = lease_path(job, number)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(path.parent, error) from error
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump({"machine": _machine(), "process": os.getpid()}, file)
        except FileExistsError:
            return False
        except OSError as error:
            raise _refused(path.parent, error) from error
        with self._lock:
            self._held[job] = number
        return True

    def release(self, job: Job) -> None:
        """Release a job, finished or not."""
        with self._lock:
            held = self._held.pop(job)
        if lease_path(job, held + 1).exists():
            return  # this lease had expired and somebody else holds the job now
        for number in range(held, -1, -1):
            with contextlib.suppress(OSError):  # what stays expires later
                lease_path(job, number).unlink(missing_ok=True)

    def close(self) -> None:
        """Release all leases."""
        self._closed.set()
        self._thread.join()
        for job in list(self._held):
            self.release(job)

    def _is_expired(self, path: Path) -> bool:
        if _holder_ended(path):
            return True
        try:
            modified = path.stat().st_mtime_ns
        except OSError:
            return False  # released just now: free at the next try
        now = time.monotonic()
        before = self._seen.get(path)
        if before is None or before[0] != modified:
            self._seen[path] = (modified, now)
            return False
        return now - before[1] > self._expires_after_s

    def _renew_until_closed(self) -> None:
        while not self._closed.wait(self._heartbeat_s):
            with self._lock:
                held = list(self._held.items())
            for job, number in held:
                with contextlib.suppress(OSError):  # the server may be away for a while
                    os.utime(lease_path(job, number))


def lease_path(job: Job, number: int) -> Path:
    """The file of a job's lease ``number``; runs of other versions know it by this name."""
    return job.out.with_name(f".{job.out.name}.claim-{number}")


def holder_of(job: Job) -> str:
    """Name of the machine that works on a job, for display."""
    number = _newest(job)
    holder = {} if number is None else _read(lease_path(job, number))
    return str(holder.get("machine", "another run")).partition(" ")[0]


def _newest(job: Job) -> int | None:
    """Number of the newest lease on a job; None if there is none."""
    number = 0
    while lease_path(job, number).exists():
        number += 1
    return number - 1 if number else None


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # gone, or not written yet
        return {}
    return content if isinstance(content, dict) else {}


def _holder_ended(path: Path) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    holder = _read(path)
    process = holder.get("process")
    if sys.platform == "win32" or holder.get("machine") != _machine():
        return False
    if not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)  # signal 0 only checks whether the process exists
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> str:
    """Host name, and what tells containers of the same name apart where they count processes."""
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _refused(folder: Path, error: OSError) -> ArchiveError:
    return ArchiveError(
        f"Nothing can be written to {folder} ({error.strerror}): choose another folder with --out."
    )
