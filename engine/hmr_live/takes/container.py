"""The take file ``.hmrtake``: its format and the reasons for it.

A take is a sequence of checksummed chunks (:mod:`hmr_live.takes.chunks`), only ever appended to:

``HEAD``
    JSON: ``format`` ``"hmrtake"``; ``version`` 1; ``layout``, the numpy dtypes of the binary
    records as ``[name, format, shape]``; ``units``; ``info``, the metadata of body,
    network, source and clock.  First in the file, repeated once a minute and before the end, so
    that a damaged beginning does not lose the take.
``FRAM``
    One ``layout.frame`` record (running number in the take, index at the source, time on the
    take's clock and on the wall clock), then one ``layout.body`` record for each person, if any.
``MARK``
    JSON: ``time``, ``label``.
``VIDE``
    One ``layout.video`` record: frame ``number`` of the video beside the take shows ``time``.
``END``
    JSON: the counts, the number of dropped frames, and ``index``, the byte offset of every
    ``index_every``-th frame.  A take still being recorded, or whose recorder was killed, has none.

Why a format of our own: each chunk reaches the operating system in one write, so that ``kill -9``
loses at most the frame being written, and every reader can tell a complete chunk from a truncated
one.  HDF5 keeps its index in memory and may not open after a kill; Parquet cannot be read without
its footer; MCAP is as robust, but needs a package and a schema language, where
numpy's dtypes suffice.  This format can be read in forty lines of any language.

A power cut loses more than a kill: the file is synced to the disk once a second, so that the last
second may be lost, and more if the drive caches what it reports as written.

The video is beside the take under the same name, as MPEG-4 in AVI: an unfinished AVI still plays,
except for the last quarter of a megabyte, and an MP4 does not.
"""

from __future__ import annotations

from hmr_live.takes.header import SUFFIX, VERSION, VIDEO_SUFFIX
from hmr_live.takes.reader import read_take
from hmr_live.takes.writer import TakeWriter

__all__ = ["SUFFIX", "VERSION", "VIDEO_SUFFIX", "TakeWriter", "read_take"]
