"""Which way a person faces, by the order of left and right in an upright crop.

A person who faces the camera has the left side on the right of the image.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_RIGHT_HIP, _LEFT_HIP, _RIGHT_SHOULDER, _LEFT_SHOULDER = 2, 3, 8, 9
#: Shoulders and hips narrower than this share of the torso are seen from the side.
_MARGIN: Final = 0.2
_TINY: Final = 1e-6


def left_right_breadth(limbs: Array) -> Array:
    """How far the left side lies to the right of the right side, in torso lengths, ``(N,)``.

    Parameters
    ----------
    limbs
        ``(N, >= 12, >= 2)`` LSP joints; x to the right.
    """
    flat = limbs[..., :2]
    hips = flat[:, _LEFT_HIP] - flat[:, _RIGHT_HIP]
    shoulders = flat[:, _LEFT_SHOULDER] - flat[:, _RIGHT_SHOULDER]
    torso = (
        flat[:, _LEFT_SHOULDER]
        + flat[:, _RIGHT_SHOULDER]
        - flat[:, _LEFT_HIP]
        - flat[:, _RIGHT_HIP]
    ) / 2
    length = np.maximum(np.linalg.norm(torso, axis=-1), _TINY)
    return np.asarray((hips[:, 0] + shoulders[:, 0]) / 2 / length)


def views(labels: Array, other: Array | None = None) -> dict[str, Mask]:
    """Photos by the view of the person: "front", "back", "side" and "unclear", ``(N,)`` masks.

    Parameters
    ----------
    labels
        ``(N, 14, 3)`` LSP joints of upright crops, then a flag: labelled where > 0; without both
        hips and both shoulders the view is unclear.
    other
        ``(N, 12, >= 2)`` the limb joints from a second source; where it has the other sign, the
        view is unclear.
    """
    known = (labels[:, [_RIGHT_HIP, _LEFT_HIP, _RIGHT_SHOULDER, _LEFT_SHOULDER], 2] > 0).all(axis=1)
    own = left_right_breadth(labels)
    agreed = (
        np.ones_like(known) if other is None else np.sign(left_right_breadth(other)) == np.sign(own)
    )
    side = known & (np.abs(own) < _MARGIN)
    front = known & agreed & (own >= _MARGIN)
    back = known & agreed & (own <= -_MARGIN)
    return {"front": front, "back": back, "side": side, "unclear": ~(front | back | side)}
