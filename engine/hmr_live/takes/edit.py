"""Trim, split, rename and save takes.  No existing file is ever overwritten.

A take in memory, and one saved from it, holds only the frames in which somebody is in sight.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import RecordingError
from hmr_live.takes.header import SUFFIX, VIDEO_SUFFIX
from hmr_live.takes.records import ATTRIBUTES, BODY_DTYPE, Records
from hmr_live.takes.take import Motion, Take
from hmr_live.takes.writer import TakeWriter

#: Entries that :func:`hmr_live.takes.reader.read_take` adds to the recorder's metadata.
_READER_ENTRIES: Final = ("format", "version", "complete", "frames", "dropped", "video_times")
#: Characters that file names cannot contain on Windows or Unix.
_FORBIDDEN: Final = frozenset('/\\:*?"<>|\0')
_PROGRESS_EVERY: Final = 500


def keep_range(take: Take, start: float, end: float) -> Take:
    """The part of a take between two times, both included.

    The video file is kept whole; only the times of its frames are trimmed.

    Parameters
    ----------
    take
        The take.
    start, end
        Seconds on the take's clock.

    Raises
    ------
    RecordingError
        If nobody is in sight between them.
    """
    motions = tuple(
        part for motion in take.motions if len((part := _trim(motion, start, end)).times)
    )
    if not motions:
        raise RecordingError(
            "Nobody is in sight in this range, so nothing would be kept: choose another one."
        )
    info = dict(take.info)
    if "video_times" in info:
        info["video_times"] = _trim_video_times(np.asarray(info["video_times"]), start, end)
    info["kept_range"] = [
        min(float(motion.times[0]) for motion in motions),
        max(float(motion.times[-1]) for motion in motions),
    ]
    markers = tuple(marker for marker in take.markers if start <= marker.time <= end)
    return replace(take, info=info, motions=motions, markers=markers)


def split_at(take: Take, moment: float) -> tuple[Take, Take]:
    """Split a take at a time; raises as :func:`keep_range`."""
    before = float(np.nextafter(moment, -np.inf))
    return keep_range(take, -np.inf, before), keep_range(take, moment, np.inf)


def save_take(take: Take, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
    """Write a take as a new file, which gets its name only when it is complete.

    A video beside the take is hard-linked under the new name if the file system can, else copied,
    so that either take can be renamed or deleted without affecting the other.

    Parameters
    ----------
    take
        The take.
    target
        The new file, see :func:`free_path`.
    progress
        Called with the finished share, in [0, 1].

    Raises
    ------
    RecordingError
        If the file exists, or cannot be written.
    """
    _refuse_existing(target)
    video_times = take.info.get("video_times") if take.video is not None else None
    info = {name: value for name, value in take.info.items() if name not in _READER_ENTRIES}
    if video_times is None:
        info.pop("video", None)
    else:
        info["video"] = target.with_suffix(VIDEO_SUFFIX).name
    part = target.with_name(f"{target.name}.part")
    with contextlib.suppress(OSError):  # left by an interrupted save
        part.unlink(missing_ok=True)
    try:
        writer = TakeWriter(part, info)
        try:
            _write_frames(writer, take.motions, progress)
            for marker in take.markers:
                writer.add_marker(marker)
            for number, moment in _shown_video_frames(video_times):
                writer.add_video_frame(number, moment)
        finally:
            writer.close(dropped=int(take.info.get("dropped", 0)))
        if take.video is not None and video_times is not None:
            _link(take.video, target.with_suffix(VIDEO_SUFFIX))
        part.rename(target)
    except OSError as error:
        raise RecordingError(
            f"{target} cannot be written ({error.strerror}): make room, or choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def free_path(folder: Path, name: str) -> Path:
    """An unused path for a new take and its video: ``name``, with a number if needed."""
    number = 1
    while True:
        path = folder / (f"{name}{SUFFIX}" if number == 1 else f"{name}_{number}{SUFFIX}")
        if not path.exists() and not path.with_suffix(VIDEO_SUFFIX).exists():
            return path
        number += 1


def rename_take(path: Path, name: str) -> Path:
    """Rename a take, and the video beside it, in the same folder.

    Parameters
    ----------
    path
        The take.
    name
        The new name, with or without suffix.

    Returns
    -------
    Path
        The new path.

    Raises
    ------
    RecordingError
        If it is not a file name, is taken, or the file cannot be renamed.
    """
    stem = name.strip().removesuffix(SUFFIX)
    if not stem or stem.startswith(".") or _FORBIDDEN & set(stem):
        raise RecordingError(
            f"“{name}” cannot be the name of a file: use letters, digits, spaces, - and _."
        )
    target = path.with_name(f"{stem}{SUFFIX}")
    if target == path:
        return path
    video, new_video = path.with_suffix(VIDEO_SUFFIX), target.with_suffix(VIDEO_SUFFIX)
    _refuse_existing(target)
    try:
        if video.exists():
            _refuse_existing(new_video)
            video.rename(new_video)
        path.rename(target)
    except OSError as error:
        raise RecordingError(
            f"{path.name} cannot be renamed ({error.strerror}): check that you may change its "
            "folder."
        ) from error
    return target


def _trim(motion: Motion, start: float, end: float) -> Motion:
    kept = (motion.times >= start) & (motion.times <= end)
    arrays = {
        field.name: getattr(motion, field.name)[kept]
        for field in fields(motion)
        if field.name != "track_id"
    }
    return replace(motion, **arrays)


def _trim_video_times(times: NDArray[np.float64], start: float, end: float) -> list[float]:
    """Frames before the range get its first time, as when a take is read."""
    first = max(int(np.searchsorted(times, start, side="right")) - 1, 0)
    kept = times[: np.searchsorted(times, end, side="right")].copy()
    kept[:first] = times[first]
    return [float(time) for time in kept]


def _shown_video_frames(times: list[float] | None) -> list[tuple[int, float]]:
    """Number and time of the frames that are ever shown."""
    if not times:
        return []
    first = int(np.searchsorted(times, times[0], side="right")) - 1
    return list(enumerate(times))[first:]


def _write_frames(
    writer: TakeWriter, motions: tuple[Motion, ...], progress: Callable[[float], None]
) -> None:
    rows: Records = np.concatenate([np.zeros(0, BODY_DTYPE), *(_records(m) for m in motions)])
    heads = [
        np.concatenate([np.zeros(0), *(getattr(motion, name) for motion in motions)])
        for name in ("times", "unix_times", "frame_index")
    ]
    order = np.lexsort((rows["person"], heads[0]))
    times, unix_times, indices = (head[order] for head in heads)
    rows = rows[order]
    starts = np.flatnonzero(np.diff(times, prepend=-np.inf))
    ends = [*starts[1:].tolist(), len(rows)]
    for done, (first, last) in enumerate(zip(starts.tolist(), ends, strict=True)):
        if done % _PROGRESS_EVERY == 0:
            progress(done / len(starts))
        writer.add_frame(
            float(times[first]), float(unix_times[first]), int(indices[first]), rows[first:last]
        )
    progress(1.0)


def _records(motion: Motion) -> Records:
    rows = np.zeros(len(motion.times), BODY_DTYPE)
    for name in BODY_DTYPE.names or ():
        rows[name] = getattr(motion, ATTRIBUTES.get(name, name))
    return rows


def _link(video: Path, target: Path) -> None:
    _refuse_existing(target)
    try:
        os.link(video, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(video, target)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise RecordingError(f"{path} exists already: choose another name.")
