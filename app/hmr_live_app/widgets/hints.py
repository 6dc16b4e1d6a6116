"""Hints over the video: what is going on, and what to do."""

from __future__ import annotations

from typing import Final

from hmr_live.core.state import FrameResult
from hmr_live_app.model.app_model import AppModel
from hmr_live_app.model.source import Status

#: Wait before saying that nobody is in sight: a person may only have turned away.
_EMPTY_AFTER_S: Final = 0.7


class Hints:
    """Chooses the hint from the state of the program and its results.

    Parameters
    ----------
    model
        The program's state.
    """

    def __init__(self, model: AppModel) -> None:
        self._model = model
        self._now = 0.0
        self._empty_since: float | None = None

    def add(self, result: FrameResult) -> None:
        """Take in a frame."""
        self._now = result.frame.time
        if result.bodies:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = self._now

    def clear(self) -> None:
        """Forget the results: another source begins."""
        self._empty_since = None

    @property
    def text(self) -> str:
        """The hint for this moment; empty when there is none."""
        model = self._model
        status = model.status
        if status is Status.RUNNING:
            return self._while_running()
        choice = model.source
        ended = "The video has ended · press Space to play it again"
        return {
            Status.OPENING: "Loading the network…" if model.pipeline is None else "Opening…",
            Status.PAUSED: "Paused · press Space to continue",
            Status.ENDED: "" if choice is not None and choice.is_picture else ended,
            Status.FAILED: "No picture",
        }.get(status, "")

    def _while_running(self) -> str:
        if self._model.camera_problem is not None:
            return "No new frames · waiting for the camera"
        since = self._empty_since
        empty = since is not None and self._now - since > _EMPTY_AFTER_S
        return "Step into the frame so that your whole body is visible" if empty else ""
