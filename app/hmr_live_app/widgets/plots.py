"""Plots of the chosen joint angles, and the live one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtWidgets import QGraphicsItem, QWidget

from hmr_live.angles import ANGLES
from hmr_live.core.state import Array
from hmr_live_app.model.angle_groups import GROUPS, AngleGroup
from hmr_live_app.model.angle_history import AngleHistory, whole_turns
from hmr_live_app.widgets import theme

_MARGIN_DEGREES: Final = 8


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Axes and curves of the chosen joint angles; subclasses set the time axis and the data.

    Everything that is slow without a GPU is off: lines are one pixel wide and not antialiased,
    ranges are fixed, and data are not searched for NaN (gaps come as a connection list).
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=theme.PANEL)
        self.setAntialiasing(False)
        self._curves: dict[int, Any] = {}
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.showGrid(x=True, y=True, alpha=0.14)
        self.setFrameShape(self.Shape.NoFrame)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(theme.LINE))
            axis.setTextPen(pg.mkPen(theme.MUTED))
            axis.setStyle(tickLength=-4)
            # Drawing it with its grid takes most of a plot's time, and it hardly ever changes.
            axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.setLabel("left", "angle (°)")
        self.setLabel("bottom", "time (s)")
        self.disableAutoRange()

    @property
    def curves(self) -> dict[int, Any]:
        """Plotted items by index in :data:`hmr_live.angles.ANGLES`."""
        return self._curves

    def choose(self, names: Iterable[str]) -> None:
        """Plot these groups (names of :data:`.GROUPS`)."""
        wanted = set(names)
        chosen = [group for group in GROUPS if group.name in wanted]
        for item in self._curves.values():
            self.removeItem(item)
        self._curves = {}
        for group in chosen:
            for curve in group.curves:
                pen = pg.mkPen(theme.curve_color(curve), width=1)
                item = pg.PlotCurveItem(pen=pen, skipFiniteCheck=True)
                self.addItem(item)
                self._curves[curve.index] = item
        low, high = _range(chosen)
        self.setYRange(low, high, padding=0)


class AnglePlot(CurvePlot):
    """Curves over the last seconds; time runs to the right, now is at the right edge."""

    def __init__(self, history: AngleHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._turns: Array = np.zeros(len(ANGLES))
        self.set_seconds(history.seconds)
        self.choose([])

    def set_seconds(self, seconds: float) -> None:
        """Show this many seconds."""
        self._history.seconds = seconds
        # A little room at the right keeps the newest values off the edge.
        self.setXRange(-seconds, 0.02 * seconds, padding=0)

    def choose(self, names: Iterable[str]) -> None:
        """Show the angles of these groups."""
        super().choose(names)
        self.refresh()

    def refresh(self) -> None:
        """Draw the newest data."""
        times, values = self._history.window()
        if not len(times):
            for item in self._curves.values():
                item.setData([], [])
            return
        seen = np.isfinite(values[:, 0])
        connect: Any = "all"
        if not seen.all():
            # A line may lead to a point only when both ends are there.
            connect = np.append(seen[:-1] & seen[1:], False).astype(np.int32)
            values = np.where(seen[:, None], values, 0)
        if seen.any():
            values = values - self._turns_of(values[np.flatnonzero(seen)[-1]])
        for index, item in self._curves.items():
            item.setData(times, values[:, index], connect=connect)

    def _turns_of(self, newest: Array) -> Array:
        """Offset of each curve, a multiple of 360 degrees, that keeps its end in view.

        A curve that passes half a turn is moved as a whole; the margin keeps one that jitters
        there from jumping back and forth.
        """
        lost = np.abs(newest - self._turns) > 180 + _MARGIN_DEGREES
        self._turns[lost] = whole_turns(newest[lost])
        return self._turns


def _range(groups: list[AngleGroup]) -> tuple[int, int]:
    lows, highs = zip(*(group.range for group in groups), strict=True) if groups else ((0,), (150,))
    return min(lows) - _MARGIN_DEGREES, max(highs) + _MARGIN_DEGREES
