"""Progress of a long evaluation on stderr, so that stdout holds nothing but the tables."""

from __future__ import annotations

import sys
import time

_EVERY_S = 10.0


class ProgressLog:
    """Prints every ten seconds how many of ``total`` steps are done, and the time at the end.

    Parameters
    ----------
    name
        What is being evaluated.
    total
        Number of steps.
    """

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._done = 0
        self._began = self._printed = time.monotonic()

    def step(self) -> None:
        """Count one more step."""
        self._done += 1
        now = time.monotonic()
        last = self._done == self._total
        if last or now - self._printed > _EVERY_S:
            self._printed = now
            seconds = now - self._began
            line = f"{self._name}: {self._done} of {self._total}, {seconds:.0f} s"
            print(line, file=sys.stderr, flush=True)
