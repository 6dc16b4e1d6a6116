"""Taking people out of the picture that the detector looks at.

The detector was made for one person: somebody clear keeps it from seeing the one beside them (a
score of 0.2 instead of 0.9 in our scenes).  With those who are followed already under grey
rectangles it sees the others, and finds nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from hmr_live.core.state import Array, Image

#: The middle of the detector's range of values.
_GREY: Final = 127
#: Flesh around the joints, as a share of the body's extent in the picture.
_MARGIN: Final = 0.08


def without_people(image: Image, people: Iterable[Array]) -> Image:
    """Copy of an ``(H, W, 3)`` picture without these people, given by joints ``(24, 2)``."""
    hidden = image.copy()
    limit = np.array([image.shape[1], image.shape[0]])
    for joints_2d in people:
        low, high = joints_2d.min(axis=0), joints_2d.max(axis=0)
        margin = _MARGIN * (high - low).max()
        left, top = np.clip(low - margin, 0, limit).astype(int)
        right, bottom = np.clip(high + margin, 0, limit).astype(int)
        hidden[top:bottom, left:right] = _GREY
    return hidden
