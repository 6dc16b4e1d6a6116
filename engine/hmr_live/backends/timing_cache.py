"""Keeps measured times of networks between two starts, as long as nothing that matters changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeAlias

from hmr_live.backends.base import Untyped
from hmr_live.backends.choice import network_for
from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.backends.registry import Entry, import_module
from hmr_live.backends.timing import Timings
from hmr_live.core.cache_folder import FOLDER_VARIABLE, cache_folder
from hmr_live.core.machine import processor
from hmr_live.core.timing import StageSummary
from hmr_live.core.version import __version__

logger = logging.getLogger(__name__)

#: Everything that measured times depend on; JSON.
TimingKey: TypeAlias = Mapping[str, Any]
#: The parts of a key that decide a file's name; with the others changed, the file is rewritten.
_SLOT: Final = ("processor", "gpus", "threads")
#: A lock that is older was left behind by a program that crashed while it measured.
STALE_LOCK_S: Final = 15.0
_POLL_S: Final = 0.05


def timing_key(
    networks: Mapping[str, Path], entries: Sequence[Entry], *, threads: int
) -> TimingKey:
    """What times measured now are valid for: machine, threads, versions and networks.

    Parameters
    ----------
    networks, entries, threads
        See :func:`hmr_live.backends.timing.time_networks`.
    """
    return {
        "program": __version__,
        "processor": processor(),
        "gpus": [f"{gpu.name}, {gpu.driver}" for gpu in nvidia_gpus()],
        "threads": threads,
        "backends": {entry.name: _version(entry) for entry in entries},
        "networks": {name: _sha256(path) for name, path in networks.items()},
        "compiled": [
            f"{name} for {entry.name}"
            for entry in entries
            for name, path in networks.items()
            if _is_compiled(path, entry)
        ],
    }


class TimingCache:
    """Measured times in a file for each machine and number of threads.

    Parameters
    ----------
    folder
        ``timings`` in :func:`hmr_live.core.cache_folder.cache_folder` by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "timings"

    def path(self, key: TimingKey) -> Path:
        """The file for a key."""
        slot = json.dumps({name: key[name] for name in _SLOT}, sort_keys=True)
        return self.folder / f"{hashlib.sha256(slot.encode()).hexdigest()[:16]}.json"

    def read(self, key: TimingKey) -> Timings | None:
        """The times kept for exactly this key; None if they must be measured."""
        path = self.path(key)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["key"] != dict(key):
                return None
            return _parse(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            logger.info("%s is measured again, because it cannot be read (%r)", path, error)
            return None

    def write(self, key: TimingKey, timings: Timings) -> None:
        """Keep times in place of what was there; a folder that cannot be written is a warning."""
        rows = [
            {"network": network, "backend": backend, **asdict(summary)}
            for (network, backend), summary in timings.times.items()
        ]
        content = {
            "key": dict(key),
            "times": rows,
            "problems": dict(timings.problems),
            "pending": list(timings.pending),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file, indent=2)
                Path(name).replace(self.path(key))  # readers see the old file or the new one
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            logger.warning(
                "The times of the networks cannot be kept in %s (%s), so every start measures "
                "them: name another folder in %s.",
                self.folder,
                error.strerror or error,
                FOLDER_VARIABLE,
            )

    def read_or_measure(self, key: TimingKey, measure: Callable[[], Timings]) -> Timings:
        """The times kept for this key, or else new ones.

        A second process waits for the first instead of measuring beside it, which would make both
        look slow.
        """
        kept = self.read(key)
        if kept is not None:
            return kept
        with self._lock(key):
            kept = self.read(key)
            if kept is None:
                kept = measure()
                self.write(key, kept)
            return kept

    @contextlib.contextmanager
    def _lock(self, key: TimingKey) -> Iterator[None]:
        lock = self.path(key).with_suffix(".lock")
        if not self._acquire(lock):
            yield
            return
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()

    def _acquire(self, lock: Path) -> bool:
        """Wait for the lock; False where there can be none."""
        while True:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                try:
                    if time.time() - lock.stat().st_mtime > STALE_LOCK_S:
                        lock.unlink()
                except OSError:  # released meanwhile
                    pass
                time.sleep(_POLL_S)
            except OSError:
                return False
            else:
                return True


def _parse(content: Mapping[str, Any]) -> Timings:
    times = {}
    for row in content["times"]:
        summary = StageSummary(float(row["p50"]), float(row["p95"]), int(row["count"]))
        if not 0 < summary.p50 <= summary.p95 < math.inf:
            raise ValueError(f"{row} is not a time")
        times[str(row["network"]), str(row["backend"])] = summary
    problems = {str(name): str(why) for name, why in content["problems"].items()}
    return Timings(times, problems, tuple(map(str, content["pending"])))


def _version(entry: Entry) -> str:
    try:
        return import_module(entry).version(entry.name)
    except Exception as error:  # a broken package is a state of the machine like any other
        return f"{type(error).__name__}: {error}"


def _sha256(model: Path) -> str:
    """As the manifest says: the file itself is checked when it is loaded."""
    try:
        return str(json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_compiled(model: Path, entry: Entry) -> bool:
    try:
        module: Untyped = import_module(entry)
        compiles = hasattr(module, "prepare")
        return compiles and bool(module.is_prepared(network_for(model, entry), name=entry.name))
    except Exception:  # as in _version
        return False
