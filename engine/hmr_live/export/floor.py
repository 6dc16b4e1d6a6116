"""Put the people of a take on a level floor, in their positions relative to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.export.clip import MotionClip
from hmr_live.export.world_frame import floor_height, level

Array = NDArray[np.floating[Any]]


def on_floor(clips: Sequence[MotionClip]) -> tuple[MotionClip, ...]:
    """Put the people of a take on the floor.

    The camera's tilt is corrected from the frames in which somebody stands upright, preferably the
    person seen longest, unless the take knows its world.  The first person starts above the origin,
    and everybody keeps their position relative to them.  Everybody's own lowest sole height is 0:
    relative heights at different depths are unreliable from one camera.

    Parameters
    ----------
    clips
        Of one take, in a world with y up.
    """
    if "world_from_camera" not in clips[0].info:
        upright = _tilt(clips)
        clips = [clip.moved(upright, np.zeros(3)) for clip in clips]
    x, _, z = clips[0].joints[0, 0]
    return tuple(clip.moved(np.eye(3), np.array([-x, -_floor(clip), -z])) for clip in clips)


def _tilt(clips: Sequence[MotionClip]) -> Array:
    """Rotation ``(3, 3)`` that makes people upright; the identity if nobody ever stands."""
    for clip in sorted(clips, key=lambda clip: clip.seen.sum(), reverse=True):
        rotation = level(clip.rotmats[clip.seen], clip.joints[clip.seen], clip.rest)
        if not np.array_equal(rotation, np.eye(3)):
            return rotation
    return np.eye(3)


def _floor(clip: MotionClip) -> float:
    shaped = clip.body.v_template[:, 1] + clip.body.shapedirs[:, 1] @ clip.betas
    return floor_height(clip.joints[clip.seen], clip.rest, float(shaped.min()))
