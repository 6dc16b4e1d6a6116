"""A line above the panes that says what went wrong, or well, without stopping anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from hmr_live_app.widgets import theme
from hmr_live_app.widgets.icons import icon

_GOOD_NEWS_MS: Final = 9000


class Banner(QFrame):
    """Hidden until there is something to say; errors stay until they are closed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._more = QToolButton()
        self._more.clicked.connect(self._run_action)
        self._close = QToolButton()
        self._close.setIcon(icon("close", theme.MUTED))
        self._close.setToolTip("Close this message")
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 8, 8)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._more)
        layout.addWidget(self._close)
        self._action: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def show_error(self, sentence: str) -> None:
        """Say what is wrong and what to do, until somebody closes it."""
        self._timer.stop()
        self._show(sentence, "error", "", None)

    def show_info(
        self, sentence: str, action_text: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Say good news for some seconds, with a button beside it if there is something to do."""
        self._show(sentence, "info", action_text, action)
        self._timer.start(_GOOD_NEWS_MS)

    def _show(
        self, sentence: str, kind: str, action_text: str, action: Callable[[], object] | None
    ) -> None:
        self._text.setText(sentence)
        self._action = action
        self._more.setText(action_text)
        self._more.setVisible(action is not None)
        self.setProperty("kind", kind)
        style = self.style()
        if style is not None:
            style.unpolish(self)
            style.polish(self)
        self.show()

    def _run_action(self) -> None:
        if self._action is not None:
            self._action()
