"""Signals for objects that know no Qt: facts that views may observe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Event(Generic[P]):
    """Something that happens; whoever is connected is called, in order, in the emitter's thread."""

    def __init__(self) -> None:
        self._observers: list[Callable[P, object]] = []

    def connect(self, observer: Callable[P, object]) -> None:
        """Call ``observer`` from now on whenever this happens."""
        self._observers.append(observer)

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell everybody."""
        for observer in tuple(self._observers):
            observer(*args, **kwargs)
