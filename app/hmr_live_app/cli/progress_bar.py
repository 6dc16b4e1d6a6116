"""The progress of many files, on the last line of a terminal."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from typing import TextIO

from hmr_live.batch.archive.archive_report import ArchiveProgress
from hmr_live.batch.archive.worker import State


class ProgressBar:
    """Writes the line, and clears it before other output; silent without a terminal.

    Parameters
    ----------
    stream
        Where to write; stderr by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()

    def show(self, progress: ArchiveProgress) -> None:
        """Draw the line."""
        if self._shown:
            width = shutil.get_terminal_size().columns
            line = progress_line(progress)[: width - 1]
            print(f"\r{line}\033[K", end="", file=self._stream, flush=True)

    def clear(self) -> None:
        """Erase the line, so that something else can be printed."""
        if self._shown:
            print("\r\033[K", end="", file=self._stream, flush=True)


def progress_line(progress: ArchiveProgress, *, cells: int = 24) -> str:
    """The progress line: a bar of ``cells`` characters, by bytes, and the counts."""
    share = progress.bytes_done / progress.bytes if progress.bytes else 1.0
    full = round(share * cells)
    failed = sum(outcome.state is State.FAILED for outcome in progress.outcomes)
    parts = [f"{len(progress.outcomes)} of {progress.files} files"]
    if failed:
        parts.append(f"{failed} failed")
    if progress.waiting_for:
        parts.append(f"waiting for {', '.join(progress.waiting_for)}")
    elif progress.frames and progress.bytes_worked:
        left = progress.bytes - progress.bytes_done
        seconds = round(progress.seconds * left / progress.bytes_worked)
        parts.append(f"{progress.frames / progress.seconds:.0f} frames/s")
        parts.append(f"{timedelta(seconds=seconds)} left")
    return f"[{'#' * full}{'-' * (cells - full)}] {share:4.0%}  {', '.join(parts)}"
