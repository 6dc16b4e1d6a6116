"""Work of the main thread that may wait until no frame has to wait for it."""

from __future__ import annotations

import time

from PyQt6.QtCore import QObject, QTimer, pyqtSignal


class AfterPaint(QObject):
    """Says every so often that something is due, if it can right after the screen was painted.

    The next frame is as far away then as it can be.

    Parameters
    ----------
    parent
        Owns it.
    every
        Milliseconds.
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
        """Milliseconds from now on."""
        self._every = every
        self._timer.setInterval(every)

    def on_painted(self) -> None:
        """The screen has just been painted."""
        self._painted = True
        QTimer.singleShot(0, self._after_paint)

    def stop(self) -> None:
        """Nothing is due any more."""
        self._timer.stop()
        self._last = float("inf")

    def _after_paint(self) -> None:
        if (time.monotonic() - self._last) * 1000 >= self._every:
            self._say()

    def _on_timer(self) -> None:
        painted, self._painted = self._painted, False
        if not painted:  # for a whole turn: no frame has to wait
            self._say()

    def _say(self) -> None:
        self._last = time.monotonic()
        self.due.emit()
