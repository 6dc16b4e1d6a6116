"""Fast image resizing."""

from __future__ import annotations

import cv2
import numpy as np

from hmr_live.core.state import Image


def resized(image: Image, size: tuple[int, int]) -> Image:
    """Resize an image to ``size`` = (width, height) without visible aliasing.

    It is halved as often as possible, then interpolated: OpenCV averages two by two pixels in a
    tenth of the time of any other area.
    """
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        image = _interpolated(half, (half.shape[1] // 2, half.shape[0] // 2), cv2.INTER_AREA)
    if (image.shape[1], image.shape[0]) == size:
        return image
    return _interpolated(image, size, cv2.INTER_LINEAR)


def _interpolated(image: Image, size: tuple[int, int], interpolation: int) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)
