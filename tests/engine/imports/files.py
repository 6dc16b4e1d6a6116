"""Small AMASS and BVH files in the published formats."""

from __future__ import annotations

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT

#: Name, parent, offset: the bones of the CMU conversions with splayed legs and a slack left arm.
CMU = [
    ("Hips", None, (0, 0, 0)),
    ("LHipJoint", "Hips", (0, 0, 0)),
    ("LeftUpLeg", "LHipJoint", (1.5, -1.8, 0.7)),
    ("LeftLeg", "LeftUpLeg", (2.4, -6.6, 0)),
    ("LeftFoot", "LeftLeg", (2.6, -7.2, 0)),
    ("LeftToeBase", "LeftFoot", (0.2, -0.6, 2.1)),
    ("RHipJoint", "Hips", (0, 0, 0)),
    ("RightUpLeg", "RHipJoint", (-1.5, -1.8, 0.7)),
    ("RightLeg", "RightUpLeg", (-2.4, -6.6, 0)),
    ("RightFoot", "RightLeg", (-2.6, -7.2, 0)),
    ("RightToeBase", "RightFoot", (-0.2, -0.6, 2.1)),
    ("LowerBack", "Hips", (0, 0, 0)),
    ("Spine", "LowerBack", (0, 2.1, -0.2)),
    ("Spine1", "Spine", (0, 2.1, 0)),
    ("Neck", "Spine1", (0, 0, 0)),
    ("Neck1", "Neck", (0, 1.6, 0.2)),
    ("Head", "Neck1", (0, 1.6, -0.2)),
    ("LeftShoulder", "Spine1", (0, 0, 0)),
    ("LeftArm", "LeftShoulder", (3.3, 0.8, -0.7)),
    ("LeftForeArm", "LeftArm", (5.0, -0.9, 0)),
    ("LeftHand", "LeftForeArm", (3.8, 0, 0.3)),
    ("RightShoulder", "Spine1", (0, 0, 0)),
    ("RightArm", "RightShoulder", (-3.1, 1.0, -0.4)),
    ("RightForeArm", "RightArm", (-5.3, 0, 0)),
    ("RightHand", "RightForeArm", (-3.8, 0, 0)),
]
NAMES = [bone[0] for bone in CMU]


def hierarchy(bones, order="Zrotation Yrotation Xrotation", parent=None, depth=0):
    lines = []
    for name, above, offset in bones:
        if above != parent:
            continue
        tab = "\t" * depth
        position = "" if parent else "Xposition Yposition Zposition "
        children = hierarchy(bones, order, name, depth + 1)
        end = [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET 0 0 1", f"{tab}\t}}"]
        lines += [
            f"{tab}{'JOINT' if parent else 'ROOT'} {name}",
            f"{tab}{{",
            f"{tab}\tOFFSET {' '.join(map(str, offset))}",
            f"{tab}\tCHANNELS {3 if parent else 6} {position}{order}",
            *(children or end),
            f"{tab}}}",
        ]
    return lines


def write_bvh(path, frames, bones=CMU, frame_time=0.0083333, **options):
    """Frames ``(T, 3 + 3 * bones)``: the root's position, then angles bone by bone."""
    rows = [" ".join(f"{v:.6f}" for v in frame) for frame in frames]
    head = ["HIERARCHY", *hierarchy(bones, **options), "MOTION", f"Frames: {len(frames)}"]
    path.write_text("\n".join([*head, f"Frame Time: {frame_time}", *rows]) + "\n")
    return path


def channels(frames=1):
    return np.zeros((frames, 3 + 3 * len(CMU)))


def turn(values, bone, zyx, frame=0):
    start = 3 + 3 * NAMES.index(bone)
    values[frame, start : start + 3] = zyx


def posed_joints(motion):
    body = BodyModel.default()
    zero = np.zeros(10, np.float32)
    return np.stack(
        [
            body.joints(matrix_from_axis_angle(pose), zero) + shift
            for pose, shift in zip(motion.poses, motion.transl, strict=True)
        ]
    )


def amass_file(path, frames=4, **changes):
    """A person who stands upright in AMASS's world: z up, facing -y."""
    poses = np.zeros((frames, 156))
    poses[:, 0] = np.pi / 2
    poses[:, 3 * JOINT["left_knee"]] = 0.5
    poses[:, 66:] = 0.3
    content = {
        "poses": poses,
        "trans": np.tile([1.0, 2.0, 0.9], (frames, 1)),
        "betas": np.arange(16.0),
        "dmpls": np.zeros((frames, 8)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.0),
    }
    content = {k: v for k, v in (content | changes).items() if v is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **content)
    return path
