"""Random access to the frames of the video beside a take."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Image

#: Decoding this many frames takes no longer than a seek, which decodes from a key frame anyway.
_MAX_READ_AHEAD: Final = 24


class TakePictureReader:
    """Reads frames by number, from one thread.

    Parameters
    ----------
    path
        The video.

    Raises
    ------
    SourceError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture = self._open()
        self._next = 0
        # An AVI whose recording was killed does not know its length, and OpenCV will not jump
        # beyond the length that it believes in.
        self._known = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))

    def read(self, number: int) -> Image | None:
        """Frame ``number`` as ``(H, W, 3)`` BGR; None if the video has lost it."""
        if not 0 <= number - self._next <= _MAX_READ_AHEAD:
            self._seek(number)
        while self._next < number:
            if not self._capture.grab():
                self._rewind()
                return None
            self._next += 1
        ok, image = self._capture.read()
        self._next += 1
        if not ok or image is None:
            self._rewind()
            return None
        return np.asarray(image, np.uint8)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _seek(self, number: int) -> None:
        if number < self._known:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            self._next = number
        elif number < self._next:
            self._rewind()

    def _rewind(self) -> None:
        self._capture.release()
        self._capture = self._open()
        self._next = 0

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise SourceError(
                f"The video {self._path.name} beside the take cannot be read: the take plays "
                "without it."
            )
        return capture


def picture_at(times: NDArray[np.float64], moment: float) -> int:
    """Number of the frame shown at a time; the first one before the video starts.

    Parameters
    ----------
    times
        ``(V,)`` ascending seconds: the times of the frames.
    moment
        Seconds on the same clock.
    """
    return max(int(np.searchsorted(times, moment + 1e-6, side="right")) - 1, 0)
