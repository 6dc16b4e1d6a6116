"""BVH (Biovision hierarchy): the 24 joints by their SMPL names, offsets of the body's rest pose.

Centimetres, as MotionBuilder, Maya, Unity and most motion capture libraries have it; Blender
imports metres with a scale of 0.01.  Every joint's channels are ``Zrotation Xrotation Yrotation``,
that is ``R = Rz Rx Ry`` in degrees; the root has its position in the world before them.  Angles
run on past 180 degrees, so that curves between frames do not jump.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT_NAMES, PARENTS
from hmr_live.export.clip import MotionClip
from hmr_live.export.rig import ExportRig

Array = NDArray[np.floating[Any]]

CENTIMETRES: Final = 100.0
CHANNELS: Final = "Zrotation Xrotation Yrotation"
#: Share of the last bone's length by which the chain goes on at an end site.
_END: Final = 0.5


def write_bvh(clip: MotionClip, path: Path) -> None:
    """Write a clip; see the module for units and order.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    rig = ExportRig.of(clip)
    order = _depth_first()
    angles = np.rad2deg(euler_zxy(rig.rotmats))[:, order]
    rows = np.concatenate([rig.pelvis * CENTIMETRES, angles.reshape(len(clip), -1)], axis=1)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("HIERARCHY\n")
        file.writelines(f"{line}\n" for line in _hierarchy(rig.rest * CENTIMETRES, 0, 0))
        file.write(f"MOTION\nFrames: {len(clip)}\nFrame Time: {1 / clip.rate:.9f}\n")
        row = " ".join(["%.5f"] * rows.shape[1]) + "\n"
        file.writelines(row % tuple(values) for values in rows.tolist())


def euler_zxy(rotmats: Array) -> Array:
    """Angles (z, x, y) with ``R = Rz Rx Ry``, continuous over time.

    Of the two ways to write a rotation, and of the turns that may be added to each angle, the one
    nearest to the frame before is taken.

    Parameters
    ----------
    rotmats
        ``(T, J, 3, 3)``.

    Returns
    -------
    NDArray
        ``(T, J, 3)`` radians.
    """
    r = rotmats
    x = np.arcsin(np.clip(r[..., 2, 1], -1, 1))
    z = np.arctan2(-r[..., 0, 1], r[..., 1, 1])
    y = np.arctan2(-r[..., 2, 0], r[..., 2, 2])
    # At x = 90 degrees only the sum or the difference of z and y counts: y is set to 0.
    locked = np.hypot(r[..., 0, 1], r[..., 1, 1]) < 1e-7
    z = np.where(locked, np.arctan2(r[..., 1, 0], r[..., 0, 0]), z)
    y = np.where(locked, 0.0, y)
    first = np.stack([z, x, y], axis=-1)
    second = np.stack([z + np.pi, np.pi - x, y + np.pi], axis=-1)
    result = first
    turn = 2 * np.pi
    for t in range(1, len(result)):
        before = result[t - 1]
        ways = np.stack([first[t], second[t]])
        ways += turn * np.round((before - ways) / turn)
        nearer = np.abs(ways - before).sum(axis=-1).argmin(axis=0)
        result[t] = np.where(nearer[:, None] == 0, ways[0], ways[1])
    return result


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def _depth_first(joint: int = 0) -> list[int]:
    """Joints in the order in which the file lists them."""
    return [joint, *(below for child in _children(joint) for below in _depth_first(child))]


def _hierarchy(rest: Array, joint: int, depth: int) -> list[str]:
    tab = "\t" * depth
    root = PARENTS[joint] < 0
    # The root's place comes from its position channels.
    offset = np.zeros(3) if root else rest[joint] - rest[PARENTS[joint]]
    channels = f"6 Xposition Yposition Zposition {CHANNELS}" if root else f"3 {CHANNELS}"
    below = [line for child in _children(joint) for line in _hierarchy(rest, child, depth + 1)]
    if not below:
        end = f"{tab}\t\tOFFSET {_numbers(_END * offset)}"
        below = [f"{tab}\tEnd Site", f"{tab}\t{{", end, f"{tab}\t}}"]
    return [
        f"{tab}{'ROOT' if root else 'JOINT'} {JOINT_NAMES[joint]}",
        f"{tab}{{",
        f"{tab}\tOFFSET {_numbers(offset)}",
        f"{tab}\tCHANNELS {channels}",
        *below,
        f"{tab}}}",
    ]


def _numbers(vector: Array) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
