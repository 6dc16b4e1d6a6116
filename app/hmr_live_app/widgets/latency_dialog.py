"""The dialog that shows how long frames take from the camera to the screen."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import QDialog, QLabel, QToolButton, QVBoxLayout, QWidget

from hmr_live.live.latency import SEGMENTS, LatencyMeter, LatencyReport
from hmr_live_app.widgets import theme

_EVERY_MS: Final = 500
#: The axis reaches at least this far (ms), so that it stays still while latencies are low.
_LEAST_AXIS_MS: Final = 80.0
_NAMES: Final = {
    "capture": "decoding, and waiting to be processed",
    "recovery": "from image to bodies",
    "hand-over": "waiting for the window",
    "drawing": "painting, until the buffers are swapped",
}


class LatencyDialog(QDialog):
    """Histogram of the latency since the source was opened, and the share of each segment.

    Parameters
    ----------
    latency
        What is shown.
    """

    def __init__(self, latency: LatencyMeter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._latency = latency
        self.setWindowTitle("Latency")
        self.setStyleSheet(theme.CONTROLS_STYLE)
        self.resize(560, 460)
        self.heading = QLabel()
        self.heading.setTextFormat(Qt.TextFormat.RichText)
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.plot, self._bars, self._marks = _histogram()
        again = QToolButton()
        again.setText("Measure again")
        again.clicked.connect(self._measure_again)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(12)
        layout.addWidget(self.heading)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.table)
        layout.addWidget(again, 0, Qt.AlignmentFlag.AlignRight)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)

    def refresh(self) -> None:
        """Show the newest measurements."""
        report = self._latency.report()
        if report is None:
            self.heading.setText("No frame from a camera or video has been shown yet.")
            self.table.setText("")
            self._bars.setOpts(x=[], height=[], width=1)
            for mark in self._marks:
                mark.hide()
            return
        self.heading.setText(
            f"From the camera to the screen, {report.frames} frames: 50 % within "
            f"<b>{report.p50:.0f} ms</b>, 95 % within <b>{report.p95:.0f} ms</b>"
        )
        self._show_bars(report)
        self.table.setText(_table(report))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Update the measurements while visible."""
        super().showEvent(event)
        self.refresh()
        self._timer.start(_EVERY_MS)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Stop updating."""
        super().hideEvent(event)
        self._timer.stop()

    def _measure_again(self) -> None:
        self._latency.clear()
        self.refresh()

    def _show_bars(self, report: LatencyReport) -> None:
        width = report.bar_ms
        counts = np.array(report.bars)
        filled = int(np.flatnonzero(counts)[-1]) + 1
        reach = max(filled * width, _LEAST_AXIS_MS)
        shares = 100 * counts[: int(reach / width)] / report.frames
        self._bars.setOpts(
            x=(np.arange(len(shares)) + 0.5) * width, height=shares, width=0.86 * width
        )
        self.plot.setXRange(0, reach, padding=0)
        self.plot.setYRange(0, max(float(shares.max()), 1.0) * 1.08, padding=0)
        for mark, value in zip(self._marks, (report.p50, report.p95), strict=True):
            mark.setPos(min(value, reach))
            mark.show()


def _histogram() -> tuple[Any, Any, list[Any]]:
    """Plot, bars, and the two lines that mark the median and the 95th percentile."""
    plot = pg.PlotWidget(background=theme.PANEL)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(False, False)
    plot.hideButtons()
    plot.setLabel("bottom", "milliseconds from capture to display")
    plot.setLabel("left", "frames (%)")
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(theme.LINE))
        axis.setTextPen(pg.mkPen(theme.MUTED))
    bars = pg.BarGraphItem(x=[], height=[], width=1, brush=theme.ACCENT, pen=None)
    plot.addItem(bars)
    marks = []
    for label, height in (("50 %", 0.94), ("95 %", 0.84)):
        mark = pg.InfiniteLine(
            pen=pg.mkPen(theme.TEXT, width=1),
            label=label,
            labelOpts={"color": theme.TEXT, "position": height, "anchors": [(0, 0), (0, 0)]},
        )
        plot.addItem(mark)
        marks.append(mark)
    return plot, bars, marks


def _table(report: LatencyReport) -> str:
    rows = "".join(
        "<tr>"
        f"<td style='padding-right:14px'>{name}</td>"
        f"<td style='padding-right:18px;color:{theme.MUTED}'>{_NAMES[name]}</td>"
        f"<td align='right' style='padding-right:14px'>{report.segments[name].p50:.1f} ms</td>"
        f"<td align='right' style='padding-right:14px'>{report.segments[name].p95:.1f} ms</td>"
        f"<td align='right'>{report.shares[name]:.0%}</td>"
        "</tr>"
        for name in SEGMENTS
    )
    cells = "".join(
        f"<td align='right' style='padding-right:14px;color:{theme.FAINT}'>{word}</td>"
        for word in ("50 %", "95 %", "share")
    )
    return f"<table><tr><td></td><td></td>{cells}</tr>{rows}</table>"
