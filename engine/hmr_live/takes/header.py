"""The header of a take file: its version, the layout of its records, and their units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hmr_live.core.errors import RecordingError
from hmr_live.takes.records import BODY_DTYPE, FRAME_DTYPE, VIDEO_DTYPE

SUFFIX: Final = ".hmrtake"
VIDEO_SUFFIX: Final = ".avi"
FORMAT: Final = "hmrtake"
VERSION: Final = 1

_LAYOUT: Final = {"frame": FRAME_DTYPE, "body": BODY_DTYPE, "video": VIDEO_DTYPE}
_UNITS: Final = {
    "time": "s, on the clock that info.clock names",
    "unix_time": "s since 1970-01-01 UTC",
    "pose": "axis-angle, rad, SMPL's joint order, joint 0 into the camera frame",
    "transl": "m, camera frame (x right, y down, z forward), added to the posed body",
    "joints": "m, camera frame",
    "focal_length": "px of the full frame, principal point in its middle",
    "camera": "the network's (s, tx, ty) of the crop, which spans -1 to 1",
    "region": "the crop's centre x, centre y and side in px of the frame, its angle in rad",
    "confidence": "0 to 1",
    "score": "0 to 1",
}


@dataclass(frozen=True)
class Header:
    """The header of a take.

    Attributes
    ----------
    info
        As given to the writer.
    layout
        Numpy dtypes of the records ``frame``, ``body`` and ``video`` in this file.
    """

    info: dict[str, Any]
    layout: dict[str, np.dtype[Any]]


def header_bytes(info: Mapping[str, Any]) -> bytes:
    """Payload of the header chunk."""
    layout = {name: dtype.descr for name, dtype in _LAYOUT.items()}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "layout": layout,
        "units": _UNITS,
        "info": dict(info),
    }
    return json.dumps(header).encode()


def read_header(payload: bytes, name: str) -> Header:
    """Parse the payload of a header chunk.

    Parameters
    ----------
    payload
        Its bytes.
    name
        Name of the file, for messages.

    Raises
    ------
    RecordingError
        If it is of a newer version, or invalid.
    """
    try:
        header = json.loads(payload)
        version = int(header["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(name, error) from error
    if version > VERSION:
        raise RecordingError(
            f"{name} was recorded by a newer hmr-live (take version {version}, this program reads "
            f"{VERSION}): update hmr-live to open it."
        )
    try:
        layout = {part: _dtype_of(header["layout"][part]) for part in _LAYOUT}
        info = dict(header["info"])
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(name, error) from error
    for part, expected in _LAYOUT.items():
        for field in expected.names or ():
            if field not in (layout[part].names or ()):
                raise _unreadable(name, f"its records lack {field}")
            if layout[part][field].shape != expected[field].shape:
                raise _unreadable(name, f"{field} has another shape")
    return Header(info, layout)


def _dtype_of(description: list[list[Any]]) -> np.dtype[Any]:
    """The dtype from its JSON description."""
    dtype = np.dtype([(name, code, *map(tuple, shape)) for name, code, *shape in description])
    if dtype.hasobject:
        raise ValueError("a record cannot hold Python objects")
    return dtype


def _unreadable(name: str, reason: object) -> RecordingError:
    return RecordingError(
        f"{name} is not a take that this program can read ({reason}): it was written by another "
        "program."
    )
