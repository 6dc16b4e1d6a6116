"""A reader of OSC packets, written from the OSC 1.0 specification alone."""

from __future__ import annotations

import struct
from typing import Any

Message = tuple[str, list[Any]]


def read_packet(data: bytes) -> list[Message]:
    """All messages of a packet, bundles opened; raises ValueError for what is no OSC."""
    if len(data) % 4:
        raise ValueError("the size of an OSC packet is a multiple of four")
    if not data.startswith(b"#bundle\0"):
        return [_message(data)]
    messages: list[Message] = []
    at = 16  # "#bundle", then the time tag
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        messages += read_packet(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data):
        raise ValueError("an element goes past the end of its bundle")
    return messages


def _message(data: bytes) -> Message:
    address, at = _string(data, 0)
    tags, at = _string(data, at)
    if not address.startswith("/") or not tags.startswith(","):
        raise ValueError("no address or no type tags")
    values: list[Any] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = _string(data, at)
            values.append(value)
        elif tag in "if":
            values.append(struct.unpack_from(">" + tag, data, at)[0])
            at += 4
        else:
            raise ValueError(f"type {tag} is not in VMC")
    if at != len(data):
        raise ValueError("bytes after the last argument")
    return address, values


def _string(data: bytes, start: int) -> tuple[str, int]:
    end = data.index(b"\0", start)
    padded = start + (end - start) // 4 * 4 + 4
    if any(data[end:padded]):
        raise ValueError("padding that is not zero")
    return data[start:end].decode("utf-8"), padded
