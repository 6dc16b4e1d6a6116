"""The messages of the WebSocket and UDP streams, as ``PROTOCOL.md`` describes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from hmr_live.angles import ANGLES
from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live.body.skeleton import JOINT_NAMES, PARENTS
from hmr_live.core.errors import StreamError
from hmr_live.core.optional_packages import require_package
from hmr_live.core.state import Array, BodyState, FrameResult

#: Increased when a field changes its meaning or is removed; not when one is added.
VERSION: Final = 1
JSON: Final = "json"
MSGPACK: Final = "msgpack"
FORMATS: Final = (JSON, MSGPACK)

#: Decimals in a message: 0.1 mm and 0.006 degrees, and hundredths of a pixel.
_DECIMALS: Final = 4
_PIXEL_DECIMALS: Final = 2

Message = dict[str, Any]


def hello_message() -> Message:
    """Names and conventions, sent once to every WebSocket client before the first frame."""
    return {
        "type": "hello",
        "version": VERSION,
        "joints": list(JOINT_NAMES),
        "parents": list(PARENTS),
        "angles": [angle.name for angle in ANGLES],
        "units": {
            "time": "s",
            "theta": "rad",
            "transl": "m",
            "joints": "m",
            "joints_2d": "px",
            "focal_length": "px",
            "angles": "deg",
        },
        "camera_frame": "x right, y down, z forward",
    }


def frame_message(result: FrameResult, *, joints_2d: bool = True) -> Message:
    """One processed frame.

    Parameters
    ----------
    result
        The frame with the people in it.
    joints_2d
        False leaves out the 2D joints, which follow from the other fields.
    """
    return {
        "type": "frame",
        "version": VERSION,
        "time": result.frame.time,
        "frame_index": result.frame.index,
        "size": list(result.frame.size),
        "people": [_person(body, joints_2d=joints_2d) for body in result.bodies],
    }


def encoder(format_name: str) -> Callable[[Mapping[str, Any]], bytes]:
    """Return the function that turns messages into bytes.

    Parameters
    ----------
    format_name
        One of :data:`FORMATS`.

    Raises
    ------
    StreamError
        If the package msgpack is not installed.
    """
    if format_name == JSON:
        return _json
    require_package("msgpack", "msgpack", "MessagePack", extra="streaming", error=StreamError)
    import msgpack

    # Single precision halves the message and suffices for the body, but not for the clock: after
    # a day it would tick in steps of 8 ms.
    def pack(message: Mapping[str, Any]) -> bytes:
        parts = [msgpack.Packer().pack_map_header(len(message))]
        for key, value in message.items():
            parts += [msgpack.packb(key), msgpack.packb(value, use_single_float=key != "time")]
        return b"".join(parts)

    return pack


def _json(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def _person(body: BodyState, *, joints_2d: bool) -> Message:
    person: Message = {
        "id": body.track_id,
        "measured": body.measured,
        "score": round(float(body.score), _DECIMALS),
        "theta": _numbers(axis_angle_from_matrix(body.rotmats)),
        "betas": _numbers(body.betas),
        "transl": _numbers(body.transl),
        "focal_length": round(float(body.focal_length), _PIXEL_DECIMALS),
        "joints": _numbers(body.joints),
        "confidence": _numbers(body.confidence),
        "angles": _numbers(body.angles, _PIXEL_DECIMALS),
    }
    if joints_2d:
        person["joints_2d"] = _numbers(body.joints_2d, _PIXEL_DECIMALS)
    return person


def _numbers(array: Array, decimals: int = _DECIMALS) -> list[float | None]:
    """Flat, rounded numbers; None (null) for NaN and infinity."""
    flat = np.round(np.asarray(array, np.float64).ravel(), decimals)
    numbers: list[float | None] = flat.tolist()
    if not np.isfinite(flat).all():
        numbers = [number if np.isfinite(number) else None for number in flat.tolist()]
    return numbers
