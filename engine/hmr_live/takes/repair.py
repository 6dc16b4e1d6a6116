"""Recover the intact part of a damaged take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_live.core.errors import RecordingError
from hmr_live.takes import chunks
from hmr_live.takes.chunks import Chunk, all_chunks
from hmr_live.takes.header import SUFFIX, Header, read_header
from hmr_live.takes.reader import TakeContent, read_bytes, read_content
from hmr_live.takes.records import BODY_DTYPE, Records
from hmr_live.takes.writer import TakeWriter


@dataclass(frozen=True)
class RepairReport:
    """The result of a repair.

    Attributes
    ----------
    path
        The new file.
    saved, lost
        Frames; losses after the last saved frame are known only if the end was found.
    bytes_skipped
        Bytes of the damaged file that belong to no complete chunk.
    had_end
        Whether the end of the recording was found.
    """

    path: Path
    saved: int
    lost: int
    bytes_skipped: int
    had_end: bool

    def as_text(self) -> str:
        """The report as a message."""
        if not self.lost and not self.bytes_skipped and self.had_end:
            return f"Nothing was wrong; a copy with all {self.saved} frames is {self.path}."
        lost = f"{self.lost} lost" if self.lost else "none lost"
        tail = "" if self.had_end else ", and perhaps the last one, whose end is missing"
        return f"{self.saved} frames saved, {lost}{tail}. The repaired take is {self.path}."


def repair_take(path: Path, target: Path | None = None) -> RepairReport:
    """Write the intact chunks of a damaged take to a new file; the damaged one is not changed.

    Parameters
    ----------
    path
        A take that is damaged, truncated or has no end.
    target
        The new file; if None, beside the old one with ``_repaired`` in its name.

    Raises
    ------
    RecordingError
        If nothing can be saved, or the new file exists or cannot be written.
    """
    data = read_bytes(path)
    found = list(all_chunks(data))
    header = _first_header(found, path)
    content = read_content(header, found, path.name)
    if not len(content.frames):
        raise RecordingError(f"{path.name} holds no whole frame, so there is nothing to save.")
    target = target or path.with_name(f"{path.stem}_repaired{SUFFIX}")
    _write(target, content)
    numbers = content.frames["number"]
    recorded = int(numbers.max()) + 1
    if content.end is not None:
        recorded = max(recorded, int(content.end.get("frames", 0)))
    whole = sum(chunk.end - chunk.start for chunk in found)
    saved = len(content.frames)
    return RepairReport(target, saved, recorded - saved, len(data) - whole, content.end is not None)


def _first_header(found: list[Chunk], path: Path) -> Header:
    for chunk in found:
        if chunk.kind == chunks.HEADER:
            return read_header(chunk.payload, path.name)
    if found:
        raise RecordingError(
            f"{path.name} has lost every copy of its header, so its frames cannot be understood."
        )
    raise RecordingError(
        f"{path.name} is not an hmr-live take, or nothing of it is left: there is nothing to save."
    )


def _write(target: Path, content: TakeContent) -> None:
    writer = TakeWriter(target, content.header.info)
    end = content.end or {}
    first = 0
    for frame, count in zip(content.frames, content.counts.tolist(), strict=True):
        bodies = _in_current_layout(content.bodies[first : first + count])
        writer.add_frame(
            float(frame["time"]), float(frame["unix_time"]), int(frame["frame_index"]), bodies
        )
        first += count
    for marker in content.markers:
        writer.add_marker(marker)
    for row in content.video:
        writer.add_video_frame(int(row["number"]), float(row["time"]))
    writer.close(dropped=int(end.get("dropped", 0)), video_dropped=int(end.get("video_dropped", 0)))


def _in_current_layout(bodies: Records) -> Records:
    """The records in this version's layout."""
    if bodies.dtype == BODY_DTYPE:
        return bodies
    records = np.zeros(len(bodies), BODY_DTYPE)
    for name in BODY_DTYPE.names or ():
        records[name] = bodies[name]
    return records
