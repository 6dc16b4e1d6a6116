"""The button that shows the source, and its menu."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QToolButton, QWidget

from hmr_live.capture.devices import CameraInfo, list_cameras
from hmr_live_app.model.source import SourceChoice
from hmr_live_app.widgets.icons import icon


class SourcePicker(QToolButton):
    """Cameras by name, the included clip, and any file.

    Parameters
    ----------
    demo
        The included clip.
    call_in_main
        Runs a function in the main thread soon.  Cameras are listed in another thread, because
        drivers may be slow.
    find_cameras
        Lists the cameras.
    """

    #: The source that was chosen.
    chosen = pyqtSignal(object)
    #: A file is to be chosen.
    file_requested = pyqtSignal()

    def __init__(
        self,
        demo: SourceChoice,
        call_in_main: Callable[[Callable[[], None]], None],
        find_cameras: Callable[[], Sequence[CameraInfo]] = list_cameras,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("source")
        self.setToolTip("Choose a camera or the demo clip, or open a video, picture or take")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.demo = demo
        self._call_in_main = call_in_main
        self._find_cameras = find_cameras
        self._cameras: Sequence[CameraInfo] | None = None
        self._current: SourceChoice | None = None
        self.sources_menu = QMenu("&Source", self)
        self.sources_menu.aboutToShow.connect(self.look_for_cameras)
        self.setMenu(self.sources_menu)
        self._fill()
        self.look_for_cameras()

    def show_choice(self, choice: SourceChoice | None) -> None:
        """Show the source in use."""
        self._current = choice
        metrics = self.fontMetrics()
        label = "Choose a source" if choice is None else choice.label
        self.setText(metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, 240))
        is_camera = choice is not None and choice.is_camera
        self.setIcon(icon("camera" if is_camera else "film"))
        self._fill()

    def choice_for(self, spec: int | str | Path) -> SourceChoice:
        """The choice for this camera number or file, with the name to show."""
        if isinstance(spec, int):
            names = {camera.index: camera.name for camera in self._cameras or ()}
            return SourceChoice(spec, names.get(spec, f"Camera {spec}"))
        return SourceChoice(spec, Path(spec).name)

    def look_for_cameras(self) -> None:
        """Update the list of cameras in a thread."""

        def look() -> None:
            cameras = self._find_cameras()
            self._call_in_main(lambda: self._found(cameras))

        threading.Thread(target=look, daemon=True, name="find cameras").start()

    def _found(self, cameras: Sequence[CameraInfo]) -> None:
        if cameras != self._cameras:
            self._cameras = cameras
            self._fill()

    def _fill(self) -> None:
        menu = self.sources_menu
        menu.clear()
        if self._cameras:
            for camera in self._cameras:
                self._add(SourceChoice(camera.index, camera.name), "camera")
        else:
            text = "Looking for cameras…" if self._cameras is None else "No camera found"
            menu.addAction(icon("camera"), text).setEnabled(False)  # type: ignore[union-attr]
        menu.addSeparator()
        self._add(self.demo, "film")
        menu.addAction(icon("folder"), "Open a video, picture or take…", self.file_requested.emit)

    def _add(self, choice: SourceChoice, symbol: str) -> None:
        action = QAction(icon(symbol), choice.label, self.sources_menu)
        if self._current is not None and choice.spec == self._current.spec:
            font = action.font()
            font.setBold(True)
            action.setFont(font)
        action.triggered.connect(lambda: self.chosen.emit(choice))
        self.sources_menu.addAction(action)
