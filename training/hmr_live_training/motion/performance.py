"""Captured motion as something a body does in a room: where its root goes, which soles are down.

The motion capture has no root path.  It follows from what stands: a planted heel or toe keeps its
place, so the body moves by what that point would have slid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT, PARENTS

Array = NDArray[np.floating[Any]]

#: Points of the soles, in the order of all arrays of contacts.
SOLE_POINTS: Final = ("left_heel", "left_toes", "right_heel", "right_toes")
#: Metres over the lowest point within which a sole point carries.
_CARRYING: Final = 0.02
#: A point is down below this height, metres, and this speed, metres a second.
_DOWN_HEIGHT: Final = 0.05
_DOWN_SPEED: Final = 0.35
#: Frames over which heights and speeds are averaged.
_SMOOTH: Final = 3


@dataclass(frozen=True)
class Performance:
    """A body that moves in a room: y up, floor at 0.

    Attributes
    ----------
    rotmats
        ``(T, 24, 3, 3)`` relative rotations, joint 0 into the room.
    joints
        ``(T, 24, 3)`` metres, in the room.
    contacts
        ``(T, 4)`` whether each of :data:`SOLE_POINTS` stands.
    """

    rotmats: Array
    joints: Array
    contacts: NDArray[np.bool_]


class SoleFinder:
    """The points of the soles of one body shape, from joints and rotations.

    Parameters
    ----------
    body
        The body model.
    betas
        ``(10,)``.
    """

    def __init__(self, body: BodyModel, betas: Array) -> None:
        rest = body.forward(np.tile(np.eye(3, dtype=np.float32), (24, 1, 1)), betas)
        self._points = []
        for side in ("left", "right"):
            ankle, foot = JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]
            own = body.weights[:, [ankle, foot]].sum(axis=1) > 0.9
            vertices = rest.vertices[own]
            low = vertices[vertices[:, 1] < np.percentile(vertices[:, 1], 25)]
            for joint, chosen in ((ankle, low[:, 2].argmin()), (foot, low[:, 2].argmax())):
                middle = low[np.abs(low[:, 2] - low[chosen, 2]) < 0.015].mean(axis=0)
                self._points.append((joint, middle - rest.joints[joint]))

    def __call__(self, joints: Array, turns: Array) -> Array:
        """Points ``(T, 4, 3)`` of joints ``(T, 24, 3)`` and global rotations ``(T, 24, 3, 3)``."""
        return np.stack(
            [joints[:, joint] + turns[:, joint] @ offset for joint, offset in self._points], axis=1
        )


def perform(body: BodyModel, rotmats: Array, betas: Array, rate: float) -> Performance:
    """Let a body of a shape do captured rotations on the floor of a room.

    Parameters
    ----------
    body
        The body model.
    rotmats
        ``(T, 24, 3, 3)`` relative rotations, joint 0 into a room with y up.
    betas
        ``(10,)``.
    rate
        Frames a second.
    """
    joints = np.stack([body.joints(pose, betas) for pose in rotmats]).astype(np.float64)
    turns = global_rotations(rotmats)
    soles = SoleFinder(body, betas)(joints, turns)
    others = joints[:, [JOINT[name] for name in _MAY_CARRY]] - _FLESH
    lowest = np.concatenate([soles, others], axis=1)
    floor = _smoothed(lowest[..., 1].min(axis=1))
    above = lowest[..., 1] - lowest[..., 1].min(axis=1, keepdims=True)
    weights = np.exp(-np.square(above / _CARRYING))
    steps = np.diff(lowest[..., [0, 2]], axis=0)
    share = weights[1:] * weights[:-1] + 1e-9
    slid = (steps * share[..., None]).sum(axis=1) / share.sum(axis=1, keepdims=True)
    path = np.zeros((len(joints), 3))
    path[1:, [0, 2]] = -np.cumsum(slid, axis=0)
    path[:, 1] = -floor
    path -= path.mean(axis=0) * (1, 0, 1)
    moved = soles + path[:, None]
    speed = np.linalg.norm(np.gradient(moved, axis=0), axis=-1) * rate
    down = (moved[..., 1] < _DOWN_HEIGHT) & (_smoothed(speed) < _DOWN_SPEED)
    return Performance(rotmats, joints + path[:, None], down)


#: Joints that carry people who kneel, sit on the floor, lie, or stand on their hands; metres of
#: flesh below them.
_MAY_CARRY: Final = ("left_knee", "right_knee", "pelvis", "left_hand", "right_hand", "head")
_FLESH: Final = np.array([0.0, 0.06, 0.0])


def global_rotations(rotmats: Array) -> Array:
    """Rotations ``(..., 24, 3, 3)`` relative to each parent -> of each joint, joint 0's frame."""
    turns = np.array(rotmats)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            turns[..., joint, :, :] = turns[..., parent, :, :] @ turns[..., joint, :, :]
    return turns


def _smoothed(values: Array) -> Array:
    """Mean of neighbouring frames along the first dimension."""
    padded = np.pad(
        values, ((_SMOOTH // 2, _SMOOTH // 2), *((0, 0),) * (values.ndim - 1)), mode="edge"
    )
    return np.asarray(np.mean([padded[k : k + len(values)] for k in range(_SMOOTH)], axis=0))
