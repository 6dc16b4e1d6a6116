"""A slot for one item between two threads: the latest wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Passes the newest item to another thread; an item not taken in time is replaced.

    Attributes
    ----------
    dropped
        Items replaced by a newer one before they were taken.
    """

    def __init__(self) -> None:
        # The condition's lock guards the slot, the flag and the count.
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Put an item without ever blocking; True if it replaced one that was not taken."""
        with self._changed:
            replaced = self._item is not None
            self.dropped += replaced
            self._item = item
            self._changed.notify()
            return replaced

    def take(self, timeout: float | None = None) -> T | None:
        """Wait for an item; None once the mailbox is closed and empty, or after ``timeout`` s."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Wake the receiver; an item that is still here can be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
