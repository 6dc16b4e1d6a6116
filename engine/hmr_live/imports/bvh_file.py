"""The BVH file format (Biovision hierarchy): bones with offsets, then channels frame by frame.

A bone's rotation is the product of its rotation channels in the order in which the file lists
them (``Zrotation Yrotation Xrotation`` means ``Rz @ Ry @ Rx``), degrees.  Position channels replace
the bone's offset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import AssetError

Array = NDArray[np.floating[Any]]

_AXES: Final = {"X": 0, "Y": 1, "Z": 2}
_CHANNELS: Final = {f"{axis.lower()}{kind}" for axis in _AXES for kind in ("position", "rotation")}


@dataclass
class Bone:
    """One joint of the hierarchy.

    Attributes
    ----------
    name
        As in the file; an end site is called after its parent with ``_end``.
    parent
        Index of the parent, -1 for the root.
    offset
        ``(3,)`` from the parent's joint, file units.
    channels
        Names in the file's order, lower case (``"zrotation"``).
    first_channel
        Column of the first of them.
    """

    name: str
    parent: int
    offset: Array = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()
    first_channel: int = 0


@dataclass(frozen=True)
class BvhFile:
    """A parsed file.

    Attributes
    ----------
    bones
        Parents before children.
    values
        ``(T, C)`` channel values.
    frame_time
        Seconds.
    """

    bones: list[Bone]
    values: Array
    frame_time: float

    def transforms(self, values: Array) -> tuple[Array, Array]:
        """World rotations ``(T, B, 3, 3)`` and positions ``(T, B, 3)`` in file units."""
        rotations = np.empty((len(values), len(self.bones), 3, 3))
        positions = np.empty((len(values), len(self.bones), 3))
        for index, bone in enumerate(self.bones):
            local, place = _local(bone, values)
            if bone.parent < 0:
                rotations[:, index], positions[:, index] = local, place
                continue
            above = rotations[:, bone.parent]
            rotations[:, index] = above @ local
            positions[:, index] = positions[:, bone.parent] + (above @ place[..., None])[..., 0]
        return rotations, positions


def read_bvh_file(path: Path | str) -> BvhFile:
    """Parse a file.

    Raises
    ------
    AssetError
        When it is missing or not in BVH format.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise AssetError(f"There is no {path}: check the path.") from error
    hierarchy, found, motion = text.partition("MOTION")
    try:
        bones = _parse_hierarchy(hierarchy.split())
        if not found:
            raise ValueError("it has no MOTION")
        values, frame_time = _parse_motion(motion, sum(len(bone.channels) for bone in bones))
    except (ValueError, IndexError) as error:
        why = "it breaks off" if isinstance(error, IndexError) else error
        raise AssetError(f"{path} is not a valid BVH file ({why}): export it again.") from error
    return BvhFile(bones, values, frame_time)


def _parse_hierarchy(words: list[str]) -> list[Bone]:
    if not words or words[0].upper() != "HIERARCHY":
        raise ValueError("it does not begin with HIERARCHY")
    bones: list[Bone] = []
    open_bones: list[int] = []
    columns, place = 0, 1
    while place < len(words):
        word = words[place].upper()
        if word in ("ROOT", "JOINT", "END"):
            parent = open_bones[-1] if open_bones else -1
            if parent < 0 and bones:
                raise ValueError("it has several roots")
            name = f"{bones[parent].name}_end" if word == "END" else words[place + 1]
            bones.append(Bone(name, parent))
            place += 2
        elif word == "{":
            open_bones.append(len(bones) - 1)
            place += 1
        elif word == "}":
            open_bones.pop()
            place += 1
        elif word == "OFFSET":
            bones[-1].offset = np.array([float(w) for w in words[place + 1 : place + 4]])
            place += 4
        elif word == "CHANNELS":
            count = int(words[place + 1])
            bones[-1].channels = tuple(w.lower() for w in words[place + 2 : place + 2 + count])
            if unknown := set(bones[-1].channels) - _CHANNELS:
                raise ValueError(f"unknown channel {unknown.pop()!r}")
            bones[-1].first_channel = columns
            columns += count
            place += 2 + count
        else:
            raise ValueError(f"unexpected word {words[place]!r}")
    if open_bones:
        raise ValueError("a bracket is not closed")
    return bones


def _parse_motion(text: str, columns: int) -> tuple[Array, float]:
    lines = [line for line in text.splitlines() if line.strip()]
    frames = int(lines[0].split(":")[1])
    frame_time = float(lines[1].split(":")[1])
    if frame_time <= 0 or frames < 1:
        raise ValueError("it has no frames")
    values = np.array(" ".join(lines[2:]).split(), np.float64)
    if len(values) != frames * columns:
        raise ValueError(f"{len(values)} values instead of {frames} frames of {columns}")
    return values.reshape(frames, columns), frame_time


def _local(bone: Bone, values: Array) -> tuple[Array, Array]:
    """Rotation ``(T, 3, 3)`` and place ``(T, 3)`` relative to the parent."""
    rotation = np.broadcast_to(np.eye(3), (len(values), 3, 3))
    place = np.tile(bone.offset, (len(values), 1))
    for number, channel in enumerate(bone.channels):
        column = values[:, bone.first_channel + number]
        axis = _AXES[channel[0].upper()]
        if channel[1:] == "position":
            place[:, axis] = column
        else:
            turn = np.zeros((len(values), 3))
            turn[:, axis] = np.deg2rad(column)
            rotation = rotation @ matrix_from_axis_angle(turn)
    return rotation, place
