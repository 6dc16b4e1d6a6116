"""Everyday postures get their share of motion capture, which is mostly dance, sports and fights.

Frames are told apart by geometry alone; each class then has its share of all draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.data.posture_angles import PostureAngles, posture_angles

Array = NDArray[np.floating[Any]]

#: Share of each class in what is drawn.
SHARES: Final = {
    "standing": 0.16,
    "hands": 0.18,
    "reaching": 0.10,
    "walking": 0.20,
    "sitting": 0.11,
    "other": 0.25,
}
CLASSES: Final = tuple(SHARES)
#: Those on nearly straight legs.
STANDING: Final = ("standing", "hands", "reaching")
#: No frame is drawn more than so many times as often as without weights.
_MOST: Final = 12.0
#: Frames a second of motion capture.
_FPS: Final = 30.0


def posture_classes(poses: Array) -> NDArray[np.intp]:
    """Class of each frame of a sequence, as an index of :data:`CLASSES`.

    ``standing`` has hanging arms; ``hands`` stands with the hands in front of the body, as in
    talking or at a desk; ``reaching`` stands with a stretched or raised arm.

    Parameters
    ----------
    poses
        ``(F, 24, 3)`` axis-angle since a flat T-pose, y up, 30 frames a second.
    """
    angles = posture_angles(poses)
    speed = _leg_speed(angles)
    upright = angles.trunk < 25
    knee, thigh, leg = angles.knee, angles.thigh, angles.leg
    on_feet = upright & (knee.max(1) < 30) & (leg.max(1) < 20) & (speed < 45)
    stretched = (angles.shoulder > 55) & (angles.elbow < 45)
    reaching = (stretched | (angles.hand > 0)).any(axis=1)
    rules = {
        "sitting": (angles.trunk < 35)
        & ((thigh > 50) & (thigh < 115) & (knee > 40) & (knee < 125)).all(axis=1)
        & (speed < 90),
        "reaching": on_feet & reaching,
        "hands": on_feet & (angles.hand > -0.75).any(axis=1),
        "standing": on_feet,
        "walking": (angles.trunk < 15)
        & (speed >= 45)
        & (speed < 600)
        & (knee.min(1) < 30)
        & (knee.max(1) < 80)
        & (leg.max(1) < 40)
        & (angles.hand < -0.2).all(axis=1),
    }
    numbers = [CLASSES.index(name) for name in rules]
    chosen = np.select(list(rules.values()), numbers, CLASSES.index("other"))
    return np.asarray(chosen, np.intp)


def everyday_weights(sequences: Sequence[Array]) -> Array:
    """Weight of each frame of all sequences in turn, ``(F,)``, sum 1.

    A class with few frames gets less than its share (:data:`SHARES`) rather than a few frames
    again and again; what it leaves goes to the others.
    """
    classes = np.concatenate([posture_classes(poses) for poses in sequences])
    counts = np.bincount(classes, minlength=len(CLASSES))
    shares = np.minimum(list(SHARES.values()), _MOST * counts / len(classes))
    per_frame = shares / np.maximum(counts, 1)
    weights = per_frame[classes]
    return np.asarray(weights / weights.sum())


def everyday_frames(sequences: Sequence[Array]) -> NDArray[np.intp]:
    """Frames drawn by :func:`everyday_weights` at equal steps, ``(F,)``, as many as there are."""
    cumulative = np.cumsum(everyday_weights(sequences))
    steps = (np.arange(len(cumulative)) + 0.5) / len(cumulative)
    return np.minimum(np.searchsorted(cumulative, steps), len(cumulative) - 1)


def _leg_speed(angles: PostureAngles) -> Array:
    """Fastest change of knees and hips, ``(F,)`` degrees a second."""
    legs = np.concatenate([angles.knee, angles.hip], axis=1)
    change = np.abs(np.diff(legs, axis=0, append=legs[-1:])).max(axis=1)
    if len(change) > 1:
        change[-1] = change[-2]
    return np.asarray(change * _FPS)
