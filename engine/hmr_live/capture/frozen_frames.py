"""Notices that a camera sends the same picture again and again."""

from __future__ import annotations

from typing import Final

from hmr_live.core.state import Image

#: Identical pictures for this long, and at least so many of them, are a frozen camera.
FROZEN_S: Final = 0.6
_LEAST_PICTURES: Final = 4
#: Every so many-th pixel is compared.  A sensor's noise changes some of them in any real picture.
_STEP: Final = 8


class FrozenFrameDetector:
    """Compares each picture with the one before.

    Attributes
    ----------
    changed_at
        Time of the first of the identical pictures.
    """

    def __init__(self) -> None:
        self.changed_at = 0.0
        self._samples = b""
        self._count = 0

    def is_frozen(self, image: Image, time: float) -> bool:
        """Whether the camera is frozen as of this picture.

        Parameters
        ----------
        image
            ``(H, W, 3)``.
        time
            Seconds, monotonic.
        """
        samples = image[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP].tobytes()
        if samples != self._samples:
            self._samples, self.changed_at, self._count = samples, time, 1
            return False
        self._count += 1
        return self._count >= _LEAST_PICTURES and time - self.changed_at >= FROZEN_S
