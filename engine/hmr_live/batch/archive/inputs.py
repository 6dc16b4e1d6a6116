"""Which files an archive holds: files, folders, patterns and lists of them, and shards."""

from __future__ import annotations

import glob
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hmr_live.core.errors import ArchiveError

#: What counts as a video in a folder; files that are named are taken whatever they are called.
VIDEO_SUFFIXES: Final = frozenset(
    [
        ".3gp",
        ".avi",
        ".flv",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    ]
)


@dataclass(frozen=True, slots=True)
class Job:
    """A file to process.

    Attributes
    ----------
    name
        Its path beneath the folder that all files have in common, with forward slashes.
    source
        Its absolute path.
    out
        Absolute path of the folder of its results.
    size
        Bytes; 0 where it is not there.
    """

    name: str
    source: Path
    out: Path
    size: int


@dataclass(frozen=True, slots=True)
class ArchiveShard:
    """Part ``number`` (from 1) of ``count`` parts of an archive."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> ArchiveShard:
        """Read ``"2/8"``.

        Raises
        ------
        ArchiveError
            If the text says something else.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match:
            number, count = int(match[1]), int(match[2])
            if 1 <= number <= count:
                return cls(number, count)
        raise ArchiveError(f"{text!r} is no shard: give --shard 2/8 for the second of eight.")

    def holds(self, job: Job) -> bool:
        """Whether the job is in this part: by its name alone, so that a new file moves no other."""
        return zlib.crc32(job.name.encode()) % self.count == self.number - 1


def find_jobs(inputs: Iterable[str], out: Path) -> list[Job]:
    """Find the files and give each a folder for its results.

    The folders under ``out`` mirror the tree beneath the deepest folder that all inputs have in
    common, so that two files never share one.

    Parameters
    ----------
    inputs
        Files, folders (searched for videos, with the folders in them) and patterns such as
        ``rec/**/*.mp4``.  A file that is missing becomes a job all the same, which will fail.
    out
        Folder of the results; nothing in it is taken for an input.

    Returns
    -------
    list of Job
        In the order of their names.

    Raises
    ------
    ArchiveError
        If a folder or pattern holds nothing, or no folder holds all inputs.
    """
    out = _absolute(out)
    roots: list[Path] = []
    sources: set[Path] = set()
    for text in inputs:
        root, found = _expand(text, out)
        roots.append(root)
        sources.update(found)
    if not sources:
        raise ArchiveError("There is nothing to process: name files, folders or patterns.")
    root = _common_folder(roots)
    return [_job(source, root, out) for source in sorted(sources)]


def read_list(lines: Iterable[str]) -> list[str]:
    """Inputs of a list, one a line; empty lines and those that begin with # are skipped."""
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def is_pattern(text: str) -> bool:
    """Whether the text stands for files by ``*``, ``?`` or ``[...]``, not for the one so named."""
    return glob.has_magic(text) and not Path(text).exists()


def _expand(text: str, out: Path) -> tuple[Path, list[Path]]:
    """The folder that an input stands for, and the files that it names."""
    if is_pattern(text):
        # Unlike Path.glob() it leaves hidden files out.
        found = [_absolute(path) for path in glob.iglob(text, recursive=True)]  # noqa: PTH207
        files = [path for path in found if path.is_file() and not path.is_relative_to(out)]
        if not files:
            raise ArchiveError(f"No file matches {text}: check the pattern.")
        return _absolute(_fixed_part(Path(text))), files
    path = _absolute(text)
    if not path.is_dir():
        return path.parent, [path]
    files = list(_videos(path, out))
    if not files:
        raise ArchiveError(
            f"{text} is a folder without any video: choose another, or name the files in it."
        )
    return path, files


def _videos(folder: Path, out: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = [n for n in folders if not n.startswith(".") and here / n != out]
        for name in names:
            if Path(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith("."):
                yield here / name


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before the first that varies."""
    while glob.has_magic(str(pattern)):
        pattern = pattern.parent
    return pattern


def _common_folder(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:  # drives of Windows
        raise ArchiveError(
            "The files lie on several drives: process each drive into a folder of its own."
        ) from error


def _job(source: Path, root: Path, out: Path) -> Job:
    beneath = source.relative_to(root)
    size = source.stat().st_size if source.is_file() else 0
    return Job(beneath.as_posix(), source, out / beneath, size)


def _absolute(path: Path | str) -> Path:
    # Not resolve(): a tree of links is mirrored as it looks, not as it lies on the disk.
    return Path(os.path.abspath(path))  # noqa: PTH100
