"""Takes in the window: connects player, list, transport bar, plot and dialogs to the views."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PyQt6.QtCore import QFile, QObject, QTimer, pyqtSignal
from PyQt6.QtWidgets import QMainWindow

from hmr_live.body.model import BodyModel
from hmr_live.core.state import BodyState, FrameResult
from hmr_live.takes.edit import keep_range, split_at
from hmr_live.takes.header import SUFFIX
from hmr_live.takes.playback import Playback
from hmr_live_app.model.background import CallInMain
from hmr_live_app.model.takes.collection import TakeCollection
from hmr_live_app.model.takes.player import TakePlayer
from hmr_live_app.scene.scene_view import SceneView
from hmr_live_app.takes.export_dialog import ExportDialog
from hmr_live_app.takes.panel import TakesPanel
from hmr_live_app.takes.plot import TakePlot
from hmr_live_app.takes.transport import TransportBar
from hmr_live_app.widgets.angle_panel import AnglePanel
from hmr_live_app.widgets.banner import Banner

_TICK_MS: Final = 15
#: Milliseconds between two drawings of cursor and numbers.
_NUMBERS_EVERY_MS: Final = 66
#: A range that begins or ends at a frame includes it, however its time is rounded.
_EDGE_S: Final = 1e-6


class TakesWorkspace(QObject):
    """The parts of the main window that handle takes.

    Parameters
    ----------
    window
        Gets the list as a dock.
    view, angles, banner
        Its views, used while a take is open.
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    load_body
        The body model in use; called in a worker thread.
    folder
        Where recordings are.
    """

    #: A take is shown; it is no longer.
    opened = pyqtSignal()
    closed = pyqtSignal()
    #: It has started or paused.
    changed = pyqtSignal()
    #: The live view, or the recordings folder, is to be shown.
    live_requested = pyqtSignal()
    folder_requested = pyqtSignal()

    def __init__(
        self,
        window: QMainWindow,
        view: SceneView,
        angles: AnglePanel,
        banner: Banner,
        call_in_main: CallInMain,
        load_body: Callable[[], BodyModel],
        folder: Callable[[], Path],
    ) -> None:
        super().__init__(window)
        self._window, self._view, self._angles, self._banner = window, view, angles, banner
        self._call_in_main, self._folder = call_in_main, folder
        #: The take that is being recorded; the list leaves it out.
        self.recording: Path | None = None
        self.player = TakePlayer(call_in_main, load_body)
        self.collection = TakeCollection(call_in_main, lambda path: QFile.moveToTrash(str(path))[0])
        self.list = TakesPanel(self.collection, window)
        self.transport = TransportBar(self.player)
        self.plot = TakePlot(self.player)
        self.export_dialog: ExportDialog | None = None
        self.people: int | None = None
        self._ticker = QTimer(self)
        self._ticker.timeout.connect(self._tick)
        self._ticked = 0.0
        self._numbers = QTimer(self)
        self._numbers.setSingleShot(True)
        self._numbers.timeout.connect(self._show_numbers)
        self._connect_player()
        self._connect_views()

    @property
    def is_open(self) -> bool:
        """Whether a take is shown."""
        return self.player.is_open

    @property
    def playing(self) -> bool:
        """Whether it is playing."""
        return self.player.playback is not None and self.player.playback.playing

    def open(self, path: Path) -> None:
        """Read this file and show it; the current view stays until it has been read."""
        self._banner.hide()
        self._view.set_hint(f"Opening {path.name}…")
        self.player.open(path)

    def toggle_playing(self) -> None:
        """Play or pause."""
        self.player.control(Playback.toggle)

    def refresh_list(self) -> None:
        """Update the list of takes if it is visible."""
        if self.list.isVisible():
            self.collection.refresh(self._folder(), self.recording)

    def close(self) -> None:
        """Close the take."""
        self.player.close()

    def trim(self) -> None:
        """Save the range as a new take."""
        best, playback = self.player.best, self.player.playback
        if best is not None and playback is not None:
            start = playback.start + playback.in_point - _EDGE_S
            end = playback.start + playback.out_point + _EDGE_S
            folder, stem = self._place()
            self.collection.save(lambda: keep_range(best, start, end), folder, f"{stem}_trimmed")

    def split(self) -> None:
        """Save the parts before and after this moment as new takes."""
        best, playback = self.player.best, self.player.playback
        if best is not None and playback is not None:
            moment = playback.moment - _EDGE_S
            folder, stem = self._place()
            for part in range(2):
                self.collection.save(
                    lambda part=part: split_at(best, moment)[part],  # type: ignore[misc]
                    folder,
                    f"{stem}_part{part + 1}",
                )

    def keep_smoothed(self) -> None:
        """Save the smoothed take as a new take."""
        smoothed = self.player.smoothed
        if smoothed is not None:
            folder, stem = self._place()
            self.collection.save(lambda: smoothed, folder, f"{stem}_smoothed")

    def export(self) -> None:
        """Open the export dialog for the shown take."""
        current, best = self.player.current, self.player.best
        if current is None or best is None:
            return
        if self.export_dialog is not None and self.export_dialog.isVisible():
            self.export_dialog.raise_()
            return
        folder, stem = self._place()
        dialog = ExportDialog(best, current.body, stem, folder, self._call_in_main, self._window)
        self.export_dialog = dialog
        dialog.show()

    def _place(self) -> tuple[Path, str]:
        """Folder and stem for files made from the take: beside it, if it is an hmr-live take."""
        current = self.player.current
        if current is None or current.path.suffix.lower() != SUFFIX:
            return self._folder(), "take" if current is None else current.path.stem
        return current.path.parent, current.path.stem

    def _connect_player(self) -> None:
        player, collection = self.player, self.collection
        player.opened.connect(self._on_opened)
        player.closed.connect(self._on_closed)
        player.changed.connect(self._on_changed)
        player.moved.connect(self._on_moved)
        player.shown.connect(self._on_shown)
        player.angles_ready.connect(self._on_moved)
        player.failed.connect(self._on_failed)
        player.noted.connect(self._banner.show_error)
        collection.failed.connect(self._banner.show_error)
        collection.saved.connect(self._on_saved)
        collection.renamed.connect(self._on_renamed)
        collection.removed.connect(self._on_removed)

    def _connect_views(self) -> None:
        self.list.open_requested.connect(self.open)
        self.list.folder_requested.connect(self.folder_requested)
        self.list.visibilityChanged.connect(lambda _: self.refresh_list())
        self.plot.time_requested.connect(self.player.seek)
        bar = self.transport
        bar.trim_requested.connect(self.trim)
        bar.split_requested.connect(self.split)
        bar.keep_requested.connect(self.keep_smoothed)
        bar.export_requested.connect(self.export)
        bar.live_requested.connect(self.live_requested)

    def _on_opened(self) -> None:
        current = self.player.current
        if current is None:
            return
        self._view.clear()
        self._view.set_body(current.body)
        self._view.set_video_caption("VIDEO" if current.take.video else "CAMERA")
        self._angles.show_plot(self.plot)
        self.list.select(current.path)
        self.opened.emit()

    def _on_closed(self) -> None:
        self._ticker.stop()
        self.people = None
        self._view.clear()
        self._view.set_video_caption("VIDEO")
        self._angles.show_plot(None)
        self.closed.emit()

    def _on_changed(self) -> None:
        if self.playing and not self._ticker.isActive():
            self._ticked = time.monotonic()
            self._ticker.start(_TICK_MS)
        elif not self.playing:
            self._ticker.stop()
        self.changed.emit()

    def _on_failed(self, message: str) -> None:
        self._banner.show_error(message)
        self.changed.emit()

    def _tick(self) -> None:
        now = time.monotonic()
        elapsed, self._ticked = now - self._ticked, now
        self.player.tick(elapsed)

    def _on_moved(self) -> None:
        if not self._numbers.isActive():
            self._numbers.start(_NUMBERS_EVERY_MS)

    def _show_numbers(self) -> None:
        playback = self.player.playback
        if playback is None:
            return
        self.plot.follow()
        degrees = self.plot.degrees_at(playback.time)
        if degrees is not None:
            self._angles.show_values(degrees)

    def _on_shown(self, result: FrameResult, ghosts: tuple[BodyState, ...]) -> None:
        self.people = len(result.bodies)
        self._view.show_result(result, ghosts)

    def _on_saved(self, path: Path, message: str) -> None:
        self._banner.show_info(message, "Open", lambda: self.open(path))
        self.refresh_list()

    def _on_renamed(self, old: Path, new: Path) -> None:
        self.player.note_rename(old, new)
        self.refresh_list()

    def _on_removed(self, path: Path) -> None:
        current = self.player.current
        if current is not None and current.path == path:
            self.player.close()
        self.refresh_list()
