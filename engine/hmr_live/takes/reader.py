"""Read a take; the format is described in :mod:`hmr_live.takes.container`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import RecordingError
from hmr_live.takes import chunks
from hmr_live.takes.chunks import Chunk, all_chunks, leading_chunks
from hmr_live.takes.header import FORMAT, VERSION, VIDEO_SUFFIX, Header, read_header
from hmr_live.takes.records import ATTRIBUTES
from hmr_live.takes.take import Floats, Marker, Motion, Take


@dataclass(frozen=True)
class TakeContent:
    """The content of a take file's chunks, as numpy records.

    Attributes
    ----------
    header
        The first one.
    frames
        ``(F,)`` records of ``header.layout["frame"]``.
    counts
        ``(F,)`` people in each frame.
    bodies
        ``(sum of counts,)`` records of ``header.layout["body"]``, frame after frame.
    markers
        In the order of time.
    video
        ``(V,)`` records of ``header.layout["video"]``.
    end
        The content of the end chunk; None if there is none.
    """

    header: Header
    frames: NDArray[Any]
    counts: NDArray[np.int64]
    bodies: NDArray[Any]
    markers: tuple[Marker, ...]
    video: NDArray[Any]
    end: dict[str, Any] | None


def read_take(path: Path) -> Take:
    """Read a take.

    A take without an end chunk, because it is being recorded or its recorder was killed, is read up
    to its last complete chunk; ``info["complete"]`` is then False.

    Returns
    -------
    Take
        ``info`` holds, besides the recorder's entries, ``format``, ``version``, ``complete``,
        ``frames`` (those without a person included), ``dropped``, and if a video was
        recorded ``video_times``: the time of each of its frames.

    Raises
    ------
    RecordingError
        If the file cannot be read, is not a take, is of a newer version, or is damaged.
    """
    data = read_bytes(path)
    found = list(leading_chunks(data))
    if not found or found[0].kind != chunks.HEADER:
        raise _not_a_take(path, data)
    header = read_header(found[0].payload, path.name)
    content = read_content(header, found, path.name)
    numbers = content.frames["number"]
    gap = not np.array_equal(numbers, np.arange(len(numbers)))
    if gap or next(all_chunks(data, found[-1].end), None) is not None:
        raise _damaged(path)
    end = content.end or {}
    info = {
        **header.info,
        "format": FORMAT,
        "version": VERSION,
        "complete": content.end is not None,
        "frames": len(content.frames),
        "dropped": int(end.get("dropped", 0)),
    }
    if len(content.video):
        info["video_times"] = _video_times(content.video).tolist()
    return Take(info, tuple(_motions(content)), content.markers, _video(path, content))


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises
    ------
    RecordingError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise RecordingError(f"There is no take {path}: check the path.") from error
    except OSError as error:
        raise RecordingError(
            f"{path} cannot be read ({error.strerror}): choose a take file that you may read."
        ) from error


def read_content(header: Header, found: Iterable[Chunk], name: str) -> TakeContent:
    """Decode chunks by their kind; unknown kinds are skipped.

    Raises
    ------
    RecordingError
        If a chunk with a valid checksum has invalid content.
    """
    frame_type, body_type = header.layout["frame"], header.layout["body"]
    heads, bodies, counts, markers, video = [], [], [], [], []
    end: dict[str, Any] | None = None
    try:
        for chunk in found:
            if chunk.kind == chunks.FRAME:
                count, rest = divmod(len(chunk.payload) - frame_type.itemsize, body_type.itemsize)
                if count < 0 or rest:
                    raise ValueError(f"a frame of {len(chunk.payload)} bytes")
                heads.append(chunk.payload[: frame_type.itemsize])
                bodies.append(chunk.payload[frame_type.itemsize :])
                counts.append(count)
            elif chunk.kind == chunks.MARKER:
                marker = json.loads(chunk.payload)
                markers.append(Marker(float(marker["time"]), str(marker["label"])))
            elif chunk.kind == chunks.VIDEO:
                video.append(chunk.payload)
            elif chunk.kind == chunks.END:
                end = dict(json.loads(chunk.payload))
        return TakeContent(
            header,
            np.frombuffer(b"".join(heads), frame_type),
            np.array(counts, np.int64),
            np.frombuffer(b"".join(bodies), body_type),
            tuple(sorted(markers, key=lambda marker: marker.time)),
            np.frombuffer(b"".join(video), header.layout["video"]),
            end,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(
            f"{name} is not a take that this program can read ({error}): it was written by "
            "another program."
        ) from error


def _video(path: Path, content: TakeContent) -> Path | None:
    """The video beside the take: under the take's name, or the one that it was recorded with."""
    if not len(content.video):
        return None
    recorded = Path(str(content.header.info.get("video", ""))).name
    names = (path.with_suffix(VIDEO_SUFFIX), path.parent / recorded)
    return next((name for name in names if name.is_file()), None)


def _video_times(video: NDArray[Any]) -> NDArray[np.float64]:
    """Time of each frame of the video; interpolated where a damaged file has lost some."""
    numbers = np.arange(int(video["number"].max()) + 1)
    return np.asarray(np.interp(numbers, video["number"], video["time"]), np.float64)


def _motions(content: TakeContent) -> Iterable[Motion]:
    """One motion for each person, in the order of time."""
    frames = np.repeat(content.frames, content.counts)
    for track_id in np.unique(content.bodies["person"]).tolist():
        mine = np.flatnonzero(content.bodies["person"] == track_id)
        mine = mine[np.argsort(frames["time"][mine], kind="stable")]
        body, frame = content.bodies[mine], frames[mine]
        floats: dict[str, Floats] = {
            ATTRIBUTES.get(name, name): np.ascontiguousarray(body[name], np.float32)
            for name in (
                "pose",
                "betas",
                "transl",
                "focal_length",
                "camera",
                "region",
                "joints",
                "confidence",
                "score",
            )
        }
        yield Motion(
            track_id=track_id,
            times=np.ascontiguousarray(frame["time"], np.float64),
            unix_times=np.ascontiguousarray(frame["unix_time"], np.float64),
            frame_index=np.ascontiguousarray(frame["frame_index"], np.int64),
            measured=np.ascontiguousarray(body["measured"], np.bool_),
            **floats,
        )


def _not_a_take(path: Path, data: bytes) -> RecordingError:
    if not data:
        return RecordingError(f"{path.name} is empty: its recording ended before the first frame.")
    if next(all_chunks(data), None) is not None:
        return _damaged(path)
    if data.startswith(chunks.MAGIC):
        return RecordingError(
            f"{path.name} ends within its header: its recording ended before the first frame."
        )
    return RecordingError(f"{path.name} is not an hmr-live take: choose a .hmrtake file.")


def _damaged(path: Path) -> RecordingError:
    return RecordingError(
        f"{path.name} is damaged: hmr-live repair {shlex.quote(str(path))} saves what can be saved."
    )
