"""The dialog of the live streams: a switch, an address and the counts of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import QDialog, QVBoxLayout, QWidget

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import StreamError
from hmr_live.streaming import StreamKind, StreamRequest, Streams, make_stream
from hmr_live_app.widgets import theme
from hmr_live_app.widgets.streams_row import StreamRow

_REFRESH_MS: Final = 500
_STYLE: Final = f"""
QLineEdit, QComboBox {{
    background: {theme.RAISED}; border: 1px solid {theme.LINE}; border-radius: 6px;
    padding: 5px 8px;
}}
QLineEdit:disabled, QComboBox:disabled {{ background: {theme.PANEL}; color: {theme.FAINT}; }}
QComboBox::drop-down {{ border: 0; }}
QCheckBox {{ font-weight: 600; spacing: 8px; }}
QCheckBox::indicator {{
    width: 14px; height: 14px; border: 1px solid {theme.FAINT}; border-radius: 4px;
}}
QCheckBox::indicator:checked {{ background: {theme.ACCENT}; border-color: {theme.ACCENT}; }}
"""


class StreamsDialog(QDialog):
    """Switches the streams, and keeps watching them when it is closed.

    Signals: ``count_changed`` carries how many streams are on, ``problem_appeared`` a message
    that the closed dialog cannot show.

    Parameters
    ----------
    streams
        Where the results of the pipeline go.
    body
        Returns the body model of the results, or None as long as there is none.
    """

    count_changed = pyqtSignal(int)
    problem_appeared = pyqtSignal(str)

    def __init__(
        self,
        streams: Streams,
        body: Callable[[], BodyModel | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Live streams")
        self._streams, self._body = streams, body
        self.rows = {kind: StreamRow(kind) for kind in StreamKind}
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(16)
        for row in self.rows.values():
            column.addWidget(row)
            row.switched.connect(self._switch)
        column.addStretch(1)
        self.setMinimumWidth(780)
        self.setStyleSheet(_STYLE)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)

    def switch_on(self, request: StreamRequest) -> None:
        """Switch a stream on as its switch does."""
        row = self.rows[request.kind]
        row.show_request(request)
        row.switch.setChecked(True)

    def refresh(self) -> None:
        """Show the counts and problems of the streams that are on."""
        statuses = self._streams.status()
        for kind, row in self.rows.items():
            new_problem = row.show_status(statuses.get(kind))
            if new_problem is not None and not self.isVisible():
                self.problem_appeared.emit(new_problem)

    def _switch(self, kind: StreamKind, on: bool) -> None:
        row = self.rows[kind]
        if on:
            try:
                self._streams.start(kind, make_stream(row.request(), self._body))
            except StreamError as error:
                row.refuse(str(error))
                if not self.isVisible():
                    self.problem_appeared.emit(str(error))
        else:
            self._streams.stop(kind)
        count = len(self._streams.status())
        self.count_changed.emit(count)
        self._watch(count)
        self.refresh()

    def _watch(self, count: int) -> None:
        """Refresh while a stream is on or the dialog is open."""
        if count or self.isVisible():
            self._timer.start(_REFRESH_MS)
        else:
            self._timer.stop()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show current counts at once."""
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Stop refreshing unless a stream is on."""
        super().hideEvent(event)
        self._watch(len(self._streams.status()))
