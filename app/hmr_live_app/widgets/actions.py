"""Everything that can be asked of the window, with its words, key and symbol, in one list."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu, QMenuBar, QSizePolicy, QToolBar, QWidget

from hmr_live_app.model.app_model import Status
from hmr_live_app.widgets import theme
from hmr_live_app.widgets.icons import icon

_RECORD_RED: Final = "#ff5d5d"


class Actions:
    """The window's actions; the window connects them, menus and tool bar show them.

    Parameters
    ----------
    window
        Gets all of them, so that the keys work when menus and tool bar are hidden.
    """

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self.open_file = self._action("&Open video, picture or take…", "Ctrl+O", "folder")
        self.quit = self._action("&Quit", "Ctrl+Q")
        self.run = self._action("Start", "Space", "play", tip="Start or pause")
        self.record = self._action("Record", "R", "record", _RECORD_RED, checkable=True)
        self.marker = self._action("Set mar&ker", "K")
        self.record_video = self._action("Record the &video too", "", checkable=True)
        self.streams = self._action("&Live streams…", "L")
        self.smoothing = self._action("Smoothing", "S", "wave", checkable=True)
        self.mesh = self._action("Mesh", "M", "person", checkable=True)
        self.panel = self._action("Joint &angles", "P", checkable=True)
        self.takes = self._action("&Takes", "T", "list", checkable=True)
        self.adaptive = self._action("&Adapt quality to the machine", "A", checkable=True)
        self.latency = self._action("&Latency…", "H")
        self.reset_view = self._action("Reset view", "0", "home")
        self.full_screen = self._action("&Full screen", "F", checkable=True)
        self.leave_full_screen = self._action("Leave full screen", "Esc")
        self.show_recordings = self._action("Show &recordings", "Ctrl+R", "folder")
        self.choose_folder = self._action("Choose &folder for recordings…", "")
        self.keys = self._action("&Mouse and keys", "F1")
        self.about = self._action("&About hmr-live", "")
        self._set_tool_tips()

    def _action(
        self,
        text: str,
        key: str,
        symbol: str = "",
        color: str = theme.TEXT,
        *,
        checkable: bool = False,
        tip: str = "",
    ) -> QAction:
        action = QAction(text, self._window)
        action.setCheckable(checkable)
        if key:
            action.setShortcut(QKeySequence(key))
        if symbol:
            checked = theme.ACCENT if checkable else ""
            action.setIcon(icon(symbol, color, checked_color=checked))
        if tip:
            action.setToolTip(f"{tip} ({key})")
        self._window.addAction(action)
        return action

    def _set_tool_tips(self) -> None:
        for action, tip in (
            (self.smoothing, "Calm the trembling of the estimate; adds a little delay (S)"),
            (self.takes, "The takes in the folder of recordings (T)"),
            (self.mesh, "Draw the body over the video (M)"),
            (self.reset_view, "Look at the 3D view from the front again (0)"),
        ):
            action.setToolTip(tip)

    def show_status(self, status: Status, *, has_source: bool) -> None:
        """Give the start button the word and symbol for what it would do now."""
        text, symbol = {
            Status.RUNNING: ("Pause", "pause"),
            Status.PAUSED: ("Continue", "play"),
            Status.ENDED: ("Play again", "replay"),
            Status.FAILED: ("Try again", "replay"),
        }.get(status, ("Start", "play"))
        self.run.setText(text)
        self.run.setIcon(icon(symbol, "#20140b"))
        self.run.setEnabled(has_source and status is not Status.OPENING)

    def show_pre_roll(self, seconds: int) -> None:
        """Say at the record button how much earlier a take begins."""
        earlier = f"; the take begins {seconds} s earlier" if seconds else ""
        self.record.setToolTip(f"Record pose, shape and place{earlier} (R)")

    def show_streams(self, count: int) -> None:
        """Say in the menu how many live streams are on."""
        self.streams.setText(f"&Live streams ({count} on)…" if count else "&Live streams…")

    def show_recording(self, recording: bool, *, possible: bool) -> None:
        """Give the record button the word and symbol for what it would do now."""
        self.record.setChecked(recording)
        self.record.setText("Stop" if recording else "Record")
        self.record.setIcon(icon("stop", "#ffffff") if recording else icon("record", _RECORD_RED))
        self.record.setEnabled(recording or possible)
        self.marker.setEnabled(recording)
        self.record_video.setEnabled(not recording)


def fill_menus(
    bar: QMenuBar, actions: Actions, sources: QMenu, pre_roll: QMenu, people: QMenu
) -> None:
    """Build the menu bar."""
    menus: tuple[tuple[str, tuple[QAction | None, ...]], ...] = (
        (
            "&File",
            (
                actions.open_file,
                None,
                actions.show_recordings,
                actions.choose_folder,
                None,
                actions.quit,
            ),
        ),
        (
            "&Live",
            (
                actions.run,
                actions.record,
                actions.marker,
                actions.record_video,
                pre_roll.menuAction(),
                None,
                people.menuAction(),
                actions.smoothing,
                actions.streams,
            ),
        ),
        (
            "&View",
            (
                actions.takes,
                actions.mesh,
                actions.panel,
                None,
                actions.latency,
                actions.adaptive,
                None,
                actions.reset_view,
                actions.full_screen,
            ),
        ),
        ("&Help", (actions.keys, actions.about)),
    )
    for title, entries in menus:
        menu = bar.addMenu(title)
        if menu is None:
            continue
        for entry in entries:
            if entry is None:
                menu.addSeparator()
            else:
                menu.addAction(entry)
        if title == "&File":
            bar.addMenu(sources)


def fill_tool_bar(bar: QToolBar, actions: Actions, source: QWidget, recording: QWidget) -> None:
    """Build the tool bar: where from, run, record; then the switches at the right."""
    bar.setMovable(False)
    bar.setFloatable(False)
    bar.setIconSize(QSize(18, 18))
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    bar.addWidget(source)
    bar.addAction(actions.run)
    bar.addAction(actions.record)
    bar.addWidget(recording)
    space = QWidget()
    space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(space)
    bar.addActions([actions.takes, actions.smoothing, actions.mesh, actions.reset_view])
    for action, name in ((actions.run, "run"), (actions.record, "record")):
        button = bar.widgetForAction(action)
        if button is not None:
            button.setObjectName(name)
            button.setMinimumWidth(104)
