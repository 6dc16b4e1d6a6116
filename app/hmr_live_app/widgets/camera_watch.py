"""Reports in the banner that the camera is lost, and that it is back."""

from __future__ import annotations

from hmr_live_app.model.app_model import AppModel
from hmr_live_app.widgets.banner import Banner


class CameraWatch:
    """Watches the camera in use.

    Parameters
    ----------
    model
        The program's state.
    banner
        Where it is reported.
    """

    def __init__(self, model: AppModel, banner: Banner) -> None:
        self._model, self._banner = model, banner
        self._reported: str | None = None

    def check(self) -> bool:
        """Report a change; return whether the camera is lost.  Call it a few times a second."""
        problem = self._model.camera_problem
        if problem is not None and problem != self._reported:
            self._banner.show_error(problem)
        elif problem is None and self._reported is not None:
            self._report_return(self._reported)
        self._reported = problem
        return problem is not None

    def clear(self) -> None:
        """Forget the camera: another source begins."""
        self._reported = None

    def _report_return(self, reported: str) -> None:
        if self._banner.text != reported:  # another message has replaced it
            return
        self._banner.hide()
        model = self._model
        if model.can_record and model.source is not None:
            self._banner.show_info(f"{model.source.label} is back.")
