"""Runs tasks in threads and their callbacks in the main thread.  Knows no Qt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from hmr_live.core.errors import HmrLiveError

_log = logging.getLogger(__name__)
Result = TypeVar("Result")
CallInMain = Callable[[Callable[[], None]], None]


def run_in_background(
    task: Callable[[], Result],
    on_done: Callable[[Result], None],
    on_failed: Callable[[str], None],
    call_in_main: CallInMain,
) -> None:
    """Run a task in a thread of its own and return at once.

    Parameters
    ----------
    task
        Called in the thread.
    on_done
        Called in the main thread with what the task returned.
    on_failed
        Called in the main thread with a message, if the task raised.
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    """

    def run() -> None:
        try:
            result = task()
        except HmrLiveError as error:
            report(str(error))
        except Exception as error:  # a bug must not leave the window waiting for ever
            _log.exception("a background task failed")
            report(f"The operation failed because of an unexpected error ({error!r}).")
        else:
            call_in_main(lambda: on_done(result))

    def report(message: str) -> None:
        call_in_main(lambda: on_failed(message))

    threading.Thread(target=run, daemon=True, name="take work").start()
