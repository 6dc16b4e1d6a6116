"""Unwraps joint angles over time, for curves."""

from __future__ import annotations

from typing import Final

import numpy as np

from hmr_live.angles.decompose import SINGULAR_SINE
from hmr_live.angles.definitions import ANGLE_INDEX
from hmr_live.angles.splits import SHOULDER, SPLITS
from hmr_live.core.state import Array

#: Degrees about a singular direction in which an angle is held; a hair more than where
#: :func:`hmr_live.angles.joint_angles` gives zero.
_CONE: Final = float(np.degrees(np.arcsin(SINGULAR_SINE))) + 0.05

_SHOULDERS: Final = tuple(
    tuple(ANGLE_INDEX[f"{side} {name}"] for name in SHOULDER) for side in ("left", "right")
)
#: Indices (first, middle, last) of the joints whose middle angle can reach 90 degrees, and the
#: sign with which the last angle enters the first one there.
_LOCKING: Final = tuple(
    (*(ANGLE_INDEX[f"{side} {name}".lstrip()] for name in split.names), int(np.prod(split.signs)))
    for split in SPLITS
    if split.joint in ("hip", "spine1", "neck", "pelvis")
    for side in split.sides
)


class AngleContinuity:
    """Follows one person's angles, so that their curves neither jump by 360 nor at singularities.

    Where two angles of a joint cannot be told apart, one keeps its last value and the other takes
    what is left of their combination, which is defined.  Passing straight through a singularity
    still turns planes and rotations by 180 degrees, because that is what they measure.
    """

    def __init__(self) -> None:
        self._last: Array | None = None

    def reset(self) -> None:
        """Forget the past: another person, or a gap."""
        self._last = None

    def update(self, angles: Array) -> Array:
        """Unwrap the next frame's angles so that they continue the last ones.

        Parameters
        ----------
        angles
            ``(len(ANGLES),)`` degrees, from :func:`hmr_live.angles.joint_angles`.

        Returns
        -------
        ``(len(ANGLES),)`` float64 degrees, any multiple of 360 away from the given ones except
        at singularities.  The first frame comes back as it is; so does one that is not finite,
        and the next one starts anew.
        """
        following = angles.astype(np.float64)
        if not np.isfinite(following).all():
            self.reset()
            return following
        if self._last is not None:
            _hold_shoulders(following, self._last)
            _hold_locked(following, self._last)
            following += 360 * np.round((self._last - following) / 360)
        self._last = following
        return following.copy()


def unwrap_angles(angles: Array) -> Array:
    """Unwrap the angles of a whole recording, as :class:`AngleContinuity` does frame by frame.

    Parameters
    ----------
    angles
        ``(T, len(ANGLES))`` degrees of T frames, from :func:`hmr_live.angles.joint_angles`; finite.

    Returns
    -------
    ``(T, len(ANGLES))`` float64 degrees.
    """
    following = angles.astype(np.float64)
    elevation = following[:, [names[0] for names in _SHOULDERS]]
    middle = np.abs(following[:, [names[1] for names in _LOCKING]])
    shoulders = (elevation < _CONE) | (elevation > 180 - _CONE)
    near = np.concatenate([shoulders, middle > 90 - _CONE], axis=1)
    held = np.asarray(near.any(axis=1), np.bool_)
    held[0] = False
    # Only a singular frame needs the one before it; whole turns do not matter to either.
    for row in np.flatnonzero(held):
        _hold_shoulders(following[row], following[row - 1])
        _hold_locked(following[row], following[row - 1])
    return np.asarray(np.unwrap(following, period=360, axis=0))


def _hold_shoulders(angles: Array, last: Array) -> None:
    for elevation, plane, axial, flexion, abduction, rotation in _SHOULDERS:
        if angles[elevation] < _CONE:
            angles[plane] = last[plane]
            angles[axial] = angles[rotation] - last[plane]
        elif angles[elevation] > 180 - _CONE:
            angles[axial] += last[plane] - angles[plane]
            angles[plane] = last[plane]
            angles[rotation] = angles[plane] + angles[axial]
            radians = np.radians(angles[plane])
            angles[flexion] = angles[elevation] * np.sin(radians)
            angles[abduction] = angles[elevation] * np.cos(radians)


def _hold_locked(angles: Array, last: Array) -> None:
    for first, middle, final, sign in _LOCKING:
        if abs(angles[middle]) > 90 - _CONE:
            change = last[final] - angles[final]
            angles[first] += sign * np.sign(angles[middle]) * change
            angles[final] = last[final]
