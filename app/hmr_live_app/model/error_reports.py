"""Unexpected errors of this run, wherever they happen, as a report that can be sent.  Knows no Qt.

An unexpected error is a bug: an exception that nobody caught, or one that was caught only to keep
the rest going and was logged with its traceback.
"""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Final

from hmr_live.core.version import __version__
from hmr_live_app.model.events import Event

_log = logging.getLogger(__name__)
#: Loggers whose tracebacks count; other libraries log what they can handle.
_OWN_LOGGERS: Final = ("hmr_live", "hmr_live_app")
_LIBRARIES: Final = ("PyQt6", "PyQt6-Qt6", "numpy", "onnxruntime", "moderngl", "pyqtgraph")
#: More kinds than these are counted only: the first ones are the likely causes of the others.
_MOST_KINDS: Final = 20
_LONGEST_MESSAGE: Final = 160


@dataclass
class _ErrorReport:
    """The first error of a kind, and how many there were."""

    first: datetime
    where: str
    circumstances: Mapping[str, str]
    traceback: str
    count: int = 1


class ErrorReports:
    """Collects unexpected errors; each kind is logged and announced once, then only counted.

    A kind is a type of exception and the line that raised it, so that an error on every frame
    floods neither the log nor the window.

    Parameters
    ----------
    circumstances
        What is going on, by heading, for the report; called in the thread of the error.

    Attributes
    ----------
    appeared
        There was an error of a new kind; a message for the user.  Emitted in the thread of the
        error.
    """

    def __init__(self, circumstances: Callable[[], Mapping[str, str]] = dict) -> None:
        self.appeared: Event[[str]] = Event()
        self._circumstances = circumstances
        self._reports: dict[object, _ErrorReport] = {}
        # The garbage collector may raise an error in the midst of adding another one.
        self._lock = threading.RLock()

    def add(self, error: BaseException, where: str) -> None:
        """Take in an error that nobody has caught.

        Parameters
        ----------
        error
            The exception, with its traceback.
        where
            What was running, for the report; as in "thread take video".
        """
        if self._is_new(error, where):
            _log.critical(
                "Unexpected error in %s: %s", where, summary_of(error), exc_info=_info_of(error)
            )
            self._announce(error)

    def add_crash(self, dump: str) -> None:
        """Take in what the run before this one left when it crashed.

        Parameters
        ----------
        dump
            As :mod:`faulthandler` wrote it.
        """
        with self._lock:
            self._reports["crash"] = _ErrorReport(
                datetime.now(), "the run before this one", {}, dump
            )
        _log.critical("hmr-live crashed the last time it ran:\n%s", dump)
        self.appeared.emit(
            "hmr-live crashed the last time it ran; this run is not affected. Copy the report and "
            "send it to the developers so that they can fix the problem."
        )

    @property
    def count(self) -> int:
        """How many kinds of errors there are reports of."""
        return len(self._reports)

    def text(self) -> str:
        """The report: versions, then every kind of error with its circumstances and traceback."""
        with self._lock:
            reports = list(self._reports.values())
        return "\n\n".join([_versions(), *(_section(report) for report in reports)]) + "\n"

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Take in every unexpected error of the process meanwhile, from any thread."""
        before = sys.excepthook, threading.excepthook, sys.unraisablehook
        handler = _TracebackHandler(self._add_logged)
        loggers = [logging.getLogger(name) for name in _OWN_LOGGERS]
        # With a hook of its own in place PyQt goes on after an exception in a slot; with Python's
        # it would abort the program.
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        sys.unraisablehook = self._on_unraisable
        for logger in loggers:
            logger.addHandler(handler)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(handler)
            sys.excepthook, threading.excepthook, sys.unraisablehook = before

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.add(error, "the main thread")
        else:  # the end was asked for
            sys.__excepthook__(kind, error, trace)

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            name = "a thread" if args.thread is None else f"thread {args.thread.name}"
            self.add(args.exc_value, name)

    def _on_unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, Exception):
            self.add(unraisable.exc_value, unraisable.err_msg or "a finaliser")

    def _add_logged(self, error: BaseException, where: str) -> None:
        if self._is_new(error, where):
            self._announce(error)

    def _is_new(self, error: BaseException, where: str) -> bool:
        """Count the error; whether it is the first of its kind."""
        frames = traceback.extract_tb(error.__traceback__)
        kind = type(error), *((frames[-1].filename, frames[-1].lineno) if frames else ())
        with self._lock:
            known = self._reports.get(kind)
            if known is not None:
                known.count += 1
                return False
            if len(self._reports) >= _MOST_KINDS:
                return False
            self._reports[kind] = _ErrorReport(
                datetime.now(),
                where,
                self._circumstances_now(),
                "".join(traceback.format_exception(error)),
            )
        return True

    def _circumstances_now(self) -> Mapping[str, str]:
        try:
            return self._circumstances()
        except Exception as error:  # the report must come, whatever state the program is in
            return {"circumstances": f"unknown ({summary_of(error)})"}

    def _announce(self, error: BaseException) -> None:
        several = f" It holds all {self.count} errors of this run." if self.count > 1 else ""
        self.appeared.emit(
            f"An unexpected error occurred ({summary_of(error)}). Everything else keeps running; "
            "if something no longer responds, restart hmr-live. Copy the report and send it to "
            f"the developers so that they can fix the problem.{several}"
        )


class _TracebackHandler(logging.Handler):
    """Hands on the errors that our own packages log with a traceback."""

    def __init__(self, add: Callable[[BaseException, str], None]) -> None:
        super().__init__(logging.ERROR)
        self._add = add

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on the record's error, but for those of this module."""
        if record.name != __name__ and record.exc_info and record.exc_info[1] is not None:
            self._add(record.exc_info[1], f"thread {record.threadName} ({record.getMessage()})")


def summary_of(error: BaseException) -> str:
    """Type and message of an error in one short line."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _info_of(
    error: BaseException,
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    return type(error), error, error.__traceback__


def _versions() -> str:
    lines = [
        f"hmr-live {__version__}",
        f"Python {platform.python_version()} on {platform.platform()}",
    ]
    for name in _LIBRARIES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return "\n".join(lines)


def _section(report: _ErrorReport) -> str:
    times = "once" if report.count == 1 else f"{report.count} times"
    return "\n".join(
        [
            f"{report.first:%Y-%m-%d %H:%M:%S}, in {report.where}, {times}",
            *(f"{heading}: {text}" for heading, text in report.circumstances.items()),
            report.traceback.rstrip(),
        ]
    )
