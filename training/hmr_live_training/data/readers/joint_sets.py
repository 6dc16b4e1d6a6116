"""Joint sets of all data sets, and how they map to the common set.

The common set is SMPL's 24 joints, in SMPL's order, followed by points that data sets label and
SMPL's tree lacks.  Left and right are always the person's own.  Data sets do not mean quite the
same by one name (a clicked hip lies outside of a captured hip joint); a name here says that they
are near enough for one loss, and ``None`` says that they are not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.core.errors import AssetError
from hmr_live_training.landmarks import BODY_LANDMARKS, LSP_NAMES

Array = NDArray[np.floating[Any]]
Names = tuple[str | None, ...]

_EXTRA: Final = (
    "upper_neck",  # LSP's Neck, MPII's upper neck: the throat, where the head begins
    "thorax",  # MPII's thorax, the middle between the shoulders at the base of the neck
    "head_top",
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_heel",
    "right_heel",
    "left_toe",  # tip of the big toe; SMPL's left_foot is the ball of the foot
    "right_toe",
)
COMMON_NAMES: Final = (*JOINT_NAMES, *_EXTRA)
NUM_COMMON: Final = len(COMMON_NAMES)
COMMON: Final = {name: index for index, name in enumerate(COMMON_NAMES)}


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


#: ``COMMON_MIRROR[k]`` is joint k's partner on the other side of the body.
COMMON_MIRROR: Final = tuple(COMMON[_other_side(name)] for name in COMMON_NAMES)


def _limb(short: str) -> str:
    """``"RAnkle"`` -> ``"right_ankle"``."""
    return {"R": "right_", "L": "left_"}[short[0]] + short[1:].lower()


_LSP_TORSO: Final = {"Neck": "upper_neck", "HeadTop": "head_top"}
_SIDES: Final = ("left", "right")

#: Leeds Sports Pose and its extension, 14 joints.
LSP: Final[Names] = tuple(_LSP_TORSO.get(name) or _limb(name) for name in LSP_NAMES)
#: COCO person keypoints, 17.
COCO: Final[Names] = (
    "nose",
    *(f"{s}_{part}" for part in ("eye", "ear") for s in _SIDES),
    *(f"{s}_{part}" for part in ("shoulder", "elbow", "wrist") for s in _SIDES),
    *(f"{s}_{part}" for part in ("hip", "knee", "ankle") for s in _SIDES),
)
#: MPII Human Pose, joint ids 0 to 15.
MPII: Final[Names] = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("pelvis", "thorax", "upper_neck", "head_top"),
    *("right_wrist", "right_elbow", "right_shoulder"),
    *("left_shoulder", "left_elbow", "left_wrist"),
)
#: OpenPose's 18 points in COCO style (3DPW's ``poses2d``); its neck is the shoulders' middle.
OPENPOSE_18: Final[Names] = (
    *("nose", "thorax"),
    *("right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist"),
    *("right_hip", "right_knee", "right_ankle"),
    *("left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
)
#: MPI-INF-3DHP's training annotations, 28 joints.  Its spine has other joints than SMPL's.
MPI_INF_3DHP: Final[Names] = (
    *(None, None, None, None),  # spine3, spine4, spine2, spine
    *("pelvis", "upper_neck", None, "head_top"),  # the third is the middle of the head
    None,  # left clavicle
    *("left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    None,  # right clavicle
    *("right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    *("left_hip", "left_knee", "left_ankle", "left_foot", "left_toe"),
    *("right_hip", "right_knee", "right_ankle", "right_foot", "right_toe"),
)
#: Human3.6M's full skeleton, 32 joints of which several are doubles of others.
HUMAN36M: Final[Names] = (
    "pelvis",
    *("right_hip", "right_knee", "right_ankle", "right_foot", "right_toe"),
    *("left_hip", "left_knee", "left_ankle", "left_foot", "left_toe"),
    *(None, None),  # double of the pelvis, spine
    *("thorax", None, "head_top"),  # the second is the face
    *(None, "left_shoulder", "left_elbow", "left_wrist", None, None, None, None),
    *(None, "right_shoulder", "right_elbow", "right_wrist", None, None, None, None),
)
#: SMPL's own joints (3DPW's ``jointPositions``).
SMPL: Final[Names] = JOINT_NAMES


def to_common(values: Array, joint_set: Names) -> Array:
    """Put ``(..., J, C)`` values of a data set into the common set ``(..., K, C)``, 0 elsewhere.

    Raises
    ------
    AssetError
        When the number of joints is not that of the set.
    """
    if values.ndim < 2 or values.shape[-2] != len(joint_set):
        raise AssetError(
            f"The annotations hold {values.shape[-2] if values.ndim > 1 else 'no'} joints instead "
            f"of {len(joint_set)}; give the file of this data set."
        )
    known = [(COMMON[name], k) for k, name in enumerate(joint_set) if name is not None]
    places, sources = zip(*known, strict=True)
    result = np.zeros((*values.shape[:-2], NUM_COMMON, values.shape[-1]), np.float32)
    result[..., list(places), :] = values[..., list(sources), :]
    return result


def lsp_from_common(values: Array) -> Array:
    """``(..., K, C)`` -> ``(..., 14, C)`` in LSP's order; the base of the neck may stand in.

    Data sets without an upper neck give LSP's Neck from their thorax: a hand's breadth lower, good
    for placing a crop box, too low for a loss, so its weight (the last column) is cut to a quarter.
    """
    result = values[..., [COMMON[name] for name in LSP if name is not None], :].copy()
    neck, thorax = LSP_NAMES.index("Neck"), values[..., COMMON["thorax"], :]
    missing = (result[..., neck, -1:] <= 0) & (thorax[..., -1:] > 0)
    stand_in = np.concatenate([thorax[..., :-1], 0.25 * thorax[..., -1:]], axis=-1)
    result[..., neck, :] = np.where(missing, stand_in, result[..., neck, :])
    return np.asarray(result, np.float32)


def _landmark_name(name: str) -> str:
    clicked = {_limb(short): f"lsp_{short}" for short in LSP_NAMES if short not in _LSP_TORSO}
    torso = {common: f"lsp_{short}" for short, common in _LSP_TORSO.items()}
    return (clicked | torso).get(name, name)


_LANDMARKS: Final = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS)}
#: Common joint -> place in :data:`.BODY_LANDMARKS` of the body point that a
#: clicked 2D label is compared with (joints without one are absent).
LANDMARK_OF: Final = {
    COMMON[name]: _LANDMARKS[_landmark_name(name)]
    for name in COMMON_NAMES
    if _landmark_name(name) in _LANDMARKS
}
