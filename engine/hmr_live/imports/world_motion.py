"""Motion capture on SMPL's tree, in a world with y up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.takes.take import Marker

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class WorldMotion:
    """One captured sequence of T frames in a world with y up.

    Attributes
    ----------
    name
        Which sequence of which data set.
    poses
        ``(T, 24, 3)`` float32 axis-angle; joint 0 turns the body frame into the world.
    transl
        ``(T, 3)`` float32 metres, added to the posed body.
    fps
        Frames a second.
    betas
        ``(10,)`` float32 of the model named by ``body``, None where the data have no shape.
    body
        ``smpl_male``, ``smpl_female``, ``smpl_neutral``, the SHA-256 of the body's file, or empty
        where the data do not say.
    seen
        ``(T,)``, False where the file holds a frame but the person was out of sight; None where
        that never happens.
    markers
        Moments that somebody marked, seconds since the first frame.
    """

    name: str
    poses: Array
    transl: Array
    fps: float
    betas: Array | None = None
    body: str = ""
    seen: NDArray[np.bool_] | None = None
    markers: tuple[Marker, ...] = ()

    def __len__(self) -> int:
        return len(self.poses)
