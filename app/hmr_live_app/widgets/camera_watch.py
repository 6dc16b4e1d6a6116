"""Says above the panes that the camera is lost, and that it is back."""

from __future__ import annotations

from hmr_live_app.model.session import Session
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

    def __init__(self, session: Session, banner: Banner) -> None:
        self._session, self._banner = session, banner
        self._told: str | None = None

    def look(self) -> bool:
        """Whether the camera is lost; to be called a few times a second."""
        problem = self._session.camera_problem
        if problem is not None and problem != self._told:
            self._banner.show_error(problem)
        elif problem is None and self._told is not None:
            self._say_that_it_is_over(self._told)
        self._told = problem
        return problem is not None

    def clear(self) -> None:
        """Another source begins."""
        self._told = None

    def _say_that_it_is_over(self, told: str) -> None:
        if self._banner.text != told:  # something else has been said since then
            return
        self._banner.hide()
        session = self._session
        if session.can_record and session.source is not None:
            self._banner.show_info(f"{session.source.label} is back.")
