"""Writing a take, chunk by chunk; the format is described in :mod:`hmr_live.takes.container`."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from hmr_live.core.errors import RecordingError
from hmr_live.takes import chunks
from hmr_live.takes.chunks import pack_chunk
from hmr_live.takes.header import header_bytes
from hmr_live.takes.records import FRAME_DTYPE, VIDEO_DTYPE, Records
from hmr_live.takes.take import Marker

logger = logging.getLogger(__name__)

_INDEX_EVERY: Final = 300
_HEADER_EVERY: Final = 1800


class TakeWriter:
    """A new take file.  One thread writes; :meth:`sync` may be called from another.

    Parameters
    ----------
    path
        The new file; it must not exist yet.  Its folder is created.
    info
        Metadata, as JSON values; see :func:`hmr_live.takes.info.take_info`.

    Attributes
    ----------
    path
        As given.
    frames, frames_with_body
        Frames written so far, and those in which somebody was seen.
    size
        Bytes written so far.

    Raises
    ------
    RecordingError
        If the file cannot be written, or exists.
    """

    def __init__(self, path: Path, info: Mapping[str, Any]) -> None:
        self.path = path
        self.frames = self.frames_with_body = self.size = 0
        self._markers = self._video_frames = 0
        self._index: list[int] = []
        self._header = header_bytes(info)
        if path.exists():
            raise RecordingError(f"{path} exists already: choose another name.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: written data has left this process and survives it.
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise RecordingError(
                f"Nothing can be recorded to {path} ({error.strerror}): choose another folder."
            ) from error
        self._write(chunks.HEADER, self._header)
        with contextlib.suppress(OSError):
            self.sync()
            _sync_folder(path.parent)

    def add_frame(self, time: float, unix_time: float, frame_index: int, bodies: Records) -> None:
        """Append a frame.

        Parameters
        ----------
        time, unix_time, frame_index
            See :class:`hmr_live.takes.records.TakeFrame`.
        bodies
            ``(n,)`` of :data:`hmr_live.takes.records.BODY_DTYPE`; n may be 0.

        Raises
        ------
        RecordingError
            If the disk is full or fails; what was written before stays readable.
        """
        if self.frames and self.frames % _HEADER_EVERY == 0:
            self._write(chunks.HEADER, self._header)
        head = np.array((self.frames, frame_index, time, unix_time), FRAME_DTYPE)
        start = self.size
        self._write(chunks.FRAME, head.tobytes() + bodies.tobytes())
        if self.frames % _INDEX_EVERY == 0:
            self._index.append(start)
        self.frames += 1
        self.frames_with_body += bool(len(bodies))

    def add_marker(self, marker: Marker) -> None:
        """Append a marker; raises as :meth:`add_frame`."""
        content = {"time": marker.time, "label": marker.label}
        self._write(chunks.MARKER, json.dumps(content).encode())
        self._markers += 1

    def add_video_frame(self, number: int, time: float) -> None:
        """Append the time of frame ``number`` of the video; raises as :meth:`add_frame`."""
        self._write(chunks.VIDEO, np.array((number, time), VIDEO_DTYPE).tobytes())
        self._video_frames += 1

    def sync(self) -> None:
        """Wait until the disk has written the data; raises OSError if it fails."""
        os.fsync(self._file.fileno())

    def close(self, *, dropped: int = 0, video_dropped: int = 0) -> None:
        """Write the end chunk, if there is room for it, and close the file.

        Parameters
        ----------
        dropped, video_dropped
            Frames that never reached the take, and frames that never reached the video.
        """
        end = {
            "frames": self.frames,
            "frames_with_body": self.frames_with_body,
            "markers": self._markers,
            "video_frames": self._video_frames,
            "dropped": dropped,
            "video_dropped": video_dropped,
            "index_every": _INDEX_EVERY,
            "index": self._index,
        }
        try:
            self._write(chunks.HEADER, self._header)
            self._write(chunks.END, json.dumps(end).encode())
            self.sync()
        except (OSError, RecordingError) as error:
            logger.warning("%s has no end: %s", self.path.name, error)
        finally:
            self._file.close()

    def _write(self, kind: bytes, payload: bytes) -> None:
        data = pack_chunk(kind, payload)
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with contextlib.suppress(OSError):  # a truncated chunk does no harm, it is only untidy
                self._file.truncate(self.size)
                self._file.seek(self.size)
            raise RecordingError(
                f"The recording {self.path.name} had to stop ({error.strerror}): make room on the "
                f"disk; its {self.frames} frames are kept."
            ) from error
        self.size += len(data)


def _sync_folder(folder: Path) -> None:
    """Make the file's name survive a power cut; Unix only."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
