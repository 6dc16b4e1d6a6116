"""A line above the panes that reports errors and good news without blocking the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from hmr_live_app.widgets import theme
from hmr_live_app.widgets.icons import icon

_GOOD_NEWS_MS: Final = 9000


class Banner(QFrame):
    """Hidden until there is a message; errors stay until they are closed.

    Attributes
    ----------
    action_button
        Shown beside messages that have an action.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.action_button = QToolButton()
        self.action_button.clicked.connect(self._run_action)
        self._close = QToolButton()
        self._close.setIcon(icon("close", theme.MUTED))
        self._close.setToolTip("Dismiss this message")
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 8, 8)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.action_button)
        layout.addWidget(self._close)
        self._action: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        """The message."""
        return self._text.text()

    def show_error(
        self, message: str, action_text: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Show an error until it is closed, with a button for the action."""
        self._timer.stop()
        self._show(message, "error", action_text, action)

    def show_info(
        self, message: str, action_text: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Show good news for some seconds, with a button for the action."""
        self._show(message, "info", action_text, action)
        self._timer.start(_GOOD_NEWS_MS)

    def _show(
        self, message: str, kind: str, action_text: str, action: Callable[[], object] | None
    ) -> None:
        self._text.setText(message)
        self._action = action
        self.action_button.setText(action_text)
        self.action_button.setVisible(action is not None)
        self.setProperty("kind", kind)
        style = self.style()
        if style is not None:
            style.unpolish(self)
            style.polish(self)
        self.show()

    def _run_action(self) -> None:
        if self._action is not None:
            self._action()
