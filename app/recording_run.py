"""One press of the record button: the recorder, when it began and where it writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.body import BodyModel
from engine.recording import Recorder
from engine.state import FrameResult


class RecordingRun:
    """A recording in progress.

    Parameters
    ----------
    path
        The file to be.
    body
        The body model in use.
    details
        What to write beside the parameters.

    Raises
    ------
    RecordingError
        If nothing can be written there.
    """

    def __init__(self, path: Path, body: BodyModel, details: Mapping[str, Any]) -> None:
        self.path = path
        self._recorder = Recorder(path, body, details)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def frames(self) -> int:
        """Frames with a person so far."""
        return self._recorder.frames

    def add(self, result: FrameResult) -> None:
        """Record a frame; see :meth:`engine.recording.Recorder.add`."""
        self._recorder.add(result)

    def close(self) -> Path:
        """Finish the file; see :meth:`engine.recording.Recorder.close`."""
        return self._recorder.close()
