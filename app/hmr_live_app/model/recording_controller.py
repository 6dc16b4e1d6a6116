"""Recording in the window: the take in progress, its pre-roll and saving.  Knows no Qt.

Everything is called in the main thread except :meth:`PreRoll.add`, which passes the results of
the source on to the take.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hmr_live.core.errors import HmrLiveError
from hmr_live.takes.edit import free_path
from hmr_live.takes.pre_roll import PreRoll
from hmr_live.takes.recorder import TakeRecorder
from hmr_live_app.model.background import CallInMain, run_in_background
from hmr_live_app.model.events import Event


class RecordingController:
    """Starts, marks and finishes one take at a time.

    Parameters
    ----------
    call_in_main
        Runs a function in the main thread soon; callable from any thread.

    Attributes
    ----------
    changed
        A take was started or finished, or a marker added.
    saved
        A take is complete; carries its path.
    failed
        Carries a message for the user.
    recording
        The take in progress.
    """

    def __init__(self, call_in_main: CallInMain) -> None:
        self.changed: Event[[]] = Event()
        self.saved: Event[[Path]] = Event()
        self.failed: Event[[str]] = Event()
        self.recording: TakeRecorder | None = None
        self._call_in_main = call_in_main
        self._pre_roll: PreRoll | None = None

    def start(
        self,
        folder: Path,
        info: Mapping[str, Any],
        pre_roll: PreRoll,
        video_fps: float | None = None,
    ) -> None:
        """Record a new take in ``folder`` that begins with the contents of the pre-roll.

        Parameters
        ----------
        folder
            Created if needed.
        info, video_fps
            See :class:`hmr_live.takes.recorder.TakeRecorder`.
        pre_roll
            Of the source in use.
        """
        if self.recording is None:
            try:
                self.recording = TakeRecorder(
                    free_path(folder, _new_name()),
                    info,
                    video_fps=video_fps,
                    on_error=self._on_error,
                )
            except HmrLiveError as error:
                self.failed.emit(str(error))
            else:
                self._pre_roll = pre_roll
                pre_roll.attach(self.recording)
        self.changed.emit()

    def add_marker(self, label: str | None = None) -> None:
        """Add a marker at this moment; without a label it is numbered."""
        if self.recording is not None:
            self.recording.add_marker(label or f"marker {self.recording.markers + 1}")
            self.changed.emit()

    def stop(self) -> None:
        """Finish the take; :attr:`saved` is emitted when the file is complete."""
        recording = self._release()
        if recording is not None:
            self.changed.emit()
            run_in_background(
                recording.close, self.saved.emit, self.failed.emit, self._call_in_main
            )

    def close(self) -> None:
        """Finish the take and wait for it."""
        recording = self._release()
        if recording is not None:
            self._save(recording)

    def _release(self) -> TakeRecorder | None:
        """Detach the recorder from the frames that are still to come."""
        recording, self.recording = self.recording, None
        if self._pre_roll is not None:
            self._pre_roll.detach()
        return recording

    def _save(self, recording: TakeRecorder) -> None:
        try:
            path = recording.close()
        except HmrLiveError as error:
            message = str(error)
            self._call_in_main(lambda: self.failed.emit(message))
            return
        self._call_in_main(lambda: self.saved.emit(path))

    def _on_error(self, message: str) -> None:
        """Handle an error in one of the recorder's threads."""
        self._call_in_main(lambda: self._report_error(message))

    def _report_error(self, message: str) -> None:
        self.failed.emit(message)
        if self.recording is not None and self.recording.stopped:
            self.stop()


def _new_name() -> str:
    return f"hmr-live_{datetime.now():%Y-%m-%d_%H-%M-%S}"
