"""The joint angles of a whole take: a click seeks, the wheel zooms, dragging pans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QWidget
from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

from hmr_live_app.model.angle_groups import GROUPS
from hmr_live_app.model.angle_history import whole_turns
from hmr_live_app.model.takes.curves import AngleCurves, decimate
from hmr_live_app.model.takes.player import TakePlayer
from hmr_live_app.widgets import theme
from hmr_live_app.widgets.plots import CurvePlot

#: Twice as many points are drawn of each curve: about one a pixel.
_BINS: Final = 300
_SHORTEST_VIEW_S: Final = 0.5


class TakePlot(CurvePlot):
    """Curves of the person chosen in a player; raw ones are pale beside smoothed ones.

    Parameters
    ----------
    player
        The model.

    Attributes
    ----------
    time_cursor
        The line at the time of the playback.
    """

    #: The clicked time, seconds since the first frame.
    time_requested = pyqtSignal(float)

    def __init__(self, player: TakePlayer, parent: QWidget | None = None) -> None:
        self._player = player
        self._raw: dict[int, Any] = {}
        super().__init__(parent)
        self.setMouseEnabled(x=True, y=False)
        self.time_cursor = pg.InfiniteLine(pen=pg.mkPen(theme.ACCENT, width=1))
        self.addItem(self.time_cursor)
        self.getPlotItem().getViewBox().sigXRangeChanged.connect(self._draw)
        self.scene().sigMouseClicked.connect(self._on_click)
        player.opened.connect(self._on_opened)
        player.angles_ready.connect(self._draw)
        self.setToolTip("Click to seek · scroll to zoom · double-click to show the whole take")

    def choose(self, names: Iterable[str]) -> None:
        """Show the angles of these groups."""
        wanted = set(names)
        super().choose(wanted)
        for item in self._raw.values():
            self.removeItem(item)
        self._raw = {}
        for curve in (c for group in GROUPS if group.name in wanted for c in group.curves):
            color = QColor(theme.curve_color(curve))
            color.setAlphaF(0.45)
            pen = pg.mkPen(color, width=1)
            self._raw[curve.index] = self.plot(pen=pen, skipFiniteCheck=True)
        self._draw()

    def degrees_at(self, time: float) -> np.ndarray[Any, Any] | None:
        """Angles at this many seconds, -180 to 180 degrees; None while they are not known."""
        curves = self._player.curves
        if curves is None:
            return None
        row = max(int(np.searchsorted(curves.times, time + 1e-6, side="right")) - 1, 0)
        degrees = curves.degrees[row]
        return np.asarray(degrees - whole_turns(degrees))

    def _on_opened(self) -> None:
        for item in (*self.curves.values(), *self._raw.values()):
            item.setData([], [])
        self._show_whole()

    def _show_whole(self) -> None:
        playback = self._player.playback
        if playback is not None:
            length = max(playback.duration, _SHORTEST_VIEW_S)
            self.setLimits(xMin=0, xMax=length, minXRange=_SHORTEST_VIEW_S)
            self.setXRange(0, length, padding=0)

    def _draw(self, *_: object) -> None:
        self._draw_curves(self._player.curves, self.curves)
        compared = self._player.raw_curves if self._player.compare else None
        self._draw_curves(compared, self._raw)

    def _draw_curves(self, curves: AngleCurves | None, items: dict[int, Any]) -> None:
        if curves is None:
            for item in items.values():
                item.setData([], [])
            return
        (start, end), _ = self.viewRange()
        for index, item in items.items():
            degrees = curves.degrees[:, index]
            turns = whole_turns(np.asarray(np.median(degrees)))
            times, values, connect = decimate(curves.times, degrees - turns, start, end, _BINS)
            item.setData(times, values, connect=connect)

    def follow(self) -> None:
        """Move the cursor to the time of the playback."""
        playback = self._player.playback
        if playback is None:
            return
        self.time_cursor.setValue(playback.time)
        (start, end), _ = self.viewRange()
        if not start <= playback.time <= end:  # turn the page
            self.setXRange(playback.time, playback.time + end - start, padding=0)

    def _on_click(self, event: MouseClickEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.double():
            self._show_whole()
        else:
            self.time_requested.emit(
                float(self.getPlotItem().getViewBox().mapSceneToView(event.scenePos()).x())
            )
