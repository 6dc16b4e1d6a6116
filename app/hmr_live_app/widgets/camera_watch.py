"""Says above the panes that the camera is lost, and that it is back."""

from __future__ import annotations

from hmr_live_app.model.app_model import AppModel
from hmr_live_app.widgets.banner import Banner


class CameraWatch:
    """Looks at the camera of a session.

    Parameters
    ----------
    session
        Runs on the camera.
    banner
        Where it is said.
    """

    def __init__(self, model: AppModel, banner: Banner) -> None:
        self._model, self._banner = model, banner
        self._reported: str | None = None

    def check(self) -> bool:
        """Whether the camera is lost; to be called a few times a second."""
        problem = self._model.camera_problem
        if problem is not None and problem != self._reported:
            self._banner.show_error(problem)
        elif problem is None and self._reported is not None:
            self._report_return(self._reported)
        self._reported = problem
        return problem is not None

    def clear(self) -> None:
        """Another source begins."""
        self._reported = None

    def _report_return(self, reported: str) -> None:
        if self._banner.text != reported:  # something else has been said since then
            return
        self._banner.hide()
        model = self._model
        if model.can_record and model.source is not None:
            self._banner.show_info(f"{model.source.label} is back.")
