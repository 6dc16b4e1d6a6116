"""The menu of networks: the one that suits this computer, or one by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QActionGroup
from PyQt6.QtWidgets import QMenu

from hmr_live.recovery.network_choice import AUTO

_CHOICES: Final = (
    (AUTO, "&Automatic"),
    ("lite", "&Lite (fastest)"),
    ("full", "&Full"),
    ("heavy", "&Heavy (most accurate)"),
)


class NetworkMenu(QMenu):
    """One choice of a network; :meth:`choose` sets it, ``chosen`` carries what the user picks."""

    chosen = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__("&Network")
        self._group = QActionGroup(self)
        for name, text in _CHOICES:
            action = self.addAction(text)
            if action is not None:
                action.setCheckable(True)
                action.setData(name)
                self._group.addAction(action)
        self._group.triggered.connect(lambda action: self.chosen.emit(action.data()))

    def choose(self, network: str | Path) -> None:
        """Show this choice; a file that is no shipped network leaves all unchecked."""
        for action in self._group.actions():
            action.setChecked(action.data() == network)
