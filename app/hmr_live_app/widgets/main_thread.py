"""Work in Qt's main thread: calls from other threads, and what can wait for a painted frame."""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal


class MainThreadInvoker(QObject):
    """Invokes functions in the thread that made this object; calls keep their order."""

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
            # The window is gone, and with it the object behind the signal.
            return

    def _run(self, function: Callable[[], None]) -> None:
        function()


class AfterPaint(QObject):
    """Emits :attr:`due` at intervals, right after a frame was painted if possible.

    The next frame is then as far away as it can be.

    Parameters
    ----------
    parent
        Owns it.
    every
        Interval in milliseconds.
    """

    due = pyqtSignal()

    def __init__(self, parent: QObject, every: int) -> None:
        super().__init__(parent)
        self._every = every
        self._last = 0.0
        self._painted = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer)
        self._timer.start(every)

    def set_every(self, every: int) -> None:
        """Change the interval, in milliseconds."""
        self._every = every
        self._timer.setInterval(every)

    def on_painted(self) -> None:
        """Note that the view has just been painted."""
        self._painted = True
        QTimer.singleShot(0, self._after_paint)

    def stop(self) -> None:
        """Emit nothing any more."""
        self._timer.stop()
        self._last = float("inf")

    def _after_paint(self) -> None:
        if (time.monotonic() - self._last) * 1000 >= self._every:
            self._emit()

    def _on_timer(self) -> None:
        painted, self._painted = self._painted, False
        if not painted:  # for a whole interval: no frame has to wait
            self._emit()

    def _emit(self) -> None:
        self._last = time.monotonic()
        self.due.emit()
