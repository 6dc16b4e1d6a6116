"""The menu of how much earlier than the record button a take begins."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QActionGroup
from PyQt6.QtWidgets import QMenu

_CHOICES: Final = (0, 1, 3, 5, 10, 30)


class PreRollMenu(QMenu):
    """One choice of seconds; :meth:`choose` sets it, ``chosen`` carries what the user picks."""

    chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__("&Pre-roll")
        self._group = QActionGroup(self)
        for seconds in _CHOICES:
            action = self.addAction(f"{seconds} s" if seconds else "None")
            if action is not None:
                action.setCheckable(True)
                action.setData(seconds)
                self._group.addAction(action)
        self._group.triggered.connect(lambda action: self.chosen.emit(action.data()))

    def choose(self, seconds: int) -> None:
        """Show this choice; one that is not offered leaves all unchecked."""
        for action in self._group.actions():
            action.setChecked(action.data() == seconds)
