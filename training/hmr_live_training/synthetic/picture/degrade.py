"""Camera degradations: motion blur, defocus, noise, compression, colour."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import Image
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator


def motion_kernel(rng: Generator, size: int) -> Array:
    """Blur kernel along a random line, up to a twentieth of the picture long; sums to 1."""
    length = max(3, int(rng.uniform(0.008, 0.05) * size))
    kernel = np.zeros((length, length), np.float32)
    direction = float(rng.uniform(0, math.pi))
    middle = (length - 1) / 2
    step = np.array([math.cos(direction), math.sin(direction)]) * middle
    start, end = (tuple(round(float(v)) for v in middle + sign * step) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(kernel / kernel.sum())


def degrade(rng: Generator, image: Image, config: SyntheticConfig, fineness: float) -> Image:
    """Degrade a clean picture to that of a webcam.

    Parameters
    ----------
    rng
        Source of all choices.
    image
        ``(n, n, 3)`` BGR.
    config
        How often each fault occurs.
    fineness
        Frame pixels for each pixel of the image, at least 1: faults of frame pixels average out.
    """
    if rng.random() < config.defocus:
        image = _blurred(image, float(rng.uniform(0.5, 1.8)))
    if rng.random() < config.motion_blur / 2:
        image = np.asarray(cv2.filter2D(image, -1, motion_kernel(rng, len(image))), np.uint8)
    if rng.random() < config.colour:
        image = _recoloured(rng, image)
    if rng.random() < config.grey:
        image = _grey(image)
    if rng.random() < config.noise:
        image = _noisy(rng, image, fineness)
    if rng.random() < config.compression:
        quality = int(rng.uniform(22, 88) + min(10 * (fineness - 1), 10))
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(image, np.uint8)


def _grey(image: Image) -> Image:
    single = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(single, cv2.COLOR_GRAY2BGR), np.uint8)


def _blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _recoloured(rng: Generator, image: Image) -> Image:
    """Exposure, contrast, gamma and white balance as one table a channel, then saturation."""
    levels = np.linspace(0, 1, 256)
    gamma = math.exp(float(rng.normal(0, 0.2)))
    contrast = float(rng.uniform(0.75, 1.25))
    offset = float(rng.normal(0, 0.06))
    balance = np.exp(rng.normal(0, 0.06, 3))
    curve = ((levels**gamma - 0.45) * contrast + 0.45 + offset)[:, None] * balance
    image = np.asarray(cv2.LUT(image, np.clip(curve * 255, 0, 255).astype(np.uint8)[None]))
    if rng.random() < 0.35:
        grey = _grey(image)
        share = float(rng.uniform(-0.25, 0.6))
        image = np.asarray(cv2.addWeighted(image, 1 - share, grey, share, 0), np.uint8)
    return image


def _noisy(rng: Generator, image: Image, fineness: float) -> Image:
    """Sensor noise, stronger in the dark and slightly blurred like denoised video."""
    sigma = float(rng.gamma(2.0, 2.2)) / fineness
    grain = rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.6:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * 2.0
    dark = cv2.LUT(image, _DARKER)
    return np.asarray(np.clip(image + grain * (sigma * dark), 0, 255), np.uint8)


_DARKER = np.linspace(1.3, 0.7, 256, dtype=np.float32)
