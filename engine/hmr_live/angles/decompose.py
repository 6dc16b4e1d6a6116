"""Rotations into angles: Cardan, plane-elevation-axial, and the direction in which an elbow bends.

Axes are anatomical: x left, y up along the segment, z forward.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hmr_live.core.state import Array

#: Sine of the cone about a singular direction in which two angles can no longer be told apart.
SINGULAR_SINE: Final = 0.1
#: Radians of elbow flexion between which the bend begins to say how the upper arm is turned.
_BEND_FADES: Final = tuple(np.radians((10.0, 30.0)).tolist())


def cardan(rotations: Array) -> Array:
    """``R = Rx(first) Rz(middle) Ry(last)``, ``(..., 3, 3)`` -> ``(..., 3)`` radians.

    Where the middle angle is nearly +-90 degrees, the last one is given as zero and the first one
    is what both make together.
    """
    r = rotations
    cosine = np.hypot(r[..., 0, 0], r[..., 0, 2])
    angles = np.stack(
        [
            np.arctan2(r[..., 2, 1], r[..., 1, 1]),
            np.arctan2(-r[..., 0, 1], cosine),
            np.arctan2(r[..., 0, 2], r[..., 0, 0]),
        ],
        axis=-1,
    )
    locked = cosine < SINGULAR_SINE
    if locked.any():
        angles[locked, 0] = np.arctan2(-r[locked, 1, 2], r[locked, 2, 2])
        angles[locked, 2] = 0
    return angles


def shoulder(rotations: Array) -> Array:
    """Upper arm against thorax: two descriptions of one rotation, on the left.

    The ISB's order is ``R = Ry(-plane) Rz(elevation) Ry(-axial)`` in our axes.  Tilt and torsion
    split the same elevation into its forward and sideward shares; the torsion is the turn about
    the long axis from the shortest way, the sum of plane and axial rotation.

    Parameters
    ----------
    rotations
        ``(..., 3, 3)``.

    Returns
    -------
    ``(..., 6)`` radians: elevation, plane, axial rotation, flexion, abduction, torsion.  Where
    the arm hangs or points straight up, the plane is given as zero.
    """
    r = rotations
    outward, forward = -r[..., 0, 1], -r[..., 2, 1]
    sine = np.hypot(outward, forward)
    elevation = np.arctan2(sine, r[..., 1, 1])
    plane = np.arctan2(forward, outward)
    axial = -np.arctan2(r[..., 1, 2], r[..., 1, 0])
    torsion = -_torsion(r)
    stretch = elevation / np.maximum(sine, 1e-6)
    angles = np.stack(
        [elevation, plane, axial, forward * stretch, outward * stretch, torsion], axis=-1
    )
    pole = sine < SINGULAR_SINE
    if pole.any():
        angles[pole, 1] = 0
        angles[pole, 2] = angles[pole, 5]
        top = pole & (r[..., 1, 1] < 0)
        difference = np.arctan2(r[top, 0, 2] + r[top, 2, 0], r[top, 2, 2] - r[top, 0, 0])
        angles[top, 2] = angles[top, 5] = difference
        angles[top, 3] = 0
        angles[top, 4] = elevation[top]
    return angles


def elbow(rotations: Array) -> Array:
    """Forearm against upper arm: ``R = Ry(bend) Rx(-flexion) Ry(turn)``.

    An elbow is a hinge, so a bend beside the front says that the upper arm is turned about its
    axis otherwise than the model has it.  A straight elbow bends nowhere; there, bend is faded to
    zero.  ``bend + turn`` is the torsion at any flexion.

    Parameters
    ----------
    rotations
        ``(..., 3, 3)``.

    Returns
    -------
    ``(..., 3)`` radians: flexion (0 to pi), bend, turn.
    """
    r = rotations
    outward, forward = -r[..., 0, 1], -r[..., 2, 1]
    flexion = np.arctan2(np.hypot(outward, forward), r[..., 1, 1])
    least, full = _BEND_FADES
    share = np.clip((flexion - least) / (full - least), 0, 1)
    bend = np.arctan2(outward, forward) * share * share * (3 - 2 * share)
    return np.stack([flexion, bend, _torsion(r) - bend], axis=-1)


def _torsion(rotations: Array) -> Array:
    """Turn about y that is left after the shortest way between the y axes, radians."""
    r = rotations
    return np.asarray(np.arctan2(r[..., 0, 2] - r[..., 2, 0], r[..., 0, 0] + r[..., 2, 2]))
