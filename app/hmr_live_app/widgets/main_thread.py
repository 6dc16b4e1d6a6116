"""Runs functions in Qt's main thread, whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtSignal


class MainThread(QObject):
    """A queue into the thread that made this object; calls keep their order."""

    _asked = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # PyQt's types do not know the second argument.
        self._asked.connect(self._run, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]

    def __call__(self, function: Callable[[], None]) -> None:
        """Run ``function`` soon; returns at once, callable from any thread."""
        try:
            self._asked.emit(function)
        except RuntimeError:
            # The window is gone and with it the object behind the signal: nobody is left to tell.
            return

    def _run(self, function: Callable[[], None]) -> None:
        function()
