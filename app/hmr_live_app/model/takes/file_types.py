"""Which files are takes, to be played rather than recovered."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hmr_live.takes.header import SUFFIX

TAKE_SUFFIXES: Final = frozenset({SUFFIX, ".npz", ".bvh"})


def is_take(spec: object) -> bool:
    """Whether this names a file that is played as a take."""
    return isinstance(spec, str | Path) and Path(spec).suffix.lower() in TAKE_SUFFIXES
