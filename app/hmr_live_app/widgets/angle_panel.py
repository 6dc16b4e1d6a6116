"""The side panel: the plot of the joint angles and, below it, the table to choose them from."""

from __future__ import annotations

from functools import partial
from typing import Final

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hmr_live.core.state import Array, FrameResult
from hmr_live.render.palette import display_color
from hmr_live_app.model.angle_history import AngleHistory
from hmr_live_app.widgets.angle_table import AngleTable
from hmr_live_app.widgets.main_thread import AfterPaint
from hmr_live_app.widgets.plots import AnglePlot, CurvePlot

#: Milliseconds between two drawings: a running curve is no easier to read at 30 a second, and
#: without a GPU every drawing takes time from the network.
_PLOT_EVERY: Final = 60
_PLOT_EVERY_WHEN_SLOW: Final = 190
#: Numbers that change faster than this cannot be read.
_NUMBERS_EVERY_PLOTS: Final = 3
_HEADING: Final = "JOINT ANGLES"
_SPANS: Final = (5, 10, 20, 60)


class AnglePanel(QWidget):
    """Plots and current values of the joint angles.

    Attributes
    ----------
    drawing
        When the plot is drawn; notify it whenever the view was painted.
    """

    #: Names of the plotted groups, whenever they change.
    choice_changed = pyqtSignal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.heading = QLabel(_HEADING)
        self.history = AngleHistory(capacity=60 * 60)
        self.plot = AnglePlot(self.history)
        self._plots = QStackedWidget()
        self._plots.addWidget(self.plot)
        self.table = AngleTable()
        self.span = QToolButton()
        self.span.setObjectName("span")
        self.span.setToolTip("Time span of the plot")
        self.span.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        spans = QMenu(self.span)
        for seconds in _SPANS:
            spans.addAction(_span_text(seconds), partial(self.set_seconds, seconds))
        self.span.setMenu(spans)
        self.table.choice_changed.connect(self._on_choice)
        self._lay_out()
        self._changed = False
        self._rounds = 0
        self.drawing = AfterPaint(self, _PLOT_EVERY)
        self.drawing.due.connect(self._refresh)
        self.set_seconds(10)

    def _lay_out(self) -> None:
        self.heading.setObjectName("heading")
        self.heading.setTextFormat(Qt.TextFormat.RichText)
        top = QHBoxLayout()
        top.addWidget(self.heading)
        top.addStretch()
        top.addWidget(self.span)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._plots, 5)
        layout.addWidget(self.table, 6)
        self.plot.setMinimumHeight(170)
        self.setMinimumWidth(300)

    @property
    def seconds(self) -> int:
        """Time span of the plot."""
        return round(self.history.seconds)

    def set_seconds(self, seconds: int) -> None:
        """Show this many seconds."""
        self.span.setText(_span_text(seconds))
        self.plot.set_seconds(seconds)
        self._changed = True

    def add(self, result: FrameResult) -> None:
        """Add a frame; :attr:`drawing` decides when it is drawn."""
        self.history.add(result)
        heading = _heading(result)
        if heading != self.heading.text():
            self.heading.setText(heading)
        self._changed = True

    def set_slow(self, slow: bool) -> None:
        """Draw the plot less often, to leave more time to everything else."""
        self.drawing.set_every(_PLOT_EVERY_WHEN_SLOW if slow else _PLOT_EVERY)

    def show_plot(self, plot: CurvePlot | None) -> None:
        """Show another plot of the chosen angles; None shows the live one again."""
        shown = self.plot if plot is None else plot
        if self._plots.indexOf(shown) < 0:
            self._plots.addWidget(shown)
            shown.choose(self.table.choice)
        self._plots.setCurrentWidget(shown)
        self.span.setVisible(plot is None)

    def show_values(self, angles: Array) -> None:
        """Show these angles, ``(len(ANGLES),)`` degrees, in the table."""
        if self.isVisible():
            self.table.show_values(angles)

    def clear(self) -> None:
        """Forget all angles: another source begins."""
        self.history.clear()
        self.heading.setText(_HEADING)
        self._changed = True

    def _refresh(self) -> None:
        if not self._changed or not self.isVisible():
            return
        self._changed = False
        self.plot.refresh()
        self._rounds += 1
        if self._rounds % _NUMBERS_EVERY_PLOTS == 0:
            self.table.show_values(self.history.latest())

    def _on_choice(self, names: tuple[str, ...]) -> None:
        for number in range(self._plots.count()):
            plot = self._plots.widget(number)
            if isinstance(plot, CurvePlot):
                plot.choose(names)
        self.choice_changed.emit(names)


def _heading(result: FrameResult) -> str:
    """Whose angles these are, where there are several people."""
    track_id = result.leader_id
    if track_id is None or (len(result.bodies) < 2 and not result.locked):
        return _HEADING
    color = "#{:02x}{:02x}{:02x}".format(*display_color(track_id))
    return f'{_HEADING} &nbsp;<span style="color:{color}">●</span> PERSON {track_id + 1}'


def _span_text(seconds: int) -> str:
    return f"last {seconds} s"
