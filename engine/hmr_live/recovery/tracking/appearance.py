"""Appearance: colour histograms of trunk and thighs."""

from __future__ import annotations

from typing import Final

import numpy as np

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array, Image

_CORNERS: Final = [
    JOINT[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
]
_HIPS: Final = [JOINT["left_hip"], JOINT["right_hip"]]
_KNEES: Final = [JOINT["left_knee"], JOINT["right_knee"]]
#: Bins of each colour channel.
_LEVELS: Final = 4
_BINS: Final = _LEVELS**3
#: A part with fewer points than this inside the frame is left out.
_MIN_POINTS: Final = 12
#: Frames over which the running mean is taken.
_MAX_COUNT: Final = 30


def _trunk_weights() -> Array:
    """``(48, 4)`` weights of the four corners: points in the trunk, away from its edges."""
    grid = np.meshgrid(np.linspace(0.15, 0.85, 6), np.linspace(0.05, 0.9, 8))
    across, down = (ticks.ravel() for ticks in grid)
    weights = [
        (1 - down) * (1 - across),
        (1 - down) * across,
        down * (1 - across),
        down * across,
    ]
    return np.stack(weights, axis=1)


_TRUNK: Final = _trunk_weights()
_ALONG: Final = np.linspace(0.15, 0.9, 12)[:, None, None]


def colour_histogram(image: Image, joints_2d: Array) -> Array:
    """Colours of trunk and thighs.

    Parameters
    ----------
    image
        ``(H, W, 3)`` BGR.
    joints_2d
        ``(24, 2)`` frame pixels.

    Returns
    -------
    ``(2, 64)``: a histogram for the trunk and one for the thighs, each with the sum 1, or 0 where
    the part is out of the frame.
    """
    thighs = joints_2d[_HIPS] + _ALONG * (joints_2d[_KNEES] - joints_2d[_HIPS])
    parts = (_TRUNK @ joints_2d[_CORNERS], thighs.reshape(-1, 2))
    return np.stack([_histogram(image, points) for points in parts])


def similarity(first: Array, second: Array) -> float | None:
    """Bhattacharyya coefficient of two appearances, in [0, 1]; None where they share no part."""
    shared = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
    if not shared.any():
        return None
    return float(np.sqrt(first * second).sum(axis=1)[shared].mean())


class Appearance:
    """Running mean of somebody's appearance; a part that is hidden keeps its histogram."""

    def __init__(self) -> None:
        self.histogram = np.zeros((2, _BINS))
        self._counts = np.zeros((2, 1))

    def update(self, histogram: Array) -> None:
        """Add a histogram from :func:`colour_histogram`."""
        seen = histogram.sum(axis=1, keepdims=True) > 0
        self._counts = np.minimum(self._counts + seen, _MAX_COUNT)
        share = seen / np.maximum(self._counts, 1)
        self.histogram = self.histogram + share * (histogram - self.histogram)


def _histogram(image: Image, points: Array) -> Array:
    height, width = image.shape[:2]
    places = np.round(points).astype(int)
    inside = ((places >= 0) & (places < [width, height])).all(axis=1)
    if inside.sum() < _MIN_POINTS:
        return np.zeros(_BINS)
    columns, rows = places[inside].T
    levels = image[rows, columns].astype(int) * _LEVELS // 256
    bins = levels @ [_LEVELS * _LEVELS, _LEVELS, 1]
    return np.asarray(np.bincount(bins, minlength=_BINS) / inside.sum())
