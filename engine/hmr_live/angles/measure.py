"""From SMPL rotations to joint angles."""

from __future__ import annotations

from typing import Final

import numpy as np

from hmr_live.angles.decompose import cardan, elbow, shoulder
from hmr_live.angles.definitions import ANGLES
from hmr_live.angles.frames import AnatomicalFrames, shipped_frames
from hmr_live.angles.splits import (
    CARDAN_ROWS,
    ELBOW_ROWS,
    REVERSED_ROWS,
    ROWS,
    SHOULDER,
    SHOULDER_ROWS,
    SPLITS,
    WRIST_TURN,
)
from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array

_GATHERED: Final = [JOINT[name] for name in ROWS]
#: Rows that reach over several joints: from the first one's parent to the last one.
_CHAINS: Final = {
    "left_shoulder": ("left_collar", "left_shoulder"),
    "right_shoulder": ("right_collar", "right_shoulder"),
    "neck": ("neck", "head"),
    "spine1": ("spine1", "spine2"),
}
_CHAIN_ROWS: Final = [ROWS.index(name) for name in _CHAINS]
_CHAIN_PARTS: Final = tuple(
    [JOINT[name] for name in part] for part in zip(*_CHAINS.values(), strict=True)
)
_SPINE_ROW: Final = ROWS.index("spine1")

#: Name and sign of everything that :func:`_measured` gives, in its order.
_MEASURED: Final = [
    *(
        (f"{side} {name}".lstrip(), sign)
        for split in SPLITS
        for side in split.sides
        for name, sign in zip(split.names, split.signs, strict=True)
    ),
    *((f"{side} {name}", 1) for side in ("left", "right") for name in SHOULDER),
    *(
        (f"{side} {name}", 1)
        for side in ("left", "right")
        for name in ("elbow flexion", "forearm pronation")
    ),
]
_NAMES: Final = [name for name, _ in _MEASURED]
_COLUMNS: Final = [_NAMES.index(angle.name) for angle in ANGLES]
_DEGREES: Final = np.degrees([_MEASURED[column][1] for column in _COLUMNS]).astype(np.float32)
_WRIST_TURNS: Final = [_NAMES.index(f"{side} {WRIST_TURN}") for side in ("left", "right")]


def joint_angles(rotmats: Array, frames: AnatomicalFrames | None = None) -> Array:
    """Angles of one pose or of many.

    Near a singularity the angle that can no longer be told is given as zero, and its partner
    holds what both make together; the definitions say which.

    Parameters
    ----------
    rotmats
        ``(..., 24, 3, 3)`` rotations relative to the parent; joint 0 turns the body frame into
        the camera frame and only moves the pelvis's angles.
    frames
        Anatomical frames of the body that the rotations are meant for; the shipped body's if
        not given.

    Returns
    -------
    ``(..., len(ANGLES))`` float32 degrees in the order of :data:`hmr_live.angles.ANGLES`.
    """
    if frames is None:
        frames = shipped_frames()
    angles = _measured(frames.before @ _stacked(rotmats) @ frames.after)
    return np.asarray(angles[..., _COLUMNS] * _DEGREES, np.float32)


def _stacked(rotmats: Array) -> Array:
    """Rotations of distal against proximal segments, ``(..., 17, 3, 3)``, see ``ROWS``."""
    rows = rotmats[..., _GATHERED, :, :].astype(np.float32, copy=False)
    first, second = _CHAIN_PARTS
    rows[..., _CHAIN_ROWS, :, :] = rotmats[..., first, :, :] @ rotmats[..., second, :, :]
    rows[..., _SPINE_ROW, :, :] = rows[..., _SPINE_ROW, :, :] @ rotmats[..., JOINT["spine3"], :, :]
    reverse = rows[..., REVERSED_ROWS, :, :].copy()
    rows[..., REVERSED_ROWS, :, :] = np.swapaxes(reverse, -1, -2)
    return rows


def _measured(local: Array) -> Array:
    """Rotations between anatomical frames -> ``(..., len(_MEASURED))`` radians."""
    cardans = _flat(cardan(local[..., CARDAN_ROWS, :, :]))
    shoulders = shoulder(local[..., SHOULDER_ROWS, :, :])
    flexion, bend, turn = np.moveaxis(elbow(local[..., ELBOW_ROWS, :, :]), -1, 0)
    # The upper arm's front is where its elbow bends to: axial rotation and torsion count from it.
    shoulders[..., [2, 5]] = _wrapped(shoulders[..., [2, 5]] - bend[..., None])
    pronation = _wrapped(cardans[..., _WRIST_TURNS] - turn)
    elbows = np.stack([flexion, pronation], axis=-1)
    return np.concatenate([cardans, _flat(shoulders), _flat(elbows)], axis=-1)


def _wrapped(radians: Array) -> Array:
    return np.asarray((radians + np.pi) % (2 * np.pi) - np.pi)


def _flat(angles: Array) -> Array:
    return angles.reshape(*angles.shape[:-2], -1)
