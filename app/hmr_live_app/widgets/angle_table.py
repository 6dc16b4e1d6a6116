"""All joint angles by joint: what is plotted, the current values, and the plot's legend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from hmr_live.core.state import Array
from hmr_live_app.model.angle_groups import SECTIONS, AngleGroup
from hmr_live_app.widgets import theme
from hmr_live_app.widgets.icons import chip, icon

_COLUMNS: Final = {"left": 1, "right": 2, "": 1}
_NO_VALUE: Final = "–"
_ENTER: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class AngleTable(QTreeWidget):
    """A heading for each joint, under it a row for each of its angles.

    A row holds the colours and the name, and the values of the left and the right side.  A click
    on a heading collapses or expands the joint.
    """

    #: Names of the checked groups, whenever they change.
    choice_changed = pyqtSignal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderLabels(["Plotted", "Left", "Right"])
        self.setRootIsDecorated(False)
        self.setIndentation(0)
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
        self._rows: list[_Row] = []
        for section in SECTIONS:
            heading = _heading(section.joint)
            self.addTopLevelItem(heading)
            for group in section.groups:
                self._rows.append(_Row(group))
                heading.addChild(self._rows[-1].item)
        self.itemExpanded.connect(_show_expansion)
        self.itemCollapsed.connect(_show_expansion)
        self.itemClicked.connect(self._toggle)

    @property
    def choice(self) -> tuple[str, ...]:
        """Names of the checked groups."""
        return tuple(row.group.name for row in self._rows if row.checked)

    def choose(self, names: Iterable[str]) -> None:
        """Check exactly these groups and expand their joints; unknown names are ignored."""
        wanted = set(names)
        for row in self._rows:
            row.check(row.group.name in wanted)
        for number, section in enumerate(SECTIONS):
            heading = self.topLevelItem(number)
            if heading is not None:
                heading.setExpanded(any(group.name in wanted for group in section.groups))
        self.choice_changed.emit(self.choice)

    def show_values(self, angles: Array) -> None:
        """Show the current angles, ``(len(ANGLES),)`` degrees; NaN shows a dash."""
        for row in self._rows:
            row.show_values(angles)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Check or uncheck the current row on Enter."""
        item = self.currentItem()
        if event is not None and item is not None and event.key() in _ENTER:
            self._toggle(item)
            return
        super().keyPressEvent(event)

    def _toggle(self, item: QTreeWidgetItem) -> None:
        for row in self._rows:
            if row.item is item:
                row.check(not row.checked)
                self.choice_changed.emit(self.choice)
                return
        item.setExpanded(not item.isExpanded())


def _heading(joint: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([joint[0].upper() + joint[1:]])
    item.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
    item.setSizeHint(0, QSize(0, 25))
    font = item.font(0)
    font.setBold(True)
    item.setFont(0, font)
    _show_expansion(item)
    return item


def _show_expansion(heading: QTreeWidgetItem) -> None:
    heading.setIcon(0, icon("expanded" if heading.isExpanded() else "collapsed", theme.MUTED))


class _Row:
    """A group and its line in the table."""

    def __init__(self, group: AngleGroup) -> None:
        self.group = group
        motion = group.angle.motion
        self.item = QTreeWidgetItem([motion[0].upper() + motion[1:]])
        self.item.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
        self.checked = False
        self.item.setSizeHint(0, QSize(0, 25))
        for column in range(3):
            self.item.setToolTip(column, f"{group.name}: {group.angle.definition}")
        for curve in group.curves:
            column = _COLUMNS[curve.side]
            alignment = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self.item.setTextAlignment(column, alignment)
            self.item.setText(column, _NO_VALUE)
        self.check(False)

    def check(self, on: bool) -> None:
        self.checked = on
        self._update_style()

    def _update_style(self) -> None:
        """Give the values of plotted angles the colours of their curves."""
        colors = [theme.curve_color(curve) for curve in self.group.curves]
        self.item.setIcon(0, chip(*colors) if self.checked else chip())
        self.item.setForeground(0, QBrush(QColor(theme.TEXT if self.checked else theme.MUTED)))
        for curve in self.group.curves:
            color = theme.curve_color(curve) if self.checked else theme.FAINT
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
