"""List of all joint angles: choose what is plotted, read the present values; also the legend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from app import theme
from app.angle_groups import GROUPS, AngleGroup
from app.icons import chip
from engine.state import Array

_COLUMNS: Final = {"left": 1, "right": 2, "": 1}
_NO_VALUE: Final = "–"
_ENTER: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class AngleTable(QTreeWidget):
    """One row a joint angle: colours and name, value on the left, value on the right."""

    #: Names of the checked groups, whenever they change.
    choice_changed = pyqtSignal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderLabels(["In the plot", "Left", "Right"])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        if header is not None:
            header.setSectionsMovable(False)
            header.setStretchLastSection(False)
            header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            for column in (1, 2):
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
                header.resizeSection(column, 62)
        titles = self.headerItem()
        if titles is not None:
            for column in (1, 2):
                titles.setTextAlignment(
                    column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                )
        self._rows = [_Row(group) for group in GROUPS]
        for row in self._rows:
            self.addTopLevelItem(row.item)
        self.itemClicked.connect(self._toggle)

    @property
    def choice(self) -> tuple[str, ...]:
        """Names of the checked groups."""
        return tuple(row.group.name for row in self._rows if row.checked)

    def choose(self, names: Iterable[str]) -> None:
        """Check exactly these groups; unknown names are ignored."""
        wanted = set(names)
        for row in self._rows:
            row.check(row.group.name in wanted)
        self.choice_changed.emit(self.choice)

    def show_values(self, angles: Array) -> None:
        """Write the present angles, ``(len(ANGLES),)`` degrees; NaN shows a dash."""
        for row in self._rows:
            row.show_values(angles)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enter checks the row that the arrow keys have reached."""
        item = self.currentItem()
        if event is not None and item is not None and event.key() in _ENTER:
            self._toggle(item)
            return
        super().keyPressEvent(event)

    def _toggle(self, item: QTreeWidgetItem) -> None:
        row = self._rows[self.indexOfTopLevelItem(item)]
        row.check(not row.checked)
        self.choice_changed.emit(self.choice)


class _Row:
    """A group and its line in the table."""

    def __init__(self, group: AngleGroup) -> None:
        self.group = group
        self.item = QTreeWidgetItem([group.name[0].upper() + group.name[1:]])
        self.item.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
        self.checked = False
        self.item.setSizeHint(0, QSize(0, 25))
        for column in range(3):
            self.item.setToolTip(column, f"{group.name}: {group.definition}")
        for curve in group.curves:
            column = _COLUMNS[curve.side]
            alignment = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self.item.setTextAlignment(column, alignment)
            self.item.setText(column, _NO_VALUE)
        self.check(False)

    def check(self, on: bool) -> None:
        self.checked = on
        self.dress()

    def dress(self) -> None:
        """Values of plotted angles carry the colours of their curves."""
        colors = [curve.color for curve in self.group.curves]
        self.item.setIcon(0, chip(*colors) if self.checked else chip())
        self.item.setForeground(0, QBrush(QColor(theme.TEXT if self.checked else theme.MUTED)))
        for curve in self.group.curves:
            color = curve.color if self.checked else theme.FAINT
            font = self.item.font(_COLUMNS[curve.side])
            font.setBold(self.checked)
            self.item.setFont(_COLUMNS[curve.side], font)
            self.item.setForeground(_COLUMNS[curve.side], QBrush(QColor(color)))

    def show_values(self, angles: Array) -> None:
        for curve in self.group.curves:
            value = angles[curve.index]
            text = f"{round(float(value))}°" if np.isfinite(value) else _NO_VALUE
            column = _COLUMNS[curve.side]
            if self.item.text(column) != text:
                self.item.setText(column, text)
