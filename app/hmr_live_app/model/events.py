"""Signals of objects that know no Qt, for views to observe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Event(Generic[P]):
    """A signal; emitting it calls the connected observers in order, in the emitter's thread."""

    def __init__(self) -> None:
        self._observers: list[Callable[P, object]] = []

    def connect(self, observer: Callable[P, object]) -> None:
        """Call ``observer`` at every emission from now on."""
        self._observers.append(observer)

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the observers."""
        for observer in tuple(self._observers):
            observer(*args, **kwargs)
