"""The status bar: is somebody there, how fast is it, where do the milliseconds go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QStatusBar, QWidget

from app import theme
from app.session import Status
from engine.live import LiveStats

#: The road of a frame, in order.
STAGES: Final = ("capture", "detect", "network", "body", "draw")


class StatusLine(QStatusBar):
    """Labels that are written a few times a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.person = QLabel()
        self.person.setTextFormat(Qt.TextFormat.RichText)
        self.addWidget(self.person)
        self.stages = {stage: QLabel() for stage in STAGES}
        for stage, label in self.stages.items():
            label.setToolTip(f"Median milliseconds of the stage “{stage}”")
            self.addPermanentWidget(label)
        self.fps = QLabel()
        self.fps.setToolTip("Frames a second that were recovered, and that the source delivers")
        self.dropped = QLabel()
        self.dropped.setToolTip(
            "Frames that a newer one replaced before there was time for them: the picture is "
            "always the latest"
        )
        self.addPermanentWidget(self.dropped)
        self.addPermanentWidget(self.fps)
        self.show_stats(None, {})
        self.show_state(Status.IDLE, None)

    def show_state(self, status: Status, people: int | None) -> None:
        """Say what is going on.

        Parameters
        ----------
        status
            Of the session.
        people
            How many were found in the newest frame; None before the first one.
        """
        color, text = _state(status, people)
        self.person.setText(f'<span style="color:{color}">●</span>&nbsp; {text}')

    def show_stats(
        self, stats: LiveStats | None, draw_ms: Mapping[str, float], *, running: bool = False
    ) -> None:
        """Write the numbers; dashes where nothing is known.

        Parameters
        ----------
        stats
            Of the present source.
        draw_ms
            Milliseconds of the stage ``draw``, which the source knows nothing of.
        running
            Whether frames come; else there is no rate to tell.
        """
        if stats is None:
            for stage, label in self.stages.items():
                label.setText(f"{stage} –")
            self.fps.setText("– fps")
            self.dropped.setText("dropped –")
            return
        milliseconds = {**stats.timings_ms, **draw_ms}
        for stage, label in self.stages.items():
            known = milliseconds.get(stage)
            label.setText(f"{stage} –" if known is None else f"{stage} {known:.1f} ms")
        rate = f"<b>{stats.fps:.0f}</b> of {stats.capture_fps:.0f} fps"
        self.fps.setText(rate if running and stats.fps else "– fps")
        self.dropped.setText(f"dropped {stats.dropped}")


def _state(status: Status, people: int | None) -> tuple[str, str]:
    """Colour and words."""
    if status is Status.RUNNING and people is not None:
        if people:
            return theme.GOOD, "Person found" if people == 1 else f"{people} people found"
        return theme.WARNING, "Looking for a person…"
    return {
        Status.IDLE: (theme.FAINT, "Ready"),
        Status.OPENING: (theme.WARNING, "Opening…"),
        Status.RUNNING: (theme.WARNING, "Waiting for the first picture…"),
        Status.PAUSED: (theme.MUTED, "Paused"),
        Status.ENDED: (theme.MUTED, "Ended"),
        Status.FAILED: (theme.BAD, "Stopped"),
    }[status]
