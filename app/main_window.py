"""The main window: puts the views together and connects them with the session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PyQt6.QtCore import Qt, QTimer, QUrl
from PyQt6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QLabel,
    QMainWindow,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app import dialogs
from app.actions import Actions, fill_menus, fill_tool_bar
from app.angle_panel import AnglePanel
from app.banner import Banner
from app.icons import application_icon
from app.main_thread import MainThread
from app.preferences import Preferences, load_preferences, save_preferences
from app.recording_label import RecordingLabel
from app.scene_view import SceneView, why_no_opengl
from app.session import LivePipeline, Session, SourceChoice, Status
from app.source_picker import SourcePicker
from app.status import StatusLine
from engine.state import FrameResult

#: Numbers in the status bar and the recording's clock.
_NUMBERS_EVERY_MS: Final = 250
#: Nobody needs to hear at once that nobody is there: people turn, doors open.
_LOOKING_AFTER_S: Final = 0.7


class MainWindow(QMainWindow):
    """Video and 3D view in the middle, joint angles at the right, everything else around them.

    Parameters
    ----------
    open_pipeline
        Loads networks and body; called in a worker thread.
    demo
        The shipped clip.
    smoothing
        False switches smoothing off for this run, whatever the preferences say.
    """

    def __init__(
        self,
        open_pipeline: Callable[[], LivePipeline],
        demo: SourceChoice,
        *,
        smoothing: bool = True,
    ) -> None:
        super().__init__()
        self.setWindowIcon(application_icon())
        self.setAcceptDrops(True)
        self.preferences: Preferences = load_preferences()
        self.main_thread = MainThread(self)
        self.session = Session(
            open_pipeline, self.main_thread, smoothing=smoothing and self.preferences.smoothing
        )
        self.commands = Actions(self)
        self.picker = SourcePicker(demo, self.main_thread)
        self.view = SceneView()
        self.panel = AnglePanel()
        self.banner = Banner()
        self.status_line = StatusLine()
        self.recording_label = RecordingLabel()
        self._graphics_problem: str | None = None
        self._people: int | None = None
        self._alone_since: float | None = None
        self._lay_out()
        self._connect_session()
        self._connect_widgets()
        self._restore()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._show_numbers)
        self._timer.start(_NUMBERS_EVERY_MS)

    def open(self, spec: int | str | Path | SourceChoice) -> None:
        """Show this camera, file or choice."""
        choice = spec if isinstance(spec, SourceChoice) else self.picker.choice_for(spec)
        self.banner.hide()
        if self._graphics_problem is not None:  # no other source makes that better
            self.banner.show_error(self._graphics_problem)
        self.session.open(choice)

    def _lay_out(self) -> None:
        container = self._graphics_area()
        container.setMinimumSize(420, 260)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.banner)
        column.addWidget(container, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.panel)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setSizes([1000, 370])
        self.splitter.setHandleWidth(10)
        self.splitter.setChildrenCollapsible(False)
        middle = QWidget()
        frame = QVBoxLayout(middle)
        frame.setContentsMargins(12, 0, 12, 10)
        frame.addWidget(self.splitter)
        self.setCentralWidget(middle)
        self.setStatusBar(self.status_line)
        bar = self.menuBar()
        if bar is not None:
            fill_menus(bar, self.commands, self.picker.sources_menu)
        self.tool_bar = self.addToolBar("Tools")
        if self.tool_bar is not None:
            fill_tool_bar(self.tool_bar, self.commands, self.picker, self.recording_label)

    def _graphics_area(self) -> QWidget:
        """The scene, or words in its place where there is no OpenGL."""
        self._graphics_problem = why_no_opengl()
        if self._graphics_problem is None:
            area = QWidget.createWindowContainer(self.view)
            area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            return area
        words = QLabel("No 3D view without OpenGL 3.3")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return words

    def _connect_session(self) -> None:
        session = self.session
        session.status_changed.connect(self._show_status)
        session.source_changed.connect(self._on_source_changed)
        session.result_ready.connect(self._on_result)
        session.pipeline_ready.connect(lambda pipeline: self.view.set_body(pipeline.body))
        session.recording_changed.connect(self._show_recording)
        session.recording_saved.connect(self._on_saved)
        session.failed.connect(self.banner.show_error)

    def _connect_widgets(self) -> None:
        actions = self.commands
        actions.open_file.triggered.connect(self.choose_file)
        actions.quit.triggered.connect(self.close)
        actions.run.triggered.connect(self.session.toggle_running)
        actions.record.triggered.connect(self.toggle_recording)
        actions.smoothing.toggled.connect(self.session.set_smoothing)
        actions.mesh.toggled.connect(self.view.set_show_mesh)
        actions.panel.toggled.connect(self.panel.setVisible)
        actions.reset_view.triggered.connect(self.view.reset_view)
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.leave_full_screen.triggered.connect(lambda: actions.full_screen.setChecked(False))
        actions.show_recordings.triggered.connect(self._show_folder)
        actions.choose_folder.triggered.connect(self._choose_folder)
        actions.keys.triggered.connect(lambda: dialogs.show_keys(self))
        actions.about.triggered.connect(lambda: dialogs.show_about(self))
        self.picker.chosen.connect(self.open)
        self.picker.file_wanted.connect(self.choose_file)
        self.view.failed.connect(self._on_graphics_problem)

    def _restore(self) -> None:
        self.commands.smoothing.setChecked(self.session.smoothing)
        self.commands.mesh.setChecked(self.preferences.show_mesh)
        self.commands.panel.setChecked(self.preferences.show_panel)
        self.panel.setVisible(self.preferences.show_panel)
        self.view.set_show_mesh(self.preferences.show_mesh)
        self.panel.set_seconds(self.preferences.seconds)
        self.panel.table.choose(self.preferences.angles)
        self.resize(1440, 860)
        if self.preferences.geometry is not None:
            self.restoreGeometry(self.preferences.geometry)
        if self.preferences.splitter is not None:
            self.splitter.restoreState(self.preferences.splitter)
        self._show_status()
        self._show_recording()

    def toggle_recording(self) -> None:
        """Start or finish a recording."""
        if self.session.recording is None:
            self.session.start_recording(self.preferences.recordings)
        else:
            self.session.stop_recording()
        self._show_recording()

    def choose_file(self) -> None:
        """Ask for a video or picture and open it."""
        path = dialogs.ask_for_file(self, self.preferences.videos)
        if path is not None:
            self.preferences.videos = path.parent
            self.open(path)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Folder for recordings", str(self.preferences.recordings)
        )
        if chosen:
            self.preferences.recordings = Path(chosen)

    def _show_folder(self) -> None:
        folder = self.preferences.recordings
        if folder.is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
        else:
            self.banner.show_info(f"There are no recordings yet; they will be saved in {folder}.")

    def _set_full_screen(self, on: bool) -> None:
        for part in (self.menuBar(), self.tool_bar, self.status_line):
            if part is not None:
                part.setVisible(not on)
        self.panel.setVisible(not on and self.commands.panel.isChecked())
        if on:
            self.showFullScreen()
        else:
            self.showNormal()

    def _on_graphics_problem(self, sentence: str) -> None:
        self._graphics_problem = sentence
        self.banner.show_error(sentence)

    def _on_source_changed(self) -> None:
        self._people = None
        self.view.clear()
        self.panel.clear()

    def _on_result(self, result: FrameResult) -> None:
        self.view.show_result(result)
        self.panel.add(result)
        self._people = len(result.bodies)
        if self._people:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = result.frame.time
        self._show_hint(result.frame.time)

    def _show_status(self) -> None:
        status, choice = self.session.status, self.session.source
        self.picker.show_choice(choice)
        self.setWindowTitle("hmr-live" if choice is None else f"{choice.label} – hmr-live")
        self.commands.show_status(status, has_source=choice is not None)
        self.commands.show_recording(
            self.session.recording is not None, possible=self.session.can_record
        )
        self.status_line.show_state(status, self._people)
        self._show_hint()

    def _show_hint(self, time: float | None = None) -> None:
        alone = self._alone_since
        looking = time is not None and alone is not None and time - alone > _LOOKING_AFTER_S
        first = self.session.pipeline is None
        choice = self.session.source
        ended = "The video has ended · press Space to play it again"
        self.view.set_hint(
            {
                Status.OPENING: "Loading the network…" if first else "Opening…",
                Status.RUNNING: "Step into the picture, head to feet" if looking else "",
                Status.PAUSED: "Paused · press Space to go on",
                Status.ENDED: "" if choice is not None and choice.is_picture else ended,
                Status.FAILED: "No picture",
            }.get(self.session.status, "")
        )

    def _show_recording(self) -> None:
        recording = self.session.recording
        self.commands.show_recording(recording is not None, possible=self.session.can_record)
        self.recording_label.show_recording(recording)

    def _on_saved(self, path: Path) -> None:
        self.banner.show_info(f"Recording saved as {path}", "Show folder", self._show_folder)

    def _show_numbers(self) -> None:
        draw = {stage: summary.p50 for stage, summary in self.view.draw_times.summary().items()}
        running = self.session.status is Status.RUNNING
        self.status_line.show_stats(self.session.stats(), draw, running=running)
        self.status_line.show_state(self.session.status, self._people)
        if self.session.recording is not None:
            self._show_recording()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """A file may be dropped on the window."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open the dropped file."""
        data = None if event is None else event.mimeData()
        paths = [url.toLocalFile() for url in data.urls()] if data is not None else []
        if paths and paths[0]:
            self.open(Path(paths[0]))

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Remember everything, finish the recording, stop the threads."""
        self._timer.stop()
        chosen = self.preferences
        chosen.smoothing = self.commands.smoothing.isChecked()
        chosen.show_mesh = self.commands.mesh.isChecked()
        chosen.show_panel = self.commands.panel.isChecked()
        chosen.angles, chosen.seconds = self.panel.table.choice, self.panel.seconds
        if not self.isFullScreen():
            chosen.geometry, chosen.splitter = self.saveGeometry(), self.splitter.saveState()
        save_preferences(chosen)
        self.session.close()
        super().closeEvent(event)
