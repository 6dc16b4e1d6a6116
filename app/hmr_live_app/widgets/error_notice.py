"""A banner for unexpected errors, with a button that copies the report."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QWidget

from hmr_live_app.model.app_model import AppModel
from hmr_live_app.model.background import CallInMain
from hmr_live_app.model.error_reports import ErrorReports
from hmr_live_app.model.log_file import log_path
from hmr_live_app.model.takes.player import TakePlayer
from hmr_live_app.scene.scene_view import SceneView
from hmr_live_app.widgets.banner import Banner


class ErrorNotice(Banner):
    """Shows each new kind of unexpected error until it is closed.

    It is a banner of its own so that no other message takes its place.

    Parameters
    ----------
    reports
        What is shown and copied.
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    """

    def __init__(
        self, reports: ErrorReports, call_in_main: CallInMain, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._reports = reports
        self.action_button.setToolTip(
            f"Copy the report to the clipboard; the log is in {log_path()}"
        )
        reports.appeared.connect(lambda message: call_in_main(lambda: self._show_report(message)))

    def _show_report(self, message: str) -> None:
        self.show_error(message, "Copy report", self._copy)

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._reports.text())
            self.action_button.setText("Copied")


def circumstances(model: AppModel, player: TakePlayer, view: SceneView) -> dict[str, str]:
    """What is open and what runs it, for a report; files by their type alone, without names."""
    found = {"graphics": view.renderer or "no OpenGL yet"}
    if model.pipeline is not None:
        network = model.pipeline.network
        found["network"] = f"{network.name} on {network.backend.describe()}"
    if player.current is not None:
        found["open"] = f"a take ({player.current.path.suffix})"
    elif model.source is not None:
        source = model.source
        kind = "a camera" if source.is_camera else f"a file ({Path(str(source.spec)).suffix})"
        found["open"] = f"{kind}, {model.status.value}"
    found["recording"] = "no" if model.recording is None else "yes"
    return found
