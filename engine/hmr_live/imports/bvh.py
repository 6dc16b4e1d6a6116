"""Motion capture in BVH files, e.g. the conversions of the CMU database, on SMPL's tree.

Four families of bone names are known (see :data:`FAMILIES`).  A skeleton with SMPL's own names
rests in SMPL's T-pose, and its rotations are taken as they are.  In the others a SMPL joint takes
the world rotation of its bone since the rest pose.  Hips, knees, shoulders and elbows are first
turned by the smallest rotation that brings SMPL's bone into the direction of the file's bone at
rest, so that limbs point where they pointed although the rest poses differ (CMU's legs are splayed
by 20 degrees); ankles and wrists keep their angle to the limb, because the marker skeletons' feet
do not begin where SMPL's do.  Joints without a bone stay at rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live.body.skeleton import JOINT, JOINT_NAMES, PARENTS
from hmr_live.core.errors import AssetError
from hmr_live.imports.bvh_file import BvhFile, read_bvh_file
from hmr_live.imports.world_motion import Array, WorldMotion

_SIDED: Final = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def _family(root: str, sides: tuple[str, str], parts: tuple[str, ...]) -> dict[str, str]:
    """SMPL joint -> bone name in lower case; ``parts`` in the order of ``_SIDED``."""
    limbs = {
        f"{side}_{joint}": prefix + part
        for side, prefix in zip(("left", "right"), sides, strict=True)
        for joint, part in zip(_SIDED, parts, strict=True)
    }
    return {"pelvis": root, "neck": "neck", "head": "head", **limbs}


_MOTIONBUILDER: Final = (
    *("upleg", "leg", "foot", "toebase"),
    *("shoulder", "arm", "forearm", "hand"),
)
_DAZ: Final = ("thigh", "shin", "foot", "toe", "collar", "shldr", "forearm", "hand")
_PLAIN: Final = ("hip", "knee", "ankle", "toe", "collar", "shoulder", "elbow", "wrist")
_SMPL: Final = {name: name.replace("_", "") for name in JOINT_NAMES}
#: SMPL joint -> bone, for SMPL's own names, MotionBuilder-like names (CMU, LaFAN1, Mixamo),
#: DAZ-like names (CMU) and plain anatomical names.
FAMILIES: Final = (
    _SMPL,
    _family("hips", ("left", "right"), _MOTIONBUILDER),
    _family("hip", ("l", "r"), _DAZ),
    _family("hips", ("left", "right"), _PLAIN),
)
#: Units that programs write, in metres; a skeleton with SMPL's names has one of them.
_UNITS: Final = (1.0, 0.01, 0.001, 0.0254)
#: World with z up -> world with y up.
_UPRIGHT: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
#: Bones of the spine from below; the first becomes spine1, the last spine3, the middle one spine2.
_SPINE: Final = (
    *("lowerback", "abdomen", "spine", "spine1", "spine2", "spine3"),
    *("chest", "chest2", "chest3", "chest4"),
)
#: Without these a skeleton is of an unknown family.
_REQUIRED: Final = (
    *("pelvis", "head"),
    *(
        f"{side}_{part}"
        for side in ("left", "right")
        for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    ),
)
#: Joint whose bone is aligned -> joint at the bone's end.
_ALIGNED: Final = {
    JOINT[f"{side}_{start}"]: JOINT[f"{side}_{end}"]
    for side in ("left", "right")
    for start, end in (
        *(("hip", "knee"), ("knee", "ankle")),
        *(("shoulder", "elbow"), ("elbow", "wrist")),
    )
}
_UNALIGNED: Final = {joint: np.eye(3) for joint in range(len(PARENTS))}
#: Joints that keep the alignment of their parent.
_CARRIED: Final = [JOINT[f"{s}_{p}"] for s in ("left", "right") for p in ("ankle", "foot", "wrist")]


def read_bvh(
    path: Path | str, *, rest_frame: int | None = None, metres_per_unit: float | None = None
) -> WorldMotion:
    """One sequence.

    Parameters
    ----------
    path
        The ``.bvh`` file, y up or z up.
    rest_frame
        Frame that shows the T-pose (0 in the CMU conversions; it is left out of the motion).  By
        default the pose with all channels zero is at rest.
    metres_per_unit
        Length of the file's unit; by default the legs are made as long as the open body's, and a
        skeleton with SMPL's names is in the usual unit that comes nearest to that.

    Raises
    ------
    AssetError
        When the file is no BVH, its bone names are of no known family, or its rest pose does not
        stand upright with the left side at +x.
    """
    path = Path(path)
    file = read_bvh_file(path)
    if rest_frame is not None and not 0 <= rest_frame < len(file.values):
        raise AssetError(f"{path} has no frame {rest_frame}: give another rest frame.")
    bones = _bones_of_joints(file, path)
    rest_values: Array = np.zeros((1, file.values.shape[1]))
    if rest_frame is not None:
        rest_values = file.values[rest_frame : rest_frame + 1]
    rest_rotations, rest_places = (part[0] for part in file.transforms(rest_values))
    upright = _upright(bones, rest_places, path)
    rest_rotations = upright @ rest_rotations @ upright.T
    rest_places = rest_places @ upright.T
    skeleton = BodyModel.default().rest_joints(np.zeros(10, np.float32)).astype(np.float64)
    same = len(bones) == len(JOINT_NAMES)
    align = _UNALIGNED if same else _alignments(bones, rest_places, skeleton)
    frames = np.delete(file.values, rest_frame, axis=0) if rest_frame is not None else file.values
    rotations, places = file.transforms(frames)
    rotations = upright @ rotations @ upright.T
    turned = {
        joint: rotations[:, bone] @ rest_rotations[bone].T @ align[joint]
        for joint, bone in bones.items()
    }
    local = _relative_to_parents(turned)
    scale = metres_per_unit or _leg(skeleton) / _leg(_joint_places(bones, rest_places))
    if same and metres_per_unit is None:
        scale = min(_UNITS, key=lambda unit: abs(np.log(unit / scale)))
    transl = places[:, bones[0]] @ upright.T * scale - skeleton[0]
    return WorldMotion(
        name=path.stem,
        poses=axis_angle_from_matrix(local).astype(np.float32),
        transl=transl.astype(np.float32),
        fps=1 / file.frame_time,
    )


def _relative_to_parents(turned: dict[int, Array]) -> Array:
    """World rotations ``(T, 3, 3)`` by joint -> ``(T, 24, 3, 3)``; missing joints are at rest."""
    world = np.empty((len(turned[0]), len(PARENTS), 3, 3))
    for joint, parent in enumerate(PARENTS):
        world[:, joint] = turned[joint] if joint in turned else world[:, parent]
    local = world.copy()
    local[:, 1:] = np.swapaxes(world[:, list(PARENTS[1:])], -1, -2) @ world[:, 1:]
    return local


def _bones_of_joints(file: BvhFile, path: Path) -> dict[int, int]:
    """SMPL joint -> bone of the file."""
    names = [bone.name.rsplit(":", 1)[-1].replace("_", "").lower() for bone in file.bones]
    place = {name: index for index, name in reversed(list(enumerate(names)))}
    for family in FAMILIES:
        if all(family[joint] in place for joint in _REQUIRED):
            found = {JOINT[joint]: place[name] for joint, name in family.items() if name in place}
            # CMU's lower neck bone bends against its upper one; SMPL's neck is the upper one.
            found[JOINT["neck"]] = place.get("neck1", found.get(JOINT["neck"], place["head"]))
            spine = [place[name] for name in _SPINE if name in place]
            chosen = {1: spine[:1], 3: spine[-1:] if len(spine) > 1 else []}
            chosen[2] = [spine[len(spine) // 2]] if len(spine) > 2 else []
            return found | {JOINT[f"spine{k}"]: b[0] for k, b in chosen.items() if b}
    raise AssetError(
        f"The bones of {path} have names of no known family: rename them as in the CMU "
        "conversions (Hips, LeftUpLeg, LeftLeg, LeftFoot, LeftArm, LeftForeArm, LeftHand)."
    )


def _joint_places(bones: dict[int, int], places: Array) -> Array:
    """``(24, 3)`` places of SMPL's joints at rest, NaN where there is no bone."""
    result = np.full((len(JOINT_NAMES), 3), np.nan)
    for joint, bone in bones.items():
        result[joint] = places[bone]
    return result


def _upright(bones: dict[int, int], places: Array, path: Path) -> Array:
    """``(3, 3)`` rotation that makes y the up axis of the file's world."""
    joints = _joint_places(bones, places)
    left = joints[JOINT["left_hip"]] - joints[JOINT["right_hip"]]
    hips = (joints[JOINT["left_hip"]] + joints[JOINT["right_hip"]]) / 2
    feet = (joints[JOINT["left_ankle"]] + joints[JOINT["right_ankle"]]) / 2
    up = int((hips - feet).argmax())
    if left.argmax() != 0 or left[0] <= 0 or up == 0:
        raise AssetError(
            f"The rest pose of {path} is not upright (y or z) with the left side at +x; "
            "turn it there in an animation program."
        )
    return np.eye(3) if up == 1 else _UPRIGHT


def _leg(joints: Array) -> float:
    """Length of the left leg from hip to ankle."""
    chain = joints[[JOINT["left_hip"], JOINT["left_knee"], JOINT["left_ankle"]]]
    return float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())


def _alignments(bones: dict[int, int], places: Array, skeleton: Array) -> dict[int, Array]:
    """For each joint the rotation from SMPL's rest direction to the file's."""
    result: dict[int, Array] = {joint: np.eye(3) for joint in range(len(PARENTS))}
    for start, end in _ALIGNED.items():
        found = places[bones[end]] - places[bones[start]]
        result[start] = smallest_rotation(skeleton[end] - skeleton[start], found)
    for joint in sorted(_CARRIED):
        result[joint] = result[PARENTS[joint]]
    return result


def smallest_rotation(source: Array, target: Array) -> Array:
    """``(3, 3)`` rotation about the common normal that turns one direction into the other."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    cross, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.9999:
        raise AssetError("A limb of the rest pose points the opposite way: use another rest pose.")
    skew = np.array([[0, -cross[2], cross[1]], [cross[2], 0, -cross[0]], [-cross[1], cross[0], 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + cosine))
