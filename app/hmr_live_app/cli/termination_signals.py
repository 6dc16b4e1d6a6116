"""SIGINT (Ctrl-C) and SIGTERM, which end a command that has no window."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


def on_termination(handler: Callable[[int, FrameType | None], object]) -> None:
    """Install a handler for SIGINT and SIGTERM, called in the main thread.

    Programs started in the background ignore SIGINT by default, and service and batch managers
    send SIGTERM.

    Parameters
    ----------
    handler
        As in :func:`signal.signal`; :func:`signal.default_int_handler` raises KeyboardInterrupt
        wherever the program happens to be.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
