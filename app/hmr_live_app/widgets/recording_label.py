"""The state of the recording, beside the record button."""

from __future__ import annotations

from typing import Final

from PyQt6.QtWidgets import QLabel, QWidget

from hmr_live.takes.recorder import TakeRecorder
from hmr_live_app.widgets import theme

#: Bytes, about an hour with video; less free space is shown as a warning.
_LITTLE_SPACE: Final = 2_000_000_000


class RecordingLabel(QLabel):
    """Empty while nothing is recorded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("recording")

    def show_recording(self, recording: TakeRecorder | None) -> None:
        """Show the recording's duration, frames, markers, free disk space and dropped frames."""
        if recording is None:
            self.clear()
            self.setToolTip("")
            return
        minutes, seconds = divmod(int(recording.seconds), 60)
        parts = [f"<b>{minutes:02d}:{seconds:02d}</b>", f"{recording.frames} frames"]
        if recording.markers:
            parts.append(_count(recording.markers, "marker"))
        free = f"{_size(recording.free_bytes)} free"
        little = recording.free_bytes < _LITTLE_SPACE
        parts.append(_colored(free, theme.WARNING) if little else free)
        if recording.dropped:
            parts.append(_colored(f"{recording.dropped} dropped", theme.BAD))
        if recording.video_dropped:
            pictures = _count(recording.video_dropped, "video frame")
            parts.append(_colored(f"{pictures} dropped", theme.WARNING))
        self.setText("&nbsp; · &nbsp;".join(parts))
        self.setToolTip(f"Recording to {recording.path}. Press K to add a marker.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _size(number: int) -> str:
    """As disk sizes are given."""
    return f"{number / 1e9:.0f} GB" if number >= 10e9 else f"{number / 1e9:.1f} GB"


def _colored(text: str, color: str) -> str:
    return f'<span style="color:{color}">{text}</span>'
