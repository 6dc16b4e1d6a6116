"""The record in a finished folder: the input and the settings that its files were made from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hmr_live.core.assets import sha256_of

#: File name of the record.  It is written last, before the folder gets its final name.
RECORD: Final = "job.json"
#: Increased when the results change so much that earlier ones must be made again.
FORMAT: Final = 1


@dataclass(frozen=True)
class InputFile:
    """Identifies an input file.

    Attributes
    ----------
    size
        Bytes.
    mtime_ns
        Time of the last change, nanoseconds since 1970.
    sha256
        Of the content, hexadecimal.
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> InputFile:
        """Hash a file; raises OSError if it cannot be read."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, sha256_of(path))

    def is_unchanged(self, path: Path) -> bool:
        """Whether the file still has this size and time; reads no content."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True)
class Record:
    """Record of a finished job.

    Attributes
    ----------
    input
        The file that was processed.
    settings
        What the results depend on besides the input, as JSON values.
    files
        Names of the results in the folder.
    frames, frames_with_body, seconds
        As in :class:`hmr_live.batch.offline.RunSummary`.
    notes
        Messages about what could not be done.
    format
        :data:`FORMAT` of the program that wrote the results.
    """

    input: InputFile
    settings: Mapping[str, Any]
    files: tuple[str, ...]
    frames: int
    frames_with_body: int
    seconds: float
    notes: tuple[str, ...]
    format: int = FORMAT

    def is_complete(self, folder: Path, settings: Mapping[str, Any]) -> bool:
        """Whether the folder still holds all files, made with these settings by this format."""
        if self.format != FORMAT or dict(self.settings) != dict(settings):
            return False
        return all((folder / name).is_file() for name in self.files)

    def write(self, folder: Path) -> None:
        """Write the record into a folder atomically; raises OSError."""
        replace_text(folder / RECORD, json.dumps(asdict(self), indent=2) + "\n")


def read_record(folder: Path) -> Record | None:
    """The record of a folder; None if there is no readable one."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(
            input=InputFile(**content.pop("input")),
            files=tuple(content.pop("files")),
            notes=tuple(content.pop("notes")),
            **content,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def finished_record(source: Path, folder: Path, settings: Mapping[str, Any]) -> Record | None:
    """The record of a folder if it is finished for this input and these settings, else None.

    The input counts as the same if its size and time are; its content is not read.
    """
    record = read_record(folder)
    if record is None or not record.is_complete(folder, settings):
        return None
    return record if record.input.is_unchanged(source) else None


def replace_text(path: Path, text: str) -> None:
    """Write a text file atomically: readers see the old content or the new.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
