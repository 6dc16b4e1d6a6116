"""The user's folder of compiled engines.

An engine file holds code for the GPU and, loaded by TensorRT, can do anything that the program
can.  So only files that this program wrote for this user are ever handed to TensorRT: the folder
and the files belong to the user and nobody else may write them, and beside each file lies a
record with its SHA-256 and everything that it was built for.  All of it is checked on the very
bytes that are handed on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hmr_live.backends.base import Untyped
from hmr_live.core.cache_folder import FOLDER_VARIABLE, cache_folder
from hmr_live.core.errors import BackendError

logger = logging.getLogger(__name__)

#: Older files are removed beyond this number; a network takes one, each GPU another.
MAX_FILES: Final = 16
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class CacheKey:
    """Identifies a cached file, and what it must have been made with.

    Attributes
    ----------
    slot
        Decides the file's name.
    stamp
        Versions; a file of the same slot with another stamp is stale and is rewritten.
    """

    slot: Mapping[str, str]
    stamp: Mapping[str, str]

    @property
    def file_name(self) -> str:
        """Name of the file without a folder."""
        digest = hashlib.sha256(json.dumps(dict(self.slot), sort_keys=True).encode()).hexdigest()
        return f"{self.slot['kind']}-{digest[:24]}.bin"


class EngineCache:
    """Files by key in a private folder.

    Parameters
    ----------
    folder
        ``engines`` in :func:`hmr_live.core.cache_folder.cache_folder` by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "engines"

    def read(self, key: CacheKey) -> bytes | None:
        """Content of a file; None (with the reason in the log) if it must be made again."""
        path = self.folder / key.file_name
        if not path.exists():
            return None
        try:
            _require_private(self.folder.stat(), self.folder)
            record = json.loads(_read_private(_record_path(path)))
            _compare(record, key)
            content = _read_private(path)
            if hashlib.sha256(content).hexdigest() != record["sha256"]:
                raise _UnusableError("it is damaged")
        except FileNotFoundError:
            reason = "it has no record, so it is not one of ours"
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"its record cannot be read ({error})"
        except _UnusableError as error:
            reason = str(error)
        else:
            return content
        logger.warning("The cached file %s is not used, because %s.", path, reason)
        return None

    def write(self, key: CacheKey, content: bytes) -> None:
        """Keep a file that was just made.

        Raises
        ------
        BackendError
            If it cannot be written.
        """
        path = self.folder / key.file_name
        record = {
            "slot": dict(key.slot),
            "stamp": dict(key.stamp),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        try:
            self._make_folder()
            # The old record goes first: a file between two states has none and is not used.
            _record_path(path).unlink(missing_ok=True)
            _write_private(path, content)
            _write_private(_record_path(path), json.dumps(record, indent=2).encode())
            self._remove_oldest()
        except OSError as error:
            raise BackendError(
                f"The compiled network cannot be kept in {self.folder} ({error.strerror or error})"
                f": make room, or name another folder in {FOLDER_VARIABLE}."
            ) from error

    def require_room(self, size: int) -> None:
        """Find out before minutes of building whether the result can be kept.

        Raises
        ------
        BackendError
            If the folder cannot be made or its disk has less than ``size`` bytes left.
        """
        try:
            self._make_folder()
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise BackendError(
                f"The cache folder {self.folder} cannot be used ({error.strerror or error}): name "
                f"another one in {FOLDER_VARIABLE}."
            ) from error
        if free < size:
            raise BackendError(
                f"The cache folder {self.folder} has {free // 2**20} MB left, and the compiled "
                f"network needs {size // 2**20} MB: make room, or name another folder in "
                f"{FOLDER_VARIABLE}."
            )

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _remove_oldest(self) -> None:
        files = sorted(self.folder.glob("*.bin"), key=lambda path: path.stat().st_mtime)
        for path in files[:-MAX_FILES]:
            _record_path(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


class _UnusableError(Exception):
    """Why a cached file is not used."""


def _record_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _compare(record: Untyped, key: CacheKey) -> None:
    """Raise if a record does not match the key."""
    if record["slot"] != dict(key.slot):
        raise _UnusableError("it was made for another network or GPU")
    for name, wanted in key.stamp.items():
        found = record["stamp"].get(name)
        if found != wanted:
            raise _UnusableError(f"it was made with {name} {found} and this is {wanted}")


def _require_private(status: os.stat_result, path: Path) -> None:
    """Raise when somebody else could have written here; Windows profiles are private anyway."""
    if sys.platform == "win32":
        return
    if status.st_uid != os.getuid():
        raise _UnusableError(f"{path.name} belongs to another user")
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise _UnusableError(f"other users may write {path.name}")


def _read_private(path: Path) -> bytes:
    """Bytes of a plain file of this user; the checks are of the file that is read, not its name."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _UnusableError(f"{path.name} is not a plain file")
        _require_private(status, path)
        return file.read()


def _write_private(path: Path, content: bytes) -> None:
    """Write beside and rename: a reader meets all of a file or none.  Mode 600 by mkstemp."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
