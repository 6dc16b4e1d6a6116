"""Forward kinematics of whole streams on SMPL's tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import PARENTS

Array = NDArray[np.floating[Any]]


def posed_joints(rotmats: Array, rest: Array) -> Array:
    """Positions of the joints, without translation.

    Parameters
    ----------
    rotmats
        ``(T, 24, 3, 3)`` rotations relative to the parent joint.
    rest
        ``(24, 3)`` joints of the rest pose.

    Returns
    -------
    NDArray
        ``(T, 24, 3)`` in the unit of ``rest``; the pelvis stays at ``rest[0]``, as in SMPL.
    """
    world = rotmats.copy()
    positions = np.empty(rotmats.shape[:3], rotmats.dtype)
    positions[:, 0] = rest[0]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        world[:, joint] = world[:, parent] @ rotmats[:, joint]
        bone = rest[joint] - rest[parent]
        positions[:, joint] = positions[:, parent] + world[:, parent] @ bone
    return positions
