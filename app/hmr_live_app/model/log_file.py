"""The program's log file, and what a hard crash leaves beside it.  Knows no Qt."""

from __future__ import annotations

import contextlib
import copy
import faulthandler
import logging
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from platformdirs import user_log_path

_FORMAT: Final = "%(levelname)s %(name)s: %(message)s"
#: Extra of a log record whose message the user gets in another way.
FILE_ONLY: Final = {"file_only": True}
_LARGEST: Final = 500_000
_KEPT: Final = 1


def log_path() -> Path:
    """The log file in the user's log folder; warnings and errors of every run go there."""
    return user_log_path("hmr-live", appauthor=False) / "hmr-live.log"


@contextlib.contextmanager
def logging_to_file(*, verbose: bool = False) -> Iterator[None]:
    """Log to the file meanwhile, and to stderr from now on.

    Parameters
    ----------
    verbose
        Whether stderr gets what is chosen and why, and tracebacks; else it gets a line for each
        warning and error, and the tracebacks go to the file alone.
    """
    stderr = logging.StreamHandler()
    stderr.setFormatter(logging.Formatter(_FORMAT) if verbose else _WithoutTraceback(_FORMAT))
    if not verbose:
        stderr.addFilter(lambda record: not hasattr(record, "file_only"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[stderr])
    file = _LogFile(log_path())
    logging.getLogger().addHandler(file)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(file)
        file.close()


@contextlib.contextmanager
def crash_dump() -> Iterator[str]:
    """Let a hard crash, as in a driver, write the stacks of all threads beside the log.

    Yields
    ------
    str
        What the run before this one left when it crashed; empty if it did not.
    """
    path = log_path().with_name("crash.txt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        file = path.open("w", encoding="utf-8")
    except OSError:  # without a place to write to there is no dump, and nothing else is missing
        yield ""
        return
    with file:
        faulthandler.enable(file)
        try:
            yield before
        finally:
            faulthandler.disable()
    with contextlib.suppress(OSError):
        path.unlink()


class _LogFile(RotatingFileHandler):
    """Made with the first record; a log that cannot be written disturbs nobody."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_LARGEST, backupCount=_KEPT, encoding="utf-8", delay=True)
        self.setLevel(logging.WARNING)
        self.setFormatter(logging.Formatter(f"%(asctime)s {_FORMAT}"))

    def _open(self) -> object:  # type: ignore[override]
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on: there is no better place to report it."""


class _WithoutTraceback(logging.Formatter):
    """The message alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a copy: the other handlers want the traceback."""
        brief = copy.copy(record)
        brief.exc_info = brief.exc_text = None
        return super().format(brief)
