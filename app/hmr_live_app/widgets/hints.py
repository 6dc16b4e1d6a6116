"""Words over the video: what is waited for, and what to do."""

from __future__ import annotations

from typing import Final

from hmr_live.core.state import FrameResult
from hmr_live_app.model.app_model import AppModel, Status

#: Nobody needs to hear at once that nobody is there: people turn, doors open.
_LOOKING_AFTER_S: Final = 0.7


class Hints:
    """Follows the results of a session, and finds the words.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, model: AppModel) -> None:
        self._model = model
        self._now = 0.0
        self._alone_since: float | None = None

    def add(self, result: FrameResult) -> None:
        """Take in a frame."""
        self._now = result.frame.time
        if result.bodies:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = self._now

    def clear(self) -> None:
        """Another source begins."""
        self._alone_since = None

    @property
    def text(self) -> str:
        """The words for this moment; empty when there is nothing to say."""
        model = self._model
        status = model.status
        if status is Status.RUNNING:
            return self._while_running()
        choice = model.source
        ended = "The video has ended · press Space to play it again"
        return {
            Status.OPENING: "Loading the network…" if model.pipeline is None else "Opening…",
            Status.PAUSED: "Paused · press Space to go on",
            Status.ENDED: "" if choice is not None and choice.is_picture else ended,
            Status.FAILED: "No picture",
        }.get(status, "")

    def _while_running(self) -> str:
        if self._model.camera_problem is not None:
            return "No new picture · waiting for the camera"
        alone = self._alone_since
        looking = alone is not None and self._now - alone > _LOOKING_AFTER_S
        return "Step into the picture, head to feet" if looking else ""
