"""The time line of a take: position, range and markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from hmr_live.takes.playback import Playback
from hmr_live.takes.take import Marker
from hmr_live_app.model.takes.formatting import clock
from hmr_live_app.widgets import theme

_EDGE: Final = 9
_GROOVE: Final = 6
_MARKER_REACH: Final = 5


class Scrubber(QWidget):
    """A press or drag requests a time; markers are small triangles with labels as tool tips."""

    #: The requested time, seconds since the first frame.
    time_requested = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._playback: Playback | None = None
        self._markers: tuple[tuple[float, str], ...] = ()

    def show_take(self, playback: Playback | None, markers: Sequence[Marker] = ()) -> None:
        """Show this playback from now on."""
        self._playback = playback
        start = 0.0 if playback is None else playback.start
        self._markers = tuple((marker.time - start, marker.label) for marker in markers)
        self.update()

    def sizeHint(self) -> QSize:
        """The preferred size."""
        return QSize(400, 30)

    def x_of(self, time: float) -> float:
        """Horizontal position of a time in seconds, in points."""
        duration = self._playback.duration if self._playback is not None else 0.0
        return _EDGE + (self.width() - 2 * _EDGE) * (time / duration if duration else 0.0)

    def _time_at(self, x: float) -> float:
        duration = self._playback.duration if self._playback is not None else 0.0
        return duration * min(max((x - _EDGE) / max(self.width() - 2 * _EDGE, 1), 0.0), 1.0)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Request the time under the mouse."""
        self._request_time(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Request the time under the mouse while dragging."""
        self._request_time(event)

    def _request_time(self, event: QMouseEvent | None) -> None:
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.time_requested.emit(self._time_at(event.position().x()))

    def event(self, event: object) -> bool:
        """Show the label of the marker under the mouse, or the time, as a tool tip."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._label_at(event.pos().x()), self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def _label_at(self, x: float) -> str:
        for time, label in self._markers:
            if abs(self.x_of(time) - x) <= _MARKER_REACH:
                return f"{label} · {clock(time, exact=True)}"
        return clock(self._time_at(x), exact=True)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw groove, range, markers and the current time."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2 + 3
        self._bar(painter, theme.RAISED, _EDGE, self.width() - _EDGE, middle)
        playback = self._playback
        if playback is None:
            return
        first, last = self.x_of(playback.in_point), self.x_of(playback.out_point)
        self._bar(painter, theme.HOVER, first, last, middle)
        now = self.x_of(playback.time)
        if first < now:
            self._bar(painter, "#8a5a3a", first, min(now, last), middle)
        painter.setBrush(QColor(theme.WARNING))
        for time, _ in self._markers:
            x = self.x_of(time)
            top = middle - _GROOVE / 2 - 2
            painter.drawPolygon(
                QPolygonF([QPointF(x, top), QPointF(x - 4, top - 7), QPointF(x + 4, top - 7)])
            )
        if playback.trimmed:
            painter.setBrush(QColor(theme.GOOD))
            for x in (first, last):
                painter.drawRect(QRectF(x - 1, middle - 8, 2, 16))
        painter.setBrush(QColor(theme.ACCENT))
        painter.drawEllipse(QPointF(now, middle), 7, 7)

    def _bar(self, painter: QPainter, color: str, left: float, right: float, y: float) -> None:
        painter.setBrush(QColor(color))
        half = _GROOVE / 2
        painter.drawRoundedRect(QRectF(left, y - half, right - left, _GROOVE), half, half)
