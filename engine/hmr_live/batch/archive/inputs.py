"""Find the files of an archive: from files, folders, patterns and lists, in shards."""

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

#: What counts as a video in a folder; files named explicitly may have any suffix.
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
        Its path below the folder that all files have in common, with forward slashes.
    source
        Its absolute path.
    out
        Absolute path of its results folder.
    size
        Bytes; 0 if the file is missing.
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
            If the text is anything else.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match:
            number, count = int(match[1]), int(match[2])
            if 1 <= number <= count:
                return cls(number, count)
        raise ArchiveError(f"{text!r} is not a shard: give --shard 2/8 for the second of eight.")

    def holds(self, job: Job) -> bool:
        """Whether the job is in this part: by a hash of its name, so new files move no others."""
        return zlib.crc32(job.name.encode()) % self.count == self.number - 1


def find_jobs(inputs: Iterable[str], out: Path) -> list[Job]:
    """Find the files and give each a folder for its results.

    The folders under ``out`` mirror the tree beneath the deepest folder that all inputs have in
    common, so that no two files share one.

    Parameters
    ----------
    inputs
        Files, folders (searched for videos, with the folders in them) and patterns such as
        ``rec/**/*.mp4``.  A file that is missing becomes a job all the same, which will fail.
    out
        Folder of the results; nothing in it counts as an input.

    Returns
    -------
    list of Job
        Sorted by name.

    Raises
    ------
    ArchiveError
        If a folder or pattern matches nothing, or the inputs have no common folder.
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
    """Inputs listed one a line; empty lines and lines that begin with # are skipped."""
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def is_pattern(text: str) -> bool:
    """Whether the text is a pattern (``*``, ``?`` or ``[...]``) rather than the name of a file."""
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
            f"{text} is a folder without videos: choose another, or name the files in it."
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
    """The part of a pattern before its first wildcard."""
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
