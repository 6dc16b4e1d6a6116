"""The bar below the view that plays, cuts and smooths a take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from PyQt6.QtCore import QSignalBlocker, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hmr_live.takes.playback import SPEEDS, Playback
from hmr_live.takes.smooth import DEFAULT_CUTOFF, HIGHEST_CUTOFF, LOWEST_CUTOFF
from hmr_live_app.model.takes.formatting import clock, speed_text
from hmr_live_app.model.takes.player import TakePlayer
from hmr_live_app.takes.scrubber import Scrubber
from hmr_live_app.widgets import theme
from hmr_live_app.widgets.icons import icon

#: A cutoff that is still being changed is not applied yet.
_CUTOFF_RESTS_MS: Final = 400


class TransportBar(QWidget):
    """Shows and controls the playback of a player; hidden while no take is open.

    Parameters
    ----------
    player
        The model.
    """

    trim_requested = pyqtSignal()
    split_requested = pyqtSignal()
    keep_requested = pyqtSignal()
    export_requested = pyqtSignal()
    live_requested = pyqtSignal()

    def __init__(self, player: TakePlayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(theme.CONTROLS_STYLE)
        self._player = player
        self.scrubber = Scrubber()
        self.time = QLabel()
        self.time.setObjectName("time")
        self.speed = QComboBox()
        for speed in SPEEDS:
            self.speed.addItem(speed_text(speed), speed)
        self.speed.setToolTip("Playback speed")
        self.person = QComboBox()
        self.person.setToolTip("Person whose joint angles are shown")
        self.cutoff = QDoubleSpinBox()
        self.cutoff.setRange(LOWEST_CUTOFF, HIGHEST_CUTOFF)
        self.cutoff.setDecimals(1)
        self.cutoff.setSingleStep(0.5)
        self.cutoff.setPrefix("cutoff ")
        self.cutoff.setSuffix(" Hz")
        self.cutoff.setValue(DEFAULT_CUTOFF)
        self.cutoff.setToolTip("Movements faster than this are smoothed away as jitter")
        self._make_actions()
        self._lay_out()
        self._cutoff_rests = QTimer(self)
        self._cutoff_rests.setSingleShot(True)
        self._cutoff_rests.timeout.connect(self._smooth)
        self._connect()
        self.hide()

    def _make_actions(self) -> None:
        self.back = self._action("Previous frame", "Left", "step back", self._step(-1))
        self.play = self._action("Play", "", "play", self._command(Playback.toggle), "#20140b")
        self.forward = self._action("Next frame", "Right", "step", self._step(1))
        self.loop = self._action("Loop", "", "replay", self._set_loop, checkable=True)
        self.mark_in = self._action("In", "I", "", self._command(Playback.mark_in))
        self.mark_out = self._action("Out", "O", "", self._command(Playback.mark_out))
        self.whole = self._action("Whole take", "", "", self._command(Playback.clear_range))
        self.trim = self._action("Trim to range", "", "", self.trim_requested.emit)
        self.split = self._action("Split here", "", "", self.split_requested.emit)
        self.smooth = self._action("Smooth", "", "", self._set_smooth, checkable=True)
        self.compare = self._action("Compare", "", "", self._player.set_compare, checkable=True)
        self.keep = self._action("Save as new take", "", "", self.keep_requested.emit)
        self.export = self._action("Export…", "Ctrl+E", "", self.export_requested.emit)
        self.live = self._action("Live", "Ctrl+L", "camera", self.live_requested.emit)
        self.compare.setChecked(True)
        for action, tip in (
            (self.play, "Play or pause (Space)"),
            (self.loop, "Repeat the range"),
            (self.mark_in, "Start the range here (I)"),
            (self.mark_out, "End the range here (O)"),
            (self.whole, "Reset the range to the whole take"),
            (self.trim, "Save the range as a new take"),
            (self.split, "Save the parts before and after this moment as two new takes"),
            (self.smooth, "Smooth the whole take without adding delay"),
            (self.compare, "Show the original take next to the smoothed one"),
            (self.keep, "Save the smoothed take as a new take"),
            (self.export, "Export the take to another file format (Ctrl+E)"),
            (self.live, "Close the take and return to the live view (Ctrl+L)"),
        ):
            action.setToolTip(tip)

    def _action(
        self,
        text: str,
        key: str,
        symbol: str,
        handler: Callable[..., object],
        color: str = theme.TEXT,
        *,
        checkable: bool = False,
    ) -> QAction:
        action = QAction(text, self)
        action.setCheckable(checkable)
        if key:
            action.setShortcut(key)
            action.setToolTip(f"{text} ({key})")
        if symbol:
            action.setIcon(icon(symbol, color))
        if checkable:
            action.toggled.connect(handler)
        else:
            action.triggered.connect(lambda _: handler())
        # Its keys work in the whole window, but only while the bar is visible.
        self.addAction(action)
        return action

    def _lay_out(self) -> None:
        above, below = QHBoxLayout(), QHBoxLayout()
        for row in (above, below):
            row.setSpacing(6)
        above.addWidget(self._button(self.back))
        play = self._button(self.play)
        play.setObjectName("play")
        above.addWidget(play)
        above.addWidget(self._button(self.forward))
        above.addWidget(self.scrubber, 1)
        above.addWidget(self.time)
        below.addWidget(self.speed)
        for action in (self.loop, self.mark_in, self.mark_out):
            below.addWidget(self._button(action))
        below.addWidget(self._cut_button())
        below.addStretch(1)
        below.addWidget(self.person)
        below.addWidget(self._button(self.smooth))
        below.addWidget(self._button(self.export))
        below.addWidget(self._button(self.live, with_text=True))
        self.smoothing_row = QWidget()
        third = QHBoxLayout(self.smoothing_row)
        third.setContentsMargins(0, 0, 0, 0)
        third.setSpacing(6)
        self.smoothing_label = QLabel()
        self.smoothing_label.setObjectName("time")
        third.addWidget(self.smoothing_label)
        third.addWidget(self.cutoff)
        third.addStretch(1)
        third.addWidget(self._button(self.compare))
        third.addWidget(self._button(self.keep))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.addLayout(above)
        column.addLayout(below)
        column.addWidget(self.smoothing_row)
        self.smoothing_row.hide()

    def _button(self, action: QAction, *, with_text: bool = False) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if with_text:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def _cut_button(self) -> QToolButton:
        """One button for what is done with the range: the bar must fit into small windows."""
        button = QToolButton()
        button.setText("Cut…")
        button.setToolTip("Trim to the range, split here, or reset the range")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.addActions([self.trim, self.split, self.whole])
        button.setMenu(menu)
        return button

    def _connect(self) -> None:
        player = self._player
        player.opened.connect(self._on_opened)
        player.closed.connect(self.hide)
        player.moved.connect(self._show_time)
        player.changed.connect(self.refresh)
        self.scrubber.time_requested.connect(player.seek)
        self.speed.activated.connect(self._set_speed)
        self.person.activated.connect(lambda row: player.follow(self.person.itemData(row)))
        self.cutoff.valueChanged.connect(lambda _: self._cutoff_rests.start(_CUTOFF_RESTS_MS))

    def _on_opened(self) -> None:
        current = self._player.current
        if current is None:
            return
        self.scrubber.show_take(self._player.playback, current.take.markers)
        self.smooth.setChecked(False)
        self.person.clear()
        for track_id in self._player.people:
            self.person.addItem(f"Person {track_id + 1}", track_id)
        self.person.setVisible(self.person.count() > 1)
        self.show()

    def refresh(self) -> None:
        """Show the state of the player."""
        player, playback = self._player, self._player.playback
        if playback is None:
            return
        self.play.setText("Pause" if playback.playing else "Play")
        self.play.setIcon(icon("pause" if playback.playing else "play", "#20140b"))
        self.speed.setCurrentIndex(self.speed.findData(playback.speed))
        self.person.setCurrentIndex(self.person.findData(player.track_id))
        smooth = player.smoothed is not None
        with QSignalBlocker(self.loop):
            self.loop.setChecked(playback.loop)
        self.smoothing_label.setText("Smoothing…" if player.is_smoothing else "Smoothed")
        for action in (self.compare, self.keep):
            action.setEnabled(smooth)
        self.whole.setEnabled(playback.trimmed)
        self.trim.setEnabled(playback.trimmed)
        self.split.setEnabled(0 < playback.time < playback.duration)
        self._show_time()

    def _show_time(self) -> None:
        playback = self._player.playback
        if playback is None:
            return
        self.scrubber.update()
        self.split.setEnabled(0 < playback.time < playback.duration)
        self.time.setText(
            f"<b>{clock(playback.time, exact=True)}</b> / {clock(playback.duration, exact=True)}"
            f" &nbsp; {playback.index + 1} of {playback.frames}"
        )

    def _command(self, command: Callable[[Playback], object]) -> Callable[[], None]:
        return partial(self._player.control, command)

    def _step(self, frames: int) -> Callable[[], None]:
        return self._command(lambda playback: playback.step(frames))

    def _set_loop(self, on: bool) -> None:
        self._player.control(lambda playback: setattr(playback, "loop", on))

    def _set_speed(self, row: int) -> None:
        speed = self.speed.itemData(row)
        self._player.control(lambda playback: setattr(playback, "speed", speed))

    def _set_smooth(self, on: bool) -> None:
        self.smoothing_row.setVisible(on)
        if on:
            self._smooth()
        else:
            self._player.drop_smoothing()

    def _smooth(self) -> None:
        if self.smooth.isChecked():
            self._player.smooth(self.cutoff.value())
