"""The takes in the recordings folder, and operations on their files.  Knows no Qt."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from hmr_live.core.errors import RecordingError
from hmr_live.takes.edit import free_path, rename_take, save_take
from hmr_live.takes.header import VIDEO_SUFFIX
from hmr_live.takes.repair import repair_take
from hmr_live.takes.summary import TakeSummary, list_takes, summarise_take
from hmr_live.takes.take import Take
from hmr_live_app.model.background import CallInMain, run_in_background
from hmr_live_app.model.events import Event


class TakeCollection:
    """The takes of one folder, newest first, summarised in a thread and again only on change.

    Parameters
    ----------
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    to_trash
        Moves a file to the trash; False where that cannot be done.

    Attributes
    ----------
    changed
        :attr:`takes` was replaced.
    renamed
        A take has another path; carries the old and the new one.
    removed
        A take was moved to the trash; carries its former path.
    saved
        There is a new take; carries its path and a message for the user.
    failed
        Carries a message for the user.
    takes
        Summaries of the takes in the folder, newest first.
    """

    def __init__(self, call_in_main: CallInMain, to_trash: Callable[[Path], bool]) -> None:
        self.changed: Event[[]] = Event()
        self.renamed: Event[[Path, Path]] = Event()
        self.removed: Event[[Path]] = Event()
        self.saved: Event[[Path, str]] = Event()
        self.failed: Event[[str]] = Event()
        self.takes: list[TakeSummary] = []
        self._call_in_main, self._to_trash = call_in_main, to_trash
        self._known: dict[tuple[Path, int, int], TakeSummary] = {}
        # The folder is read once at a time; the newest request cancels those before it.
        self._listing = threading.Lock()
        self._refreshes = 0

    def refresh(self, folder: Path, recording: Path | None = None) -> None:
        """Update the list; returns at once.

        Parameters
        ----------
        folder
            Where the takes are.
        recording
            The take that is being recorded; it is left out.
        """
        self._refreshes += 1
        request = self._refreshes

        def task() -> None:
            with self._listing:
                found: list[TakeSummary] = []
                for path in list_takes(folder):
                    if request != self._refreshes:
                        return
                    if path == recording:
                        continue
                    with contextlib.suppress(OSError):  # gone since the folder was read
                        found.append(self._summary(path))
                self._call_in_main(lambda: self._found(request, found))

        threading.Thread(target=task, daemon=True, name="list takes").start()

    def rename(self, path: Path, name: str) -> None:
        """Rename a take."""
        try:
            target = rename_take(path, name)
        except RecordingError as error:
            self.failed.emit(str(error))
            self.changed.emit()  # views that already show the new name go back to the old one
            return
        if target != path:
            self.renamed.emit(path, target)

    def delete(self, path: Path) -> None:
        """Move a take and its video to the trash."""
        video = path.with_suffix(VIDEO_SUFFIX)
        if not self._to_trash(path):
            self.failed.emit(
                f"{path.name} was not deleted, because there is no trash for its folder: delete "
                "the file yourself if you are sure."
            )
            return
        if video.is_file():
            self._to_trash(video)
        self.removed.emit(path)

    def repair(self, path: Path) -> None:
        """Save what can be recovered of a damaged take as a new take; returns at once."""

        def announce(report: tuple[Path, str]) -> None:
            self.saved.emit(*report)

        def task() -> tuple[Path, str]:
            report = repair_take(path)
            return report.path, report.as_text()

        run_in_background(task, announce, self.failed.emit, self._call_in_main)

    def save(self, make: Callable[[], Take], folder: Path, name: str) -> None:
        """Write a new take; returns at once.

        Parameters
        ----------
        make
            Returns the take; called in the thread.
        folder, name
            Where it is saved; a number is added to a name that is taken.
        """

        def task() -> Path:
            take = make()
            target = free_path(folder, name)
            save_take(take, target)
            return target

        def announce(path: Path) -> None:
            self.saved.emit(path, f"Saved as {path}")

        run_in_background(task, announce, self.failed.emit, self._call_in_main)

    def _summary(self, path: Path) -> TakeSummary:
        status = path.stat()
        key = path, status.st_mtime_ns, status.st_size
        if key not in self._known:
            self._known[key] = summarise_take(path)
        return self._known[key]

    def _found(self, request: int, found: list[TakeSummary]) -> None:
        if request == self._refreshes:
            self.takes = found
            self.changed.emit()
