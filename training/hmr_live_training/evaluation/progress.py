"""How far a long run is, on stderr, so that stdout holds nothing but the tables."""

from __future__ import annotations

import sys
import time

_EVERY_S = 10.0


class Progress:
    """Says every ten seconds how many of ``total`` steps are done, and at the end how long it took.

    Parameters
    ----------
    name
        What is being measured.
    total
        Number of steps.
    """

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._done = 0
        self._began = self._said = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        last = self._done == self._total
        if last or now - self._said > _EVERY_S:
            self._said = now
            seconds = now - self._began
            line = f"{self._name}: {self._done} of {self._total}, {seconds:.0f} s"
            print(line, file=sys.stderr, flush=True)
