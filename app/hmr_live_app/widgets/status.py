"""The status bar: is somebody there, how fast is it, where do the milliseconds go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from hmr_live.core.timing import StageSummary
from hmr_live.live.quality import QualityReduction
from hmr_live.live.session import LiveStats
from hmr_live_app.model.app_model import Status
from hmr_live_app.widgets import theme

#: The road of a frame, in order.
STAGES: Final = ("capture", "detect", "network", "body", "draw")
#: Room between two parts, in points.
_BETWEEN_PARTS: Final = 8


class StatusLine(QStatusBar):
    """Labels that are written a few times a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.person = QLabel()
        self.person.setTextFormat(Qt.TextFormat.RichText)
        self.addWidget(self.person)
        #: The only part that a narrow window goes without.
        self._stage_row = QWidget()
        row = QHBoxLayout(self._stage_row)
        row.setContentsMargins(0, 0, 0, 0)
        self.stages = {stage: QLabel() for stage in STAGES}
        for stage, label in self.stages.items():
            label.setToolTip(f"Median milliseconds of the stage “{stage}”")
            row.addWidget(label)
        self.addPermanentWidget(self._stage_row)
        self.fps = QLabel()
        self.fps.setToolTip("Frames a second that were recovered, and that the source delivers")
        self.dropped = QLabel()
        self.dropped.setToolTip(
            "Frames that a newer one replaced before there was time for them: the picture is "
            "always the latest"
        )
        self.invalid = QLabel()
        self.invalid.setStyleSheet(f"color: {theme.WARNING}")
        self.invalid.setToolTip(
            "Answers of the network that held no numbers: nothing of them is drawn or recorded"
        )
        self.latency = QLabel()
        self.latency.setToolTip(
            "Milliseconds from the camera to the screen: median and 95th percentile of the last "
            "frames; H shows more"
        )
        self.quality = QLabel()
        self.quality.setStyleSheet(f"color: {theme.WARNING}")
        self.addPermanentWidget(self.quality)
        self.addPermanentWidget(self.dropped)
        self.addPermanentWidget(self.invalid)
        self.addPermanentWidget(self.latency)
        self.addPermanentWidget(self.fps)
        self.show_stats(None, {})
        self.show_latency(None)
        self.show_reductions(())
        self.show_state(Status.IDLE, None)

    def minimumSizeHint(self) -> QSize:
        """No window is kept wide for the sake of the numbers."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show what there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        others = (self.person, self.quality, self.dropped, self.invalid, self.latency, self.fps)
        shown = [self._stage_row, *(part for part in others if not part.isHidden())]
        needed = sum(part.sizeHint().width() + _BETWEEN_PARTS for part in shown)
        self._stage_row.setVisible(needed <= self.width())

    def show_state(self, status: Status, people: int | None, *, camera_lost: bool = False) -> None:
        """Say what is going on.

        Parameters
        ----------
        status
            Of the session.
        people
            How many were found in the newest frame; None before the first one.
        camera_lost
            Whether a running session waits for its camera.
        """
        color, text = _state(status, people)
        if camera_lost:
            color, text = theme.BAD, "Camera lost, waiting for it"
        self.person.setText(f'<span style="color:{color}">●</span>&nbsp; {text}')
        self._fit()

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
            self.invalid.hide()
            return
        milliseconds = {**stats.timings_ms, **draw_ms}
        for stage, label in self.stages.items():
            known = milliseconds.get(stage)
            label.setText(f"{stage} –" if known is None else f"{stage} {known:.1f} ms")
        rate = f"<b>{stats.fps:.0f}</b> of {stats.capture_fps:.0f} fps"
        self.fps.setText(rate if running and stats.fps else "– fps")
        self.dropped.setText(f"dropped {stats.dropped}")
        self.invalid.setText(f"invalid {stats.invalid_outputs}")
        self.invalid.setVisible(stats.invalid_outputs > 0)

    def show_latency(self, latency: StageSummary | None) -> None:
        """Write the latency from the camera to the screen; a dash where nothing live is shown."""
        text = "–" if latency is None else f"{latency.p50:.0f} / {latency.p95:.0f} ms"
        self.latency.setText(f"latency {text}")

    def show_reductions(self, reductions: Sequence[QualityReduction]) -> None:
        """Say what is left out because the machine is too slow; nothing at full quality."""
        self.quality.setVisible(bool(reductions))
        self.quality.setText("reduced quality")
        text = ", ".join(reduction.value for reduction in reductions)
        self.quality.setToolTip(
            f"This machine is too slow for everything at once: {text}.  A switches this off."
        )


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
