"""The main window: puts the views together and connects them to the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QLabel,
    QMainWindow,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from hmr_live.body.model import BodyModel
from hmr_live.core.state import FrameResult
from hmr_live_app.model.app_model import AppModel, LivePipeline
from hmr_live_app.model.error_reports import ErrorReports
from hmr_live_app.model.source import SourceChoice, Status
from hmr_live_app.model.takes.file_types import is_take
from hmr_live_app.scene.scene_view import SceneView, opengl_problem
from hmr_live_app.takes.workspace import TakesWorkspace
from hmr_live_app.widgets import dialogs
from hmr_live_app.widgets.actions import Actions, fill_menus, fill_tool_bar
from hmr_live_app.widgets.angle_panel import AnglePanel
from hmr_live_app.widgets.banner import Banner
from hmr_live_app.widgets.camera_watch import CameraWatch
from hmr_live_app.widgets.error_notice import ErrorNotice, circumstances
from hmr_live_app.widgets.hints import Hints
from hmr_live_app.widgets.icons import application_icon
from hmr_live_app.widgets.latency_dialog import LatencyDialog
from hmr_live_app.widgets.main_thread import AfterPaint, MainThreadInvoker
from hmr_live_app.widgets.network_menu import NetworkMenu
from hmr_live_app.widgets.people import PeopleController
from hmr_live_app.widgets.performance import Performance
from hmr_live_app.widgets.pre_roll_menu import PreRollMenu
from hmr_live_app.widgets.preferences import (
    Preferences,
    WindowState,
    load_preferences,
    save_preferences,
)
from hmr_live_app.widgets.recording_label import RecordingLabel
from hmr_live_app.widgets.source_picker import SourcePicker
from hmr_live_app.widgets.status import StatusLine
from hmr_live_app.widgets.streams_dialog import StreamsDialog

#: Interval at which the status bar and the recording label are updated.
_NUMBERS_EVERY_MS: Final = 250
#: How long a sentence about what is going on stays in the status bar.
_ANNOUNCEMENT_MS: Final = 4000


class MainWindow(QMainWindow):
    """Video and 3D view in the middle, joint angles on the right, everything else around them.

    Parameters
    ----------
    open_pipeline
        Loads networks and body; called in a worker thread.
    load_body
        Loads the body alone, for takes; called in a worker thread.
    demo
        The included clip.
    smoothing
        False switches smoothing off for this run, whatever the preferences say.
    people
        How many people to track in this run; None uses the preferences.
    network
        The network of this run: ``auto``, a shipped one's name or a file; None uses the
        preferences.
    """

    def __init__(
        self,
        open_pipeline: Callable[[], LivePipeline],
        demo: SourceChoice,
        *,
        smoothing: bool = True,
        people: int | None = None,
        network: str | Path | None = None,
        load_body: Callable[[], BodyModel] = BodyModel.default,
    ) -> None:
        super().__init__()
        self.setWindowIcon(application_icon())
        self.setAcceptDrops(True)
        self.preferences: Preferences = load_preferences()
        self.main_thread = MainThreadInvoker(self)
        self.model = AppModel(
            open_pipeline, self.main_thread, smoothing=smoothing and self.preferences.smoothing
        )
        self.commands = Actions(self)
        self.picker = SourcePicker(demo, self.main_thread)
        self.pre_roll = PreRollMenu()
        self.network_menu = NetworkMenu()
        self.view = SceneView()
        self.people_controller = PeopleController(self.model, self.view)
        self.panel = AnglePanel()
        self.banner = Banner()
        self.errors = ErrorReports(self._circumstances)
        self.error_notice = ErrorNotice(self.errors, self.main_thread)
        self.status_line = StatusLine()
        self.recording_label = RecordingLabel()
        self._load_body = load_body
        self._known_body: BodyModel | None = None
        self.takes = TakesWorkspace(
            self,
            self.view,
            self.panel,
            self.banner,
            self.main_thread,
            self._body_in_use,
            lambda: self.preferences.recordings,
        )
        self.streams = StreamsDialog(self.model.streams, self._body, self)
        self._graphics_problem: str | None = None
        self._people: int | None = None
        self._requested_people = people
        self._requested_network = network
        self.performance = Performance(self.model, self.view, self.panel)
        self.latency = LatencyDialog(self.performance.latency, self)
        self._hints = Hints(self.model)
        self._camera_watch = CameraWatch(self.model, self.banner)
        self._numbers = AfterPaint(self, _NUMBERS_EVERY_MS)
        self._lay_out()
        self._connect_model()
        self._connect_widgets()
        self._state = WindowState(
            self,
            self.splitter,
            self.commands,
            self.pre_roll,
            self.panel,
            self.takes.list,
            self.view,
            self.performance,
        )
        self._restore()
        self._numbers.due.connect(self._show_numbers)

    def open(self, spec: int | str | Path | SourceChoice) -> None:
        """Show this camera, file or choice; a take is played."""
        if isinstance(spec, str | Path) and is_take(spec):
            self.takes.open(Path(spec))
            return
        self.takes.close()
        choice = spec if isinstance(spec, SourceChoice) else self.picker.choice_for(spec)
        self.banner.hide()
        if self._graphics_problem is not None:  # no other source changes that
            self.banner.show_error(self._graphics_problem)
        self.model.open(choice)

    def _lay_out(self) -> None:
        container = self._graphics_area()
        container.setMinimumSize(420, 260)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.error_notice)
        column.addWidget(self.banner)
        column.addWidget(container, 1)
        column.addWidget(self.takes.transport)
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
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.takes.list)
        bar = self.menuBar()
        if bar is not None:
            fill_menus(
                bar,
                self.commands,
                self.picker.sources_menu,
                pre_roll=self.pre_roll,
                people=self.people_controller.menu,
                network=self.network_menu,
            )
        self.tool_bar = self.addToolBar("Tools")
        if self.tool_bar is not None:
            fill_tool_bar(self.tool_bar, self.commands, self.picker, self.recording_label)

    def _graphics_area(self) -> QWidget:
        """The scene, or a label in its place where there is no OpenGL."""
        self._graphics_problem = opengl_problem()
        if self._graphics_problem is None:
            area = QWidget.createWindowContainer(self.view)
            area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            return area
        placeholder = QLabel("The 3D view needs OpenGL 3.3")
        placeholder.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return placeholder

    def _connect_model(self) -> None:
        model = self.model
        model.status_changed.connect(self._show_status)
        model.source_changed.connect(self._on_source_changed)
        model.result_ready.connect(self._on_result)
        model.pipeline_ready.connect(lambda pipeline: self.view.set_body(pipeline.body))
        model.recording_changed.connect(self._show_recording)
        model.recording_saved.connect(self._on_saved)
        model.failed.connect(self.banner.show_error)

    def _connect_widgets(self) -> None:
        actions = self.commands
        actions.open_file.triggered.connect(self.choose_file)
        actions.quit.triggered.connect(self.close)
        actions.run.triggered.connect(self._toggle_running)
        actions.record.triggered.connect(self.toggle_recording)
        actions.marker.triggered.connect(self.model.add_marker)
        self.pre_roll.chosen.connect(self._set_pre_roll)
        actions.smoothing.toggled.connect(self.model.set_smoothing)
        actions.streams.triggered.connect(self._show_streams)
        self.streams.count_changed.connect(actions.show_streams)
        self.streams.problem_appeared.connect(self.banner.show_error)
        actions.mesh.toggled.connect(self.view.set_show_mesh)
        for periodic in (self.panel.drawing, self._numbers):
            self.view.frameSwapped.connect(periodic.on_painted)
        actions.panel.toggled.connect(self.panel.setVisible)
        actions.takes.toggled.connect(self.takes.list.setVisible)
        self.takes.opened.connect(self._on_take_opened)
        self.takes.closed.connect(self._show_status)
        self.takes.changed.connect(self._show_status)
        self.takes.live_requested.connect(self._back_to_live)
        self.takes.folder_requested.connect(self._show_folder)
        actions.latency.triggered.connect(self.latency.show)
        actions.adaptive.toggled.connect(self.performance.set_adaptive)
        actions.reset_view.triggered.connect(self.view.reset_view)
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.leave_full_screen.triggered.connect(self._escape)
        self.people_controller.count_chosen.connect(self._set_people)
        self.network_menu.chosen.connect(self._set_network)
        actions.show_recordings.triggered.connect(self._show_folder)
        actions.choose_folder.triggered.connect(self._choose_folder)
        actions.keys.triggered.connect(lambda: dialogs.show_keys(self))
        actions.about.triggered.connect(lambda: dialogs.show_about(self))
        self.picker.chosen.connect(self.open)
        self.picker.file_requested.connect(self.choose_file)
        self.view.failed.connect(self._on_graphics_problem)

    def _restore(self) -> None:
        self._state.restore(self.preferences, smoothing=self.model.smoothing)
        self.people_controller.set_count(self._requested_people or self.preferences.people)
        network = self._requested_network or self.preferences.network
        self.model.set_network(network)
        self.network_menu.choose(network)
        self._set_pre_roll(self.preferences.pre_roll)
        self._show_status()
        self._show_recording()

    def toggle_recording(self) -> None:
        """Start or finish a recording."""
        if self.model.recording is None:
            self.model.start_recording(
                self.preferences.recordings, video=self.commands.record_video.isChecked()
            )
        else:
            self.model.stop_recording()
        self._show_recording()

    def _set_people(self, count: int) -> None:
        self.preferences.people = count

    def _set_network(self, network: str) -> None:
        self.preferences.network = network
        self.model.set_network(network)

    def announce(self, message: str) -> None:
        """Show a sentence in the status bar for a few seconds; may be called from any thread."""
        self.main_thread(lambda: self.status_line.showMessage(message, _ANNOUNCEMENT_MS))

    def _escape(self) -> None:
        """Release the lock on a person, or else leave full screen."""
        if not self.people_controller.release():
            self.commands.full_screen.setChecked(False)

    def _set_pre_roll(self, seconds: int) -> None:
        self.preferences.pre_roll = seconds
        self.model.set_pre_roll(seconds)
        self.commands.show_pre_roll(seconds)

    def choose_file(self) -> None:
        """Ask for a video, picture or take and open it."""
        path = dialogs.ask_for_file(self, self.preferences.videos)
        if path is not None:
            self.preferences.videos = path.parent
            self.open(path)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Choose the recordings folder", str(self.preferences.recordings)
        )
        if chosen:
            self.preferences.recordings = Path(chosen)
            self.takes.refresh_list()

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
        self.takes.list.setVisible(not on and self.commands.takes.isChecked())
        if on:
            self.showFullScreen()
        else:
            self.showNormal()

    def _body(self) -> BodyModel | None:
        return None if self.model.pipeline is None else self.model.pipeline.body

    def _body_in_use(self) -> BodyModel:
        """The pipeline's body, or else the one it would have; called in a worker thread."""
        self._known_body = self._body() or self._known_body or self._load_body()
        return self._known_body

    def _circumstances(self) -> dict[str, str]:
        return circumstances(self.model, self.takes.player, self.view)

    def _toggle_running(self) -> None:
        if self.takes.is_open:
            self.takes.toggle_playing()
        else:
            self.model.toggle_running()

    def _back_to_live(self) -> None:
        self.open(self.model.source or self.picker.demo)

    def _on_take_opened(self) -> None:
        self.model.leave()
        self.panel.clear()
        self._show_status()

    @property
    def _status(self) -> Status:
        """The status of the open take, or else of the live source."""
        if not self.takes.is_open:
            return self.model.status
        return Status.RUNNING if self.takes.playing else Status.PAUSED

    def _show_streams(self) -> None:
        self.streams.show()
        self.streams.raise_()

    def _on_graphics_problem(self, message: str) -> None:
        self._graphics_problem = message
        self.banner.show_error(message)

    def _on_source_changed(self) -> None:
        self._people = None
        self.performance.clear()
        self._hints.clear()
        self._camera_watch.clear()
        self.view.clear()
        self.panel.clear()

    def _on_result(self, result: FrameResult) -> None:
        self.view.show_result(result)
        self.panel.add(result)
        self.performance.show(result)
        self._people = len(result.bodies)
        self._hints.add(result)
        self._show_hint()

    @property
    def people(self) -> int | None:
        """How many people are in sight; None before the first frame."""
        return self.takes.people if self.takes.is_open else self._people

    def _show_status(self) -> None:
        status, choice = self._status, self.model.source
        current = self.takes.player.current
        if current is not None:
            choice = SourceChoice(current.path, current.path.name)
        self.picker.show_choice(choice)
        self.setWindowTitle("hmr-live" if choice is None else f"{choice.label} – hmr-live")
        self.commands.show_status(status, has_source=choice is not None)
        self.commands.show_recording(
            self.model.recording is not None, possible=self.model.can_record
        )
        self.commands.smoothing.setEnabled(current is None)
        self.status_line.show_state(status, self.people)
        self._show_hint()

    def _show_hint(self) -> None:
        self.view.set_hint("" if self.takes.is_open else self._hints.text)

    def _show_recording(self) -> None:
        recording = self.model.recording
        self.takes.recording = None if recording is None else recording.path
        # Another network would end the recording, whose header names the network.
        self.network_menu.setEnabled(recording is None)
        self.commands.show_recording(recording is not None, possible=self.model.can_record)
        self.recording_label.show_recording(recording)

    def _on_saved(self, path: Path) -> None:
        self.banner.show_info(f"Recording saved as {path}", "Open", lambda: self.open(path))
        self.takes.refresh_list()

    def _show_numbers(self) -> None:
        running = self._status is Status.RUNNING
        live = running and not self.takes.is_open
        self.performance.adapt(running=live)
        lost = self._camera_watch.check()
        draw = {stage: summary.p50 for stage, summary in self.view.draw_times.summary().items()}
        self.status_line.show_stats(self.model.stats(), draw, running=running)
        self.status_line.show_latency(self.performance.latency.recent() if live else None)
        self.status_line.show_reductions(self.performance.reductions)
        self.status_line.show_state(self._status, self.people, camera_lost=lost)
        self._show_hint()
        if self.model.recording is not None:
            self._show_recording()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files."""
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
        """Save the preferences, finish the recording, stop the threads."""
        self._numbers.stop()
        self._state.remember(self.preferences)
        save_preferences(self.preferences)
        self.takes.close()
        self.model.close()
        super().closeEvent(event)
