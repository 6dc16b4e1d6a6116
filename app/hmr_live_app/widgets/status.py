"""The status bar: who is in sight, frame rates, and the time of each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QStatusBar, QWidget

from hmr_live.core.timing import StageSummary
from hmr_live.live.quality import QualityReduction
from hmr_live.live.session import LiveStats
from hmr_live_app.model.source import Status
from hmr_live_app.widgets import theme

#: The stages of a frame, in order.
STAGES: Final = ("capture", "detect", "network", "body", "draw")
#: Room between two parts, in points.
_BETWEEN_PARTS: Final = 8


class StatusLine(QStatusBar):
    """Labels that are updated a few times a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.person = QLabel()
        self.person.setTextFormat(Qt.TextFormat.RichText)
        self.addWidget(self.person)
        #: The only part that a narrow window leaves out.
        self._stage_row = QWidget()
        row = QHBoxLayout(self._stage_row)
        row.setContentsMargins(0, 0, 0, 0)
        self.stages = {stage: QLabel() for stage in STAGES}
        for stage, label in self.stages.items():
            label.setToolTip(f"Median time of the stage “{stage}” in milliseconds")
            row.addWidget(label)
        self.addPermanentWidget(self._stage_row)
        self.fps = QLabel()
        self.fps.setToolTip("Frames per second: processed, and delivered by the source")
        self.dropped = QLabel()
        self.dropped.setToolTip(
            "Frames skipped because a newer one arrived first, so that you always see the latest"
        )
        self.invalid = QLabel()
        self.invalid.setStyleSheet(f"color: {theme.WARNING}")
        self.invalid.setToolTip(
            "Network outputs that were not finite numbers; they are neither drawn nor recorded"
        )
        self.latency = QLabel()
        self.latency.setToolTip(
            "Milliseconds from the camera to the screen: median and 95th percentile of recent "
            "frames. Press H for details."
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
        """Let the window be narrower than the numbers."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the stages only if they fit."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        others = (self.person, self.quality, self.dropped, self.invalid, self.latency, self.fps)
        shown = [self._stage_row, *(part for part in others if not part.isHidden())]
        needed = sum(part.sizeHint().width() + _BETWEEN_PARTS for part in shown)
        self._stage_row.setVisible(needed <= self.width())

    def show_state(self, status: Status, people: int | None, *, camera_lost: bool = False) -> None:
        """Show what the program is doing.

        Parameters
        ----------
        status
            Of the live source or the open take.
        people
            How many were found in the newest frame; None before the first one.
        camera_lost
            Whether a running source waits for its camera.
        """
        color, text = _state(status, people)
        if camera_lost:
            color, text = theme.BAD, "Camera lost, waiting for it to return"
        self.person.setText(f'<span style="color:{color}">●</span>&nbsp; {text}')
        self._fit()

    def show_stats(
        self, stats: LiveStats | None, draw_ms: Mapping[str, float], *, running: bool = False
    ) -> None:
        """Show the numbers; dashes where nothing is known.

        Parameters
        ----------
        stats
            Of the present source.
        draw_ms
            Milliseconds of the stage ``draw``, which ``stats`` does not cover.
        running
            Whether frames arrive; otherwise there is no rate to show.
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
        """Show the latency from the camera to the screen; a dash unless the source is live."""
        text = "–" if latency is None else f"{latency.p50:.0f} / {latency.p95:.0f} ms"
        self.latency.setText(f"latency {text}")

    def show_reductions(self, reductions: Sequence[QualityReduction]) -> None:
        """Show how quality was reduced because the computer is too slow; hidden at full quality."""
        self.quality.setVisible(bool(reductions))
        self.quality.setText("reduced quality")
        text = ", ".join(reduction.value for reduction in reductions)
        self.quality.setToolTip(
            f"This computer is too slow for full quality: {text}. Press A to switch this off."
        )


def _state(status: Status, people: int | None) -> tuple[str, str]:
    """Colour and text."""
    if status is Status.RUNNING and people is not None:
        if people:
            return theme.GOOD, "Person found" if people == 1 else f"{people} people found"
        return theme.WARNING, "Looking for a person…"
    return {
        Status.IDLE: (theme.FAINT, "Ready"),
        Status.OPENING: (theme.WARNING, "Opening…"),
        Status.RUNNING: (theme.WARNING, "Waiting for the first frame…"),
        Status.PAUSED: (theme.MUTED, "Paused"),
        Status.ENDED: (theme.MUTED, "Ended"),
        Status.FAILED: (theme.BAD, "Stopped"),
    }[status]
