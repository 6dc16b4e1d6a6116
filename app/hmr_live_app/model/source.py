"""What is open, and what it is doing.  Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hmr_live.capture.sources import PICTURE_SUFFIXES, SIMULATED


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source that can be opened: a camera number or file, and the name shown for it."""

    spec: int | str | Path
    label: str
    loop: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it is a still picture."""
        return Path(str(self.spec)).suffix.lower() in PICTURE_SUFFIXES

    @property
    def is_camera(self) -> bool:
        """Whether it is a camera or a simulated one."""
        return isinstance(self.spec, int) or str(self.spec).startswith(SIMULATED)


class Status(Enum):
    """What the program is doing."""

    IDLE = "idle"
    OPENING = "opening"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"
