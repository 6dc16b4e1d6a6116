"""How the C library keeps memory that training frees and asks for again a moment later."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

#: Parameters of glibc's ``mallopt``, by the numbers in its header.
_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
#: The largest block that glibc lets come from its heap.
_LARGEST_BLOCK: Final = 32 << 20
_PAD: Final = 256 << 20
_NEVER: Final = 2**31 - 1


def keep_freed_memory() -> None:
    """Let this process keep what it frees, where the C library is glibc.

    Otherwise every large tensor is new memory that the system has to clear first, which takes a
    fifth of a pass through the backbone on a processor.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
    mallopt(_TRIM_THRESHOLD, _NEVER)
    mallopt(_TOP_PAD, _PAD)
