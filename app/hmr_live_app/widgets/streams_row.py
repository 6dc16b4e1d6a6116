"""One stream in the dialog of the live streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from hmr_live.streaming import StreamKind, StreamRequest, StreamStatus
from hmr_live.streaming.request import DEFAULT_ADDRESSES
from hmr_live.streaming.schema import FORMATS
from hmr_live_app.widgets import theme


@dataclass(frozen=True, slots=True)
class _Texts:
    name: str
    purpose: str
    address: str
    choices: tuple[str, ...] = ()


_TEXTS: Final = {
    StreamKind.VMC: _Texts(
        "VMC",
        "Drives avatars in apps that receive the Virtual Motion Capture protocol.",
        "Address of the receiver, HOST:PORT",
    ),
    StreamKind.WEBSOCKET: _Texts(
        "WebSocket",
        "Serves browsers and programs. Open the address in a browser to see the skeleton.",
        "HOST:PORT to listen on; 127.0.0.1 serves this computer only",
    ),
    StreamKind.UDP: _Texts(
        "UDP",
        "Sends one datagram per frame.",
        "Address of the receiver, HOST:PORT",
        tuple(reversed(FORMATS)),
    ),
    StreamKind.VIRTUAL_CAMERA: _Texts(
        "Virtual camera",
        "Appears as a webcam in other programs.",
        "Device; leave empty to use the first one found",
        ("with the mesh", "without the mesh"),
    ),
}


class StreamRow(QWidget):
    """Switch, address and choice; below them its purpose, or its counts and problem.

    The signal ``switched`` carries the kind and whether it is to be on.

    Parameters
    ----------
    kind
        Which stream.
    """

    switched = pyqtSignal(StreamKind, bool)

    def __init__(self, kind: StreamKind) -> None:
        super().__init__()
        self.kind = kind
        texts = _TEXTS[kind]
        self._request = StreamRequest(kind, DEFAULT_ADDRESSES[kind])
        self._problem: str | None = None
        self.switch = QCheckBox(texts.name)
        self.address = QLineEdit(DEFAULT_ADDRESSES[kind])
        self.address.setPlaceholderText(texts.address)
        self.address.setToolTip(texts.address)
        self.choice = QComboBox()
        self.choice.addItems(texts.choices)
        self.counts = QLabel()
        self.message = QLabel()
        self.message.setWordWrap(True)
        # Room for the longest message, so that the rows below stay where they are.
        self.message.setMinimumHeight(2 * self.message.fontMetrics().lineSpacing() + 4)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.addWidget(self.switch, 0, 0)
        grid.addWidget(self.address, 0, 1)
        grid.addWidget(self.choice, 0, 2)
        grid.addWidget(self.counts, 1, 1, 1, 2)
        grid.addWidget(self.message, 2, 1, 1, 2)
        grid.setColumnMinimumWidth(0, 140)
        self.choice.setVisible(bool(texts.choices))
        grid.setColumnStretch(1, 1)
        self.switch.toggled.connect(lambda on: self.switched.emit(kind, on))
        self._show_message(None)
        self.show_status(None)

    def request(self) -> StreamRequest:
        """What the user has chosen."""
        changes = replace(self._request, address=self.address.text())
        if self.kind is StreamKind.UDP:
            return replace(changes, format=self.choice.currentText())
        if self.kind is StreamKind.VIRTUAL_CAMERA:
            return replace(changes, overlay=self.choice.currentIndex() == 0)
        return changes

    def show_request(self, request: StreamRequest) -> None:
        """Fill in the fields."""
        self._request = request
        self.address.setText(request.address)
        if self.kind is StreamKind.UDP:
            self.choice.setCurrentText(request.format)
        elif self.kind is StreamKind.VIRTUAL_CAMERA:
            self.choice.setCurrentIndex(0 if request.overlay else 1)

    def refuse(self, message: str) -> None:
        """Stay off and show why."""
        self.switch.blockSignals(True)
        self.switch.setChecked(False)
        self.switch.blockSignals(False)
        self._show_message(message)

    def show_status(self, status: StreamStatus | None) -> str | None:
        """Show the counts, or that it is off.

        Returns
        -------
        str or None
            The problem, if it is new.
        """
        self.address.setEnabled(status is None)
        self.choice.setEnabled(status is None)
        self.counts.setVisible(status is not None)
        if status is None:
            self._problem = None
            return None
        clients = "" if status.clients is None else f"{status.clients} connected · "
        self.counts.setText(
            f"{status.address} · {clients}{status.sent:,} sent · {status.dropped:,} dropped"
        )
        appeared = status.problem if status.problem != self._problem else None
        self._problem = status.problem
        self._show_message(status.problem)
        return appeared

    def _show_message(self, problem: str | None) -> None:
        self.message.setText(problem or _TEXTS[self.kind].purpose)
        self.message.setStyleSheet(f"color: {theme.MUTED if problem is None else theme.BAD}")
