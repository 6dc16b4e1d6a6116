"""The take file ``.hmrtake``: what is in it and why; writing it, and reading it back.

A take is a row of checksummed chunks (:mod:`hmr_live.takes.chunks`), only ever appended to:

``HEAD``
    JSON: ``format`` ``"hmrtake"``; ``version`` 1; ``layout``, the numpy dtypes of the binary
    records as ``[name, format, shape]``; ``units``; ``info``, what is told of body, network,
    source and clock.  First in the file, copied once a minute and before the end, so that a
    damaged beginning does not cost the take.
``FRAM``
    One ``layout.frame`` record (running number in the take, number at the source, the moment on
    the take's clock and on the wall clock), then one ``layout.body`` record for each person.
    A frame in which nobody is seen has none.
``MARK``
    JSON: ``time``, ``label``.
``VIDE``
    One ``layout.video`` record: frame ``number`` of the video beside the take shows ``time``.
``END``
    JSON: how much of everything there is, how many frames were dropped, and ``index``, the byte
    at which every ``index_every``-th frame begins.  A take that is being recorded, or whose
    recorder was killed, has none.

Why a format of our own: each chunk reaches the operating system in one write, so that ``kill -9``
costs at most the frame that is being written, and every reader can tell a whole chunk from a torn
one.  HDF5 keeps its index in memory and may not open after a kill; Parquet cannot be read without
its footer; MCAP survives as well as this, but asks for a package and for a schema language, which
numpy's dtypes already are.  This can be read in forty lines of any language.

A power cut costs more than a kill: the file is handed to the disk (fsync) once a second, so that
the last second may be gone, and more where the drive holds back what it says it has written.

The video lies beside the take under the same name, as MPEG-4 in AVI: an AVI that was never
finished still plays, but for the last quarter of a megabyte, and an MP4 does not.
"""

from __future__ import annotations

from hmr_live.takes.header import SUFFIX, VERSION, VIDEO_SUFFIX
from hmr_live.takes.reader import read_take
from hmr_live.takes.writer import TakeWriter

__all__ = ["SUFFIX", "VERSION", "VIDEO_SUFFIX", "TakeWriter", "read_take"]
