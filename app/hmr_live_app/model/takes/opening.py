"""Reads takes for display.  Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hmr_live.angles import AnatomicalFrames
from hmr_live.body.model import BodyModel
from hmr_live.imports.motion_file import open_take
from hmr_live.takes.people import adapt_to_body
from hmr_live.takes.playback import Playback, frame_times
from hmr_live.takes.take import Take

#: For takes that do not record their frame size.
_PLAIN_SIZE: Final = (640, 480)


@dataclass(frozen=True)
class OpenTake:
    """A take that has been read.

    Attributes
    ----------
    path
        Its file.
    take
        As it was read.
    shown
        Converted for the body model in use.
    body, frames
        That body model, and its anatomical frames.
    note
        How ``shown`` differs from ``take``, as a message for the user; empty if it does not.
    """

    path: Path
    take: Take
    shown: Take
    body: BodyModel
    frames: AnatomicalFrames
    note: str

    @property
    def frame_size(self) -> tuple[int, int]:
        """(width, height) of its frames in pixels."""
        width, height = self.take.info.get("frame_size", _PLAIN_SIZE)
        return int(width), int(height)


def read_take_to_show(path: Path, body: BodyModel) -> tuple[OpenTake, Playback]:
    """Read a take or motion file for the body model in use.

    Raises
    ------
    RecordingError, AssetError
        When it cannot be read, or there is nothing to play.
    """
    take = open_take(path, body)
    playback = Playback(frame_times(take))
    shown, note = adapt_to_body(take, body)
    return OpenTake(path, take, shown, body, AnatomicalFrames.of(body), note), playback
