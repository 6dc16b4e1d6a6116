"""Exports a take to another file format in a thread that can be cancelled.  Knows no Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import ExportError
from hmr_live.export.exporter import Exporter, ExportOptions, body_of_take
from hmr_live.export.formats import ClipFormat, TakeFormat
from hmr_live.takes.take import Take
from hmr_live_app.model.background import CallInMain, run_in_background
from hmr_live_app.model.events import Event


class ExportJob:
    """One export.

    Parameters
    ----------
    call_in_main
        Runs a function in the main thread soon; callable from any thread.

    Attributes
    ----------
    progressed
        Carries the finished share, in [0, 1].
    done
        Carries the files and notes about them.
    failed
        Carries a message for the user; empty after :meth:`cancel`.
    """

    def __init__(self, call_in_main: CallInMain) -> None:
        self.progressed: Event[[float]] = Event()
        self.done: Event[[tuple[Path, ...], list[str]]] = Event()
        self.failed: Event[[str]] = Event()
        self._call_in_main = call_in_main
        self._cancelled = threading.Event()

    def start(
        self,
        take: Take,
        body: BodyModel,
        format_: ClipFormat | TakeFormat,
        target: Path,
        options: ExportOptions,
    ) -> None:
        """Begin; returns at once.

        Parameters
        ----------
        take, options
            See :class:`hmr_live.export.exporter.Exporter`.
        body
            The body model in use.
        format_, target
            The format and the file; where the format holds one person, each gets a file.
        """

        def task() -> tuple[tuple[Path, ...], list[str]]:
            name = target.name.removesuffix(format_.suffix)
            exporter = Exporter(take, name, body_of_take(take, body), options)
            self._progress(0.0)
            notes = exporter.notes([format_])
            self._progress(0.0)
            return exporter.write(format_, target, self._progress), notes

        run_in_background(
            task, lambda found: self.done.emit(*found), self._fail, self._call_in_main
        )

    def cancel(self) -> None:
        """Stop at the next step; partial files are removed."""
        self._cancelled.set()

    def _fail(self, message: str) -> None:
        self.failed.emit("" if self._cancelled.is_set() else message)

    def _progress(self, share: float) -> None:
        if self._cancelled.is_set():
            raise ExportError("The export was cancelled.")
        self._call_in_main(_emitter(self.progressed, share))


def _emitter(event: Event[[float]], share: float) -> Callable[[], None]:
    return lambda: event.emit(share)
