"""One shape per person: betas are averaged over the first seconds and then stay."""

from __future__ import annotations

from typing import Final

import numpy as np

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array

#: Seconds of a person whose limbs are all seen after which the shape stays.
SETTLED_S: Final = 3.0
#: Seconds for which one frame may count, however long ago the one before was.
_LONGEST_STEP_S: Final = 0.2
#: For a take's ``info``.
SHAPE_DESCRIPTION: Final = {"filter": "mean, then constant", "settled_s": SETTLED_S}
_LIMBS: Final = [
    JOINT[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
]


class PersonShape:
    """The shape of one person, from many frames."""

    def __init__(self) -> None:
        self._betas: Array | None = None
        self._scales: list[float] = []
        self._seen_s = 0.0
        self._time: float | None = None

    @property
    def settled(self) -> bool:
        """Whether the shape no longer changes."""
        return self._seen_s >= SETTLED_S

    @property
    def scale(self) -> float:
        """How many times as large the person is as recovered; 1 where nothing is known."""
        return float(np.median(self._scales)) if self._scales else 1.0

    def __call__(
        self, betas: Array, confidence: Array, time: float, scale: float | None = None
    ) -> Array:
        """Take a frame's betas; return the person's.

        Parameters
        ----------
        betas
            ``(10,)`` of this frame.
        confidence
            ``(24,)`` of its joints: limbs that are not seen say nothing about their lengths.
        time
            Seconds, of the frame.
        scale
            How many times as large the person is as recovered, where this frame tells.
        """
        if scale is not None and not self.settled:
            self._scales.append(scale)
        step = _LONGEST_STEP_S if self._time is None else time - self._time
        self._time = time
        weight = min(max(step, 0.0), _LONGEST_STEP_S) * float(confidence[_LIMBS].mean())
        if self._betas is None:
            self._betas = np.array(betas, np.float32)
        elif not self.settled and weight > 0:
            share = weight / (self._seen_s + weight)
            self._betas = self._betas + np.float32(share) * (betas - self._betas)
        self._seen_s += weight
        return self._betas
