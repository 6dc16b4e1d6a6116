"""The chunks of a take file: framing, checksums, and finding the next intact one.

A chunk is sixteen bytes and a payload, all numbers little-endian::

    4 bytes   magic  89 48 4D 54 (an 0x89 that no text holds, then "HMT")
    4 bytes   kind   HEAD, FRAM, MARK, VIDE or END and a space
    uint32    length of the payload in bytes
    uint32    CRC-32 (zlib) of kind, length and payload
    length    payload
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"\x89HMT"
HEADER: Final = b"HEAD"
FRAME: Final = b"FRAM"
MARKER: Final = b"MARK"
VIDEO: Final = b"VIDE"
END: Final = b"END "

_PREFIX: Final = struct.Struct("<4s4sII")
_CHECKED: Final = struct.Struct("<4sI")
#: No chunk is longer; a greater length means damage.
_MAX_PAYLOAD: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk with a valid checksum.

    Attributes
    ----------
    kind
        Four bytes.
    payload
        Its content.
    start, end
        Its byte range in the file, including the prefix.
    """

    kind: bytes
    payload: bytes
    start: int
    end: int


def pack_chunk(kind: bytes, payload: bytes) -> bytes:
    """Bytes of a chunk, to be written at once."""
    return _PREFIX.pack(MAGIC, kind, len(payload), _checksum(kind, payload)) + payload


def chunk_at(data: bytes, start: int) -> Chunk | None:
    """The chunk that starts at this byte, or None if there is no intact one."""
    begin = start + _PREFIX.size
    if begin > len(data):
        return None
    magic, kind, length, checksum = _PREFIX.unpack_from(data, start)
    end = begin + length
    if magic != MAGIC or length > _MAX_PAYLOAD or end > len(data):
        return None
    payload = data[begin:end]
    return Chunk(kind, payload, start, end) if _checksum(kind, payload) == checksum else None


def leading_chunks(data: bytes) -> Iterator[Chunk]:
    """Consecutive intact chunks from the first byte on."""
    position = 0
    while (chunk := chunk_at(data, position)) is not None:
        yield chunk
        position = chunk.end


def all_chunks(data: bytes, position: int = 0) -> Iterator[Chunk]:
    """Every intact chunk from ``position`` on; anything in between is skipped."""
    while (position := data.find(MAGIC, position)) >= 0:
        chunk = chunk_at(data, position)
        if chunk is None:
            position += 1
        else:
            yield chunk
            position = chunk.end


def _checksum(kind: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, len(payload))))
