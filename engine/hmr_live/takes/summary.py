"""Summaries for a list of takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hmr_live.core.errors import RecordingError
from hmr_live.takes.header import SUFFIX
from hmr_live.takes.reader import read_take


@dataclass(frozen=True)
class TakeSummary:
    """One file in a folder of takes.

    Attributes
    ----------
    path
        The file.
    recorded
        When its recording started, seconds since 1970; if it cannot be read, when the file was
        changed.
    size
        Bytes, without the video.
    seconds, frames, people
        Its length and content; zero if it cannot be read.
    video
        Whether there is a video beside it.
    problem
        Message that says why it cannot be opened; empty if it can.
    complete
        False if the recording was cut off.
    """

    path: Path
    recorded: float
    size: int
    seconds: float = 0.0
    frames: int = 0
    people: int = 0
    video: bool = False
    problem: str = ""
    complete: bool = True


def list_takes(folder: Path) -> list[Path]:
    """The takes in a folder, newest first; empty if there is no such folder."""
    try:
        found = [(path.stat().st_mtime, path) for path in folder.glob(f"*{SUFFIX}")]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)]


def summarise_take(path: Path) -> TakeSummary:
    """Read a take and summarise it; damage is reported in the summary.

    Raises
    ------
    OSError
        If the file is gone.
    """
    status = path.stat()
    try:
        take = read_take(path)
    except RecordingError as error:
        return TakeSummary(path, status.st_mtime, status.st_size, problem=str(error))
    motions = [motion for motion in take.motions if len(motion.times)]
    begins = [float(motion.times[0]) for motion in motions]
    ends = [float(motion.times[-1]) for motion in motions]
    return TakeSummary(
        path,
        float(take.info.get("started_unix", status.st_mtime)),
        status.st_size,
        seconds=max(ends) - min(begins) if motions else 0.0,
        frames=int(take.info["frames"]),
        people=len(motions),
        video=take.video is not None,
        complete=bool(take.info["complete"]),
    )
