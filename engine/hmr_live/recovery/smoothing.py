"""One Euro filters (Casiez, Roussel and Vogel, CHI 2012) on vectors, rotations and places.

A first-order low-pass whose cutoff grows with speed: still poses do not jitter, fast ones do not
lag.  Every step uses the real time between two frames; nothing assumes a frame rate.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np

from hmr_live.body.rotations import axis_and_angle, matrix_from_axis_and_angle
from hmr_live.core.state import Array


@dataclass(frozen=True, slots=True)
class OneEuroSettings:
    """Parameters of the filter, named as in the paper.

    Attributes
    ----------
    min_cutoff
        Hz; cutoff at rest.  Lower jitters less.
    beta
        Growth of the cutoff with speed: Hz for each unit a second.  Higher lags less.
    d_cutoff
        Hz; cutoff of the filter on the speed itself.

    Each is one number, or one for each component.
    """

    min_cutoff: float | Array
    beta: float | Array
    d_cutoff: float | Array = 1.0


def smoothing_factor(cutoff: float | Array, dt: float) -> Array:
    """Weight of the newest sample in an exponential filter with this cutoff (Hz) and step (s)."""
    ratio = 2 * math.pi * np.asarray(cutoff, np.float32) * dt
    return np.asarray(ratio / (ratio + 1), np.float32)


class OneEuroVector:
    """Filter of a vector; each component has its own speed."""

    def __init__(self, settings: OneEuroSettings) -> None:
        self._settings = settings
        self._value: Array | None = None
        self._speed: Array | None = None

    def __call__(self, value: Array, dt: float) -> Array:
        """Filtered value after a step of ``dt`` seconds (> 0; ignored on the first call)."""
        if self._value is None or self._speed is None:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        s = self._settings
        speed = (value - self._value) / dt
        self._speed = self._speed + smoothing_factor(s.d_cutoff, dt) * (speed - self._speed)
        weight = smoothing_factor(s.min_cutoff + s.beta * np.abs(self._speed), dt)
        self._value = self._value + weight * (value - self._value)
        return self._value


class OneEuroRotation:
    """Filter of rotations ``(..., 3, 3)``; moves along the shortest arc, each at its own speed.

    The unit of speed is radians a second.
    """

    def __init__(self, settings: OneEuroSettings) -> None:
        self._settings = settings
        self._value: Array | None = None
        self._speed: Array | None = None

    def __call__(self, value: Array, dt: float) -> Array:
        """Filtered rotations after a step of ``dt`` seconds (> 0; ignored on the first call)."""
        if self._value is None or self._speed is None:
            self._value, self._speed = value, np.zeros((*value.shape[:-2], 1), np.float32)
            return value
        s = self._settings
        axis, angle = axis_and_angle(np.swapaxes(self._value, -1, -2) @ value)
        speed = angle / dt
        self._speed = self._speed + smoothing_factor(s.d_cutoff, dt) * (speed - self._speed)
        weight = smoothing_factor(s.min_cutoff + s.beta * self._speed, dt)
        self._value = self._value @ matrix_from_axis_and_angle(axis, weight * angle)
        return self._value


#: Found on the test clips: half the jitter of the raw poses, without visible lag in a jump.
POSE_SETTINGS = OneEuroSettings(min_cutoff=1.0, beta=2.5)
#: (x / z, y / z) and log z of the translation: the person's place in the picture must not lag.
TRANSLATION_SETTINGS = OneEuroSettings(min_cutoff=2.0, beta=30.0)
DEPTH_SETTINGS = OneEuroSettings(min_cutoff=0.6, beta=3.0)

#: The whole place in one vector: one filter costs hardly more than a third of three.
_PLACE = (TRANSLATION_SETTINGS, TRANSLATION_SETTINGS, DEPTH_SETTINGS)
PLACE_SETTINGS = OneEuroSettings(*np.array([astuple(s) for s in _PLACE], np.float32).T)

#: A longer gap than this (s) starts the filter anew: the old pose says nothing any more.
MAX_GAP_S = 0.5


class BodySmoother:
    """One Euro filters for the pose and the place of one person."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next body passes unchanged."""
        self._time: float | None = None
        self._pose = OneEuroRotation(POSE_SETTINGS)
        self._place = OneEuroVector(PLACE_SETTINGS)

    def __call__(self, rotmats: Array, transl: Array, time: float) -> tuple[Array, Array]:
        """Smooth one body; its shape is :class:`.PersonShape`'s to keep.

        Parameters
        ----------
        rotmats, transl
            See :class:`hmr_live.core.state.BodyState`; transl must lie before the camera.
        time
            Seconds, of the frame.
        """
        if self._time is not None and not 0 < time - self._time <= MAX_GAP_S:
            self.reset()
        dt = 1.0 if self._time is None else time - self._time
        self._time = time
        z = max(float(transl[2]), 1e-3)
        raw = np.array([transl[0] / z, transl[1] / z, math.log(z)], np.float32)
        x, y, log_z = self._place(raw, dt).tolist()
        depth = math.exp(log_z)
        place = np.array([x * depth, y * depth, depth], np.float32)
        return self._pose(rotmats, dt), place
