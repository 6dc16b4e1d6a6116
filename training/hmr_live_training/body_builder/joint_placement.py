"""Where SMPL's 24 joints sit among MakeHuman's bones, and which bone belongs to which joint.

The shares and offsets (metres, T-pose) were tuned by hand until the joints of the mean body lay
where SMPL's published rest joints lie.
"""

from __future__ import annotations

import numpy as np

from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live_training.body_builder.source import Floats, MakeHumanRig

#: What :func:`joint_of_bone` says of spine, root and breast: divided among four joints by height.
TORSO = "torso"

# First match counts.
_JOINT_OF_LIMB = (
    ("upperleg", "hip"),
    ("lowerleg", "knee"),
    ("foot", "ankle"),
    ("toe", "foot"),
    ("clavicle", "collar"),
    ("shoulder01", "collar"),
    ("upperarm", "shoulder"),
    ("lowerarm", "elbow"),
    ("wrist", "wrist"),
    ("metacarpal", "wrist"),
    # The base of the thumb lies in the palm.
    ("finger1-1", "wrist"),
    ("finger", "hand"),
)


def split_side(name: str) -> tuple[str, str]:
    """Split ``upperarm01.L`` into ``("left_", "upperarm01")``; no side gives an empty prefix."""
    stem, dot, side = name.rpartition(".")
    prefix = {"L": "left_", "R": "right_"}.get(side, "")
    return (prefix, stem) if dot and prefix else ("", name)


def joint_of_bone(name: str) -> str:
    """Return the SMPL joint that a MakeHuman bone moves with, or :data:`TORSO`."""
    side, stem = split_side(name)
    for beginning, joint in _JOINT_OF_LIMB:
        if side and stem.startswith(beginning):
            return side + joint
    if stem.startswith("spine") or stem in ("root", "pelvis", "breast"):
        return TORSO
    return "neck" if stem in ("neck01", "neck02", "neck03") else "head"


def place_joints(rig: MakeHumanRig, heads: Floats) -> Floats:
    """Return SMPL's joints of a shape from its posed bone heads, ``(B, 3)`` -> ``(24, 3)``."""

    def head(name: str) -> Floats:
        return np.asarray(heads[rig.number(name)])

    joints = np.zeros((NUM_JOINTS, 3))
    hips = {side: head(f"upperleg01.{side}") for side in "LR"}
    middle = (hips["L"] + hips["R"]) / 2
    rise = (head("spine04") - middle)[1]
    joints[JOINT["pelvis"]] = middle + np.array([0, 0.90 * rise, 0.10 * rise])
    joints[JOINT["spine1"]] = _between(head("spine02"), head("spine03"), 0.55, z=0.012)
    joints[JOINT["spine2"]] = _between(head("spine01"), head("spine02"), 0.40, z=0.022)
    joints[JOINT["spine3"]] = _between(head("neck01"), head("spine01"), 0.96, z=0.048)
    joints[JOINT["neck"]] = _between(head("neck02"), head("neck01"), 0.25, y=0.004, z=-0.012)
    joints[JOINT["head"]] = head("head") + np.array([0, 0, -0.002])
    for side, other, prefix in (("L", "R", "left_"), ("R", "L", "right_")):
        knee, ankle = head(f"lowerleg01.{side}"), head(f"foot.{side}")
        toes = (head(f"toe1-1.{side}") + head(f"toe2-1.{side}")) / 2
        hip = _between(hips[other], hips[side], 0.86) + 0.02 * (knee - hips[side])
        joints[JOINT[prefix + "hip"]] = hip
        joints[JOINT[prefix + "knee"]] = knee
        joints[JOINT[prefix + "ankle"]] = ankle
        joints[JOINT[prefix + "foot"]] = _between(ankle, toes, 0.93)
        joints[JOINT[prefix + "collar"]] = _between(
            head(f"shoulder01.{side}"), head(f"clavicle.{side}"), 0.30, y=-0.002, z=-0.014
        )
        shoulder = head(f"upperarm01.{side}") + np.array([0, 0.016, -0.014])
        wrist = head(f"wrist.{side}")
        knuckles = np.mean([head(f"finger{finger}-1.{side}") for finger in range(2, 6)], axis=0)
        joints[JOINT[prefix + "shoulder"]] = shoulder
        joints[JOINT[prefix + "elbow"]] = head(f"lowerarm01.{side}")
        joints[JOINT[prefix + "wrist"]] = wrist
        joints[JOINT[prefix + "hand"]] = _between(wrist, knuckles, 0.86)
    return joints


def _between(start: Floats, end: Floats, share: float, y: float = 0.0, z: float = 0.0) -> Floats:
    return np.asarray((1 - share) * start + share * end + np.array([0, y, z]))
