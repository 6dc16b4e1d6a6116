"""All actions of the main window, with their texts, keys and icons, and where they appear."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu, QMenuBar, QSizePolicy, QToolBar, QWidget

from hmr_live_app.model.source import Status
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
        self.record_video = self._action("Also record &video", "", checkable=True)
        self.streams = self._action("&Live streams…", "L")
        self.smoothing = self._action("Smoothing", "S", "wave", checkable=True)
        self.mesh = self._action("Mesh", "M", "person", checkable=True)
        self.panel = self._action("Joint &angles", "P", checkable=True)
        self.takes = self._action("&Takes", "T", "list", checkable=True)
        self.adaptive = self._action("&Adapt quality to this computer", "A", checkable=True)
        self.latency = self._action("&Latency…", "H")
        self.reset_view = self._action("Reset view", "0", "home")
        self.full_screen = self._action("&Full screen", "F", checkable=True)
        self.leave_full_screen = self._action("Leave full screen", "Esc")
        self.show_recordings = self._action("Show &recordings folder", "Ctrl+R", "folder")
        self.choose_folder = self._action("Choose recordings &folder…", "")
        self.keys = self._action("&Mouse and keyboard", "F1")
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
            (self.smoothing, "Reduce jitter; adds a little delay (S)"),
            (self.takes, "Show the takes in the recordings folder (T)"),
            (self.mesh, "Draw the body mesh over the video (M)"),
            (self.reset_view, "Reset the 3D view to the front (0)"),
        ):
            action.setToolTip(tip)

    def show_status(self, status: Status, *, has_source: bool) -> None:
        """Show on the start button what it would do now."""
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
        """Show in the record button's tool tip how much earlier a take begins."""
        earlier = f"; the take begins {seconds} s earlier" if seconds else ""
        self.record.setToolTip(f"Record pose, shape and position{earlier} (R)")

    def show_streams(self, count: int) -> None:
        """Show in the menu how many live streams are on."""
        self.streams.setText(f"&Live streams ({count} on)…" if count else "&Live streams…")

    def show_recording(self, recording: bool, *, possible: bool) -> None:
        """Show on the record button what it would do now."""
        self.record.setChecked(recording)
        self.record.setText("Stop" if recording else "Record")
        self.record.setIcon(icon("stop", "#ffffff") if recording else icon("record", _RECORD_RED))
        self.record.setEnabled(recording or possible)
        self.marker.setEnabled(recording)
        self.record_video.setEnabled(not recording)


def fill_menus(
    bar: QMenuBar,
    actions: Actions,
    sources: QMenu,
    *,
    pre_roll: QMenu,
    people: QMenu,
    network: QMenu,
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
                network.menuAction(),
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
    """Build the tool bar: source, start and record on the left, switches on the right."""
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
