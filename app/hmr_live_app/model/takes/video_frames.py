"""Reads frames of a take's video in a thread; only the newest request counts.  Knows no Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Image
from hmr_live.takes.picture_reader import TakePictureReader


class VideoFrameThread:
    """Reads the frame that was requested last.

    Parameters
    ----------
    video
        The file.
    on_picture
        Called in the thread with the requested number and the image; None if it is missing.
    on_error
        Called in the thread, at most once, with a message; no image comes after it.
    """

    def __init__(
        self,
        video: Path,
        on_picture: Callable[[int, Image | None], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._video = video
        self._on_picture, self._on_error = on_picture, on_error
        # Guards the request and the end; the reader belongs to the thread alone.
        self._changed = threading.Condition()
        self._request: int | None = None
        self._ended = False
        threading.Thread(target=self._run, daemon=True, name="take video").start()

    def ask(self, number: int) -> None:
        """Request a frame in place of any that is still pending."""
        with self._changed:
            self._request = number
            self._changed.notify()

    def close(self) -> None:
        """End soon; a frame that is being read may still be delivered."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _next(self) -> int | None:
        with self._changed:
            while self._request is None and not self._ended:
                self._changed.wait()
            request, self._request = self._request, None
            return None if self._ended else request

    def _run(self) -> None:
        try:
            reader = TakePictureReader(self._video)
            while (number := self._next()) is not None:
                self._on_picture(number, reader.read(number))
            reader.close()
        except SourceError as error:
            self._on_error(str(error))
