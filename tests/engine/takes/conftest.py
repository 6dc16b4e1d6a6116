from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Bytes that a file on the small disk may hold.
SMALL_DISK = 20_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in which the system cuts a file off in the midst of a write, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK, before[1]))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
