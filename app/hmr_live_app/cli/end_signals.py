"""What Ctrl-C and the end that a service manager asks for do to a program without a window."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


def on_end_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Let both signals that ask a program to end call a handler, in the main thread.

    A program started in the background has Ctrl-C's signal ignored, and service and batch managers
    use the other one.

    Parameters
    ----------
    handler
        As in :func:`signal.signal`; :func:`signal.default_int_handler` raises KeyboardInterrupt
        wherever the program is.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
