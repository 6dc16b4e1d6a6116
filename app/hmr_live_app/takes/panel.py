"""The list of takes beside the view."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QPoint, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QBrush, QColor, QKeySequence, QResizeEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDockWidget,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from hmr_live.takes.header import SUFFIX
from hmr_live.takes.summary import TakeSummary
from hmr_live_app.model.takes.collection import TakeCollection
from hmr_live_app.model.takes.formatting import clock, file_size
from hmr_live_app.widgets import theme

_COLUMNS: Final = ("Name", "Recorded", "Length", "Frames", "People", "Size", "Video")
#: Pixels; the name takes what is left over and is never narrower than this.
_WIDTHS: Final = (92, 106, 52, 58, 54, 68, 46)
_PATH: Final = Qt.ItemDataRole.UserRole
_ORDER: Final = Qt.ItemDataRole.UserRole + 1


class TakesPanel(QDockWidget):
    """Lists a collection; double-click or Enter opens, F2 renames, Delete moves to the trash.

    Parameters
    ----------
    collection
        The model.
    """

    #: The path of the take to open.
    open_requested = pyqtSignal(object)
    #: The folder is to be shown.
    folder_requested = pyqtSignal()

    def __init__(self, collection: TakeCollection, parent: QWidget | None = None) -> None:
        super().__init__("Takes", parent)
        self.setObjectName("takes")
        self.setTitleBarWidget(QWidget())  # the heading below has the title
        self._collection = collection
        self.tree = _Table()
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setSortingEnabled(True)
        self.tree.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty = QLabel("No takes yet. Press R to record one.")
        self.empty.setObjectName("time")
        self.open_action = self._action("Open", "", self._open)
        self.rename_action = self._action("Rename", "F2", self._rename)
        self.delete_action = self._action("Move to trash", "Del", self._delete)
        self.repair_action = self._action("Repair", "", self._repair)
        self.folder_action = self._action("Show folder", "", self.folder_requested.emit)
        self._lay_out()
        self.tree.itemActivated.connect(lambda *_: self._open())
        self.tree.itemChanged.connect(self._on_edited)
        self.tree.itemSelectionChanged.connect(self._on_selected)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        collection.changed.connect(self.refresh)
        self.refresh()

    @property
    def selected(self) -> Path | None:
        """The chosen take."""
        items = self.tree.selectedItems()
        return None if not items else items[0].data(0, _PATH)

    def select(self, path: Path) -> None:
        """Choose this take, if it is listed."""
        for item in self._items():
            if item.data(0, _PATH) == path:
                self.tree.setCurrentItem(item)

    def refresh(self) -> None:
        """Show the collection's takes."""
        chosen = self.selected
        with QSignalBlocker(self.tree):
            self.tree.clear()
            for summary in self._collection.takes:
                self.tree.addTopLevelItem(_Row(summary))
        if chosen is not None:
            self.select(chosen)
        self.empty.setVisible(not self._collection.takes)
        self._on_selected()

    def _action(self, text: str, key: str, handler: Callable[[], object]) -> QAction:
        action = QAction(text, self.tree)
        if key:
            action.setShortcut(QKeySequence(key))
            # Delete works only while the list has the keyboard focus.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _: handler())
        self.tree.addAction(action)
        return action

    def _lay_out(self) -> None:
        content = QWidget()
        content.setObjectName("panel")
        content.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        content.setStyleSheet(theme.CONTROLS_STYLE)
        heading = QLabel("TAKES")
        heading.setObjectName("heading")
        rows = (
            (self.open_action, self.rename_action, self.repair_action),
            (self.delete_action, self.folder_action),
        )
        buttons = QVBoxLayout()
        buttons.setSpacing(6)
        for actions in rows:
            row = QHBoxLayout()
            row.setSpacing(6)
            for action in actions:
                button = QToolButton()
                button.setDefaultAction(action)
                button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
                row.addWidget(button)
            buttons.addLayout(row)
        column = QVBoxLayout(content)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(self.empty)
        column.addWidget(self.tree, 1)
        column.addLayout(buttons)
        content.setMinimumWidth(280)
        self.setWidget(content)

    def _items(self) -> list[QTreeWidgetItem]:
        items = (self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount()))
        return [item for item in items if item is not None]

    def _on_selected(self) -> None:
        path = self.selected
        broken = any(
            s.path == path and (s.problem or not s.complete) for s in self._collection.takes
        )
        for action in (self.open_action, self.rename_action, self.delete_action):
            action.setEnabled(path is not None)
        self.repair_action.setEnabled(broken)

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self.tree)
        menu.addActions(
            [self.open_action, self.rename_action, self.repair_action, self.delete_action]
        )
        menu.popup(self.tree.mapToGlobal(at))

    def _open(self) -> None:
        if self.selected is not None:
            self.open_requested.emit(self.selected)

    def _rename(self) -> None:
        item = self.tree.currentItem()
        if item is not None:
            self.tree.editItem(item, 0)

    def _delete(self) -> None:
        if self.selected is not None:
            self._collection.delete(self.selected)

    def _repair(self) -> None:
        if self.selected is not None:
            self._collection.repair(self.selected)

    def _on_edited(self, item: QTreeWidgetItem, column: int) -> None:
        path: Path = item.data(0, _PATH)
        if column == 0 and item.text(0) != path.name.removesuffix(SUFFIX):
            self._collection.rename(path, item.text(0))


class _Table(QTreeWidget):
    """Shows as many columns, from the first, as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderLabels(list(_COLUMNS))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Hide the columns for which there is no room; the tool tips show everything."""
        room = self.contentsRect().width()
        for column, width in enumerate(_WIDTHS):
            room -= width
            self.setColumnHidden(column, column > 0 and room < 0)
        super().resizeEvent(event)


class _Row(QTreeWidgetItem):
    """A take in the list."""

    def __init__(self, summary: TakeSummary) -> None:
        recorded = datetime.fromtimestamp(summary.recorded)
        texts = ["damaged", "–", "–"]
        if not summary.problem:
            texts = [clock(summary.seconds), str(summary.frames), str(summary.people)]
        day = f"{recorded:%d %b %H:%M}" if recorded.year == datetime.now().year else ""
        video = "yes" if summary.video else "–"
        texts = [day or f"{recorded:%Y-%m-%d}", *texts, file_size(summary.size), video]
        super().__init__([summary.path.name.removesuffix(SUFFIX), *texts])
        self.setFlags(self.flags() | Qt.ItemFlag.ItemIsEditable)
        self.setData(0, _PATH, summary.path)
        orders = (summary.recorded, summary.seconds, summary.frames, summary.people, summary.size)
        for column, order in enumerate(orders, start=1):
            self.setData(column, _ORDER, float(order))
        problem = summary.problem or (
            ""
            if summary.complete
            else "The recording was interrupted. Choose Repair to recover it."
        )
        if problem:
            color = theme.BAD if summary.problem else theme.WARNING
            for column in range(len(_COLUMNS)):
                self.setForeground(column, QBrush(QColor(color)))
        facts = "\n".join(f"{c}: {text}" for c, text in zip(_COLUMNS[1:], texts, strict=True))
        for column in range(len(_COLUMNS)):
            self.setToolTip(column, problem or f"{summary.path}\n{facts}")

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        """Sort numbers as numbers."""
        tree = self.treeWidget()
        column = 0 if tree is None else tree.sortColumn()
        mine, theirs = self.data(column, _ORDER), other.data(column, _ORDER)
        if mine is None or theirs is None:
            return self.text(column).lower() < other.text(column).lower()
        return bool(mine < theirs)
