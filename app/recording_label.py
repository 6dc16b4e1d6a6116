"""How long the recording runs and where it is saved, beside the record button."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QWidget

from app.recording_run import RecordingRun

_PATH_WIDTH: Final = 330


class RecordingLabel(QLabel):
    """Empty while nothing is recorded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("recording")

    def show_recording(self, recording: RecordingRun | None) -> None:
        """Write time and place of this recording."""
        if recording is None:
            self.clear()
            self.setToolTip("")
            return
        minutes, seconds = divmod(int(recording.seconds), 60)
        place = str(recording.path).replace(str(Path.home()), "~", 1)
        place = self.fontMetrics().elidedText(place, Qt.TextElideMode.ElideMiddle, _PATH_WIDTH)
        self.setText(f"<b>{minutes:02d}:{seconds:02d}</b>&nbsp; {place}")
        self.setToolTip(f"{recording.frames} frames so far, to be saved as {recording.path}")
