"""Pictures of a take's video, read in a thread: only the newest wish counts.  Knows no Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Image
from hmr_live.takes.picture_reader import TakePictureReader


class VideoFrameThread:
    """Reads the picture that was asked for last.

    Parameters
    ----------
    video
        The file.
    on_picture
        Called in the thread with what was asked for and the picture; None where it is lost.
    on_trouble
        Called in the thread, at most once, with a sentence; no picture comes after it.
    """

    def __init__(
        self,
        video: Path,
        on_picture: Callable[[int, Image | None], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._video = video
        self._on_picture, self._on_error = on_picture, on_error
        # Guards the wish and the end; the reader belongs to the thread alone.
        self._changed = threading.Condition()
        self._request: int | None = None
        self._ended = False
        threading.Thread(target=self._run, daemon=True, name="take video").start()

    def ask(self, number: int) -> None:
        """Wish for a picture instead of any that is still waited for."""
        with self._changed:
            self._request = number
            self._changed.notify()

    def close(self) -> None:
        """End soon; a picture that is being read may still come."""
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
