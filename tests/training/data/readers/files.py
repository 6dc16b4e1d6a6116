"""Writers of small files in the published formats, for the tests of the readers."""

from __future__ import annotations

import struct

import cv2
import numpy as np


def write_picture(path, size=(80, 60), value=120):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((size[1], size[0], 3), value, np.uint8)
    assert cv2.imwrite(str(path), image)


def write_video(path, frames=6, size=(64, 48)):
    """Frame k is filled with brightness 20 + 30 k."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fourcc = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), fourcc, 25.0, size)
    for k in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 + 30 * k, np.uint8))
    writer.release()


def python2_pickle(value) -> bytes:
    """Pickle as Python 2's cPickle writes it (protocol 2, byte strings, numpy's old names)."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value) -> bytes:
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, str):
        return _byte_string(value.encode("latin1"))
    if isinstance(value, list):
        return b"](" + b"".join(map(_python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python2(k) + _python2(v) for k, v in value.items()) + b"u"
    return _array(np.asarray(value))


def _byte_string(data: bytes) -> bytes:
    if len(data) < 256:
        return b"U" + bytes([len(data)]) + data
    return b"T" + struct.pack("<i", len(data)) + data


def _array(array) -> bytes:
    kind = array.dtype.str[1:]
    dtype = (
        b"cnumpy\ndtype\n(" + _python2(kind) + b"K\x00K\x01tR("
        b"K\x03" + _python2(array.dtype.str[0]) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    shape = b"(" + b"".join(map(_python2, array.shape)) + b"t"
    start = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + _python2("b") + b"tR"
    )
    return start + b"(K\x01" + shape + dtype + b"\x89" + _byte_string(array.tobytes()) + b"tb"
