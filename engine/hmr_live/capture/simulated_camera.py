"""A simulated camera: frames at a camera's rate, compressed as a webcam sends them.

For machines without a camera, and for reproducible measurements.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Image

#: Frames that are kept in memory, compressed: ten seconds.
MAX_IMAGES: Final = 300
_JPEG_QUALITY: Final = 90


class SimulatedDevice:
    """Plays images forwards and backwards, so that nothing jumps; see :class:`.CameraDevice`.

    As with a camera whose buffer holds one frame, a late reader gets the newest frame and has
    missed those before it.

    Parameters
    ----------
    images
        ``(H, W, 3)`` BGR, at least one, all of one size.
    fps
        Frames a second.

    Raises
    ------
    SourceError
        If there are no images.
    """

    def __init__(self, images: Sequence[Image], fps: float = 30.0) -> None:
        if not images:
            raise SourceError("A simulated camera needs at least one frame: choose another video.")
        self.size = (images[0].shape[1], images[0].shape[0])
        self.fps = fps
        self._compressed = [_compressed(image) for image in images]
        self._started = time.monotonic()
        self._tick = 0

    def grab(self) -> float | None:
        """See :meth:`hmr_live.capture.devices.CameraDevice.grab`."""
        ticks = (time.monotonic() - self._started) * self.fps
        # A frame that is ready and not yet taken is returned at once; else wait for the next.
        self._tick = max(int(ticks), self._tick + 1)
        moment = self._started + self._tick / self.fps
        time.sleep(max(moment - time.monotonic(), 0))
        return moment

    def retrieve(self) -> Image | None:
        """See :meth:`hmr_live.capture.devices.CameraDevice.retrieve`."""
        last = len(self._compressed) - 1
        place = self._tick % (2 * last) if last else 0
        data = self._compressed[min(place, 2 * last - place)]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    def release(self) -> None:
        """See :meth:`hmr_live.capture.devices.CameraDevice.release`."""


def _compressed(image: Image) -> NDArray[np.uint8]:
    ok, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    if not ok:
        raise SourceError("A frame cannot be compressed: choose another video.")
    return np.asarray(data, np.uint8)
