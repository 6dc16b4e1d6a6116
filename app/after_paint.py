"""Work of the main thread that may wait until no frame has to wait for it."""

from __future__ import annotations

import time
from typing import Final

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

#: So many times longer than usual is waited for a painted screen.
_PATIENCE: Final = 2


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
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._without_paint)
        self._timer.start(every)

    def set_every(self, every: int) -> None:
        """Milliseconds from now on."""
        self._every = every
        self._timer.setInterval(every)

    def on_painted(self) -> None:
        """The screen has just been painted."""
        QTimer.singleShot(0, self._after_paint)

    def stop(self) -> None:
        """Nothing is due any more."""
        self._timer.stop()
        self._last = float("inf")

    def _after_paint(self) -> None:
        self._say(self._every)

    def _without_paint(self) -> None:
        self._say(_PATIENCE * self._every)

    def _say(self, least: int) -> None:
        now = time.monotonic()
        if (now - self._last) * 1000 >= least:
            self._last = now
            self.due.emit()
