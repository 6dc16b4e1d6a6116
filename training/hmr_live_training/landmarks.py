"""Joint sets and how they map to the body: one table for all data sets.

A landmark is a point on the body: a joint's position plus an offset that turns with a joint.
:data:`BODY_LANDMARKS` lists the 27 BlazePose points that have a counterpart on the body, then
the 14 LSP joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hmr_live.body.skeleton import JOINT

#: Joints of Leeds Sports Pose, in its order; left and right are the person's own.
LSP_NAMES: Final = (
    "RAnkle",
    "RKnee",
    "RHip",
    "LHip",
    "LKnee",
    "LAnkle",
    "RWrist",
    "RElbow",
    "RShoulder",
    "LShoulder",
    "LElbow",
    "LWrist",
    "Neck",
    "HeadTop",
)
#: LSP's joint k of the mirrored person is joint ``LSP_MIRROR[k]``.
LSP_MIRROR: Final = (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13)
#: The twelve limb joints of LSP (neck and head top have no counterpart in BlazePose or SMPL).
LSP_LIMBS: Final = tuple(range(12))
#: SMPL joints at LSP's limbs, in LSP's order.
LSP_LIMBS_IN_SMPL: Final = tuple(
    JOINT[name]
    for name in (
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    )
)
#: BlazePose points at LSP's limbs, in LSP's order.
LSP_LIMBS_IN_BLAZEPOSE: Final = (28, 26, 24, 23, 25, 27, 16, 14, 12, 11, 13, 15)

BLAZEPOSE_MIRROR: Final = (
    *(0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9),
    *(k + 1 if k % 2 else k - 1 for k in range(11, 33)),
)


@dataclass(frozen=True)
class Landmark:
    """A point on the body.

    Attributes
    ----------
    name
        For messages and tables.
    joint
        SMPL joint at whose position the landmark starts.
    frame
        SMPL joint whose global rotation turns the offset.
    vertex
        Name of a body vertex that gives the rest offset; None starts at the joint itself.
    reach
        Share of the way from the joint to the vertex.
    """

    name: str
    joint: int
    frame: int
    vertex: str | None = None
    reach: float = 1.0


def _point(
    name: str, joint: str, frame: str, vertex: str | None = None, reach: float = 1.0
) -> Landmark:
    return Landmark(name, JOINT[joint], JOINT[frame], vertex, reach)


def _pair(
    name: str, joint: str, frame: str, vertex: str | None = None, reach: float = 1.0
) -> list[Landmark]:
    """Left, then right; ``{s}`` in a vertex name becomes l/r, ``{S}`` L/R."""
    pair = []
    for side in ("left", "right"):
        own = vertex.format(s=side[0], S=side[0].upper()) if vertex else None
        turned = frame if frame in JOINT else f"{side}_{frame}"
        start = joint if joint in JOINT else f"{side}_{joint}"
        pair.append(_point(f"{side}_{name}", start, turned, own, reach))
    return pair


_BLAZEPOSE: Final = (
    _point("nose", "head", "head", "nose"),
    *_pair("eye", "head", "head", "{s}eye"),
    *_pair("ear", "head", "head", "{s}ear"),
    *_pair("shoulder", "shoulder", "collar"),
    *_pair("elbow", "elbow", "shoulder"),
    *_pair("wrist", "wrist", "elbow"),
    *_pair("pinky", "wrist", "wrist", "{s}pinky", 0.55),
    *_pair("index", "wrist", "wrist", "{s}index", 0.55),
    *_pair("thumb", "wrist", "wrist", "{s}thumb", 0.6),
    *_pair("hip", "hip", "pelvis"),
    *_pair("knee", "knee", "hip"),
    *_pair("ankle", "ankle", "knee"),
    *_pair("heel", "ankle", "ankle", "{S}Heel"),
    *_pair("toe", "ankle", "ankle", "{S}BigToe"),
)
#: Which of BlazePose's 33 points each of the first landmarks is.
BLAZEPOSE_POINTS: Final = (0, 2, 5, 7, 8, *range(11, 33))


def _lsp(name: str) -> Landmark:
    if name == "Neck":
        return _point("lsp_Neck", "neck", "spine3")
    if name == "HeadTop":
        return _point("lsp_HeadTop", "head", "head", "head_top")
    side = {"R": "right", "L": "left"}[name[0]]
    parent = {"Ankle": "knee", "Knee": "hip", "Wrist": "elbow", "Elbow": "shoulder"}
    part = name[1:]
    frame = {"Hip": "pelvis", "Shoulder": f"{side}_collar"}.get(part)
    return _point(f"lsp_{name}", f"{side}_{part.lower()}", frame or f"{side}_{parent[part]}")


BODY_LANDMARKS: Final = (*_BLAZEPOSE, *(_lsp(name) for name in LSP_NAMES))
NUM_BLAZEPOSE: Final = len(_BLAZEPOSE)
NOSE: Final = 0
#: Positions of the two hips among :data:`BODY_LANDMARKS`.
HIPS: Final = tuple(
    k for k, landmark in enumerate(_BLAZEPOSE) if landmark.name in ("left_hip", "right_hip")
)
#: Positions of LSP's limb joints among the BlazePose landmarks, in LSP's order.
LSP_LIMBS_IN_LANDMARKS: Final = tuple(
    BLAZEPOSE_POINTS.index(point) for point in LSP_LIMBS_IN_BLAZEPOSE
)
#: Positions of the 12 limb joints among the BlazePose landmarks.
LIMBS: Final = tuple(
    k
    for k, landmark in enumerate(_BLAZEPOSE)
    if landmark.name.split("_")[-1] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)


def _mirror_of(name: str) -> str:
    if name.startswith("lsp_"):
        return "lsp_" + LSP_NAMES[LSP_MIRROR[LSP_NAMES.index(name.removeprefix("lsp_"))]]
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


_PLACE: Final = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS)}
#: ``LANDMARK_MIRROR[k]`` is landmark k's partner on the other side.
LANDMARK_MIRROR: Final = tuple(_PLACE[_mirror_of(landmark.name)] for landmark in BODY_LANDMARKS)
