"""Poses whose anatomical angles are known, made without the code that measures them; readings."""

import numpy as np

from hmr_live.angles import ANGLE_INDEX, joint_angles
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_JOINTS

#: A person upright before the camera, facing it.
FACING = np.diag([1.0, -1.0, -1.0])
DOWN, LEFT = np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0])


def turn(axis, degrees):
    """Rotation about x (person's left), y (up) or z (forward)."""
    return matrix_from_axis_angle(np.radians(degrees) * np.eye(3)["xyz".index(axis)])


def pose(**axis_angles_deg):
    """Pose by axis-angles in degrees, facing the camera."""
    theta = np.zeros((NUM_JOINTS, 3))
    for name, degrees in axis_angles_deg.items():
        theta[JOINT[name]] = np.radians(degrees)
    rotmats = matrix_from_axis_angle(theta)
    rotmats[0] = FACING @ rotmats[0]
    return rotmats.astype(np.float32)


def flat_rest_joints():
    """Rest joints of a body with level arms, straight legs and hands in line."""
    joints = np.zeros((NUM_JOINTS, 3), np.float32)
    for side, sign in (("left", 1), ("right", -1)):
        for name, place in {
            "hip": (0.1, 0, 0),
            "knee": (0.1, -0.4, 0),
            "ankle": (0.1, -0.8, 0),
            "foot": (0.1, -0.85, 0.1),
            "shoulder": (0.2, 0.5, 0),
            "elbow": (0.45, 0.5, 0),
            "wrist": (0.7, 0.5, 0),
            "hand": (0.8, 0.5, 0),
        }.items():
            joints[JOINT[f"{side}_{name}"]] = place * np.array([sign, 1, 1])
    return joints


def anatomical_pose(body, **turns):
    """Pose of a body, from turns since the anatomical position.

    Parameters
    ----------
    body
        Its rest limbs are brought into the anatomical position first.
    turns
        By joint, as in ``left_knee``: rotation ``(3, 3)`` of the segment beyond the joint against
        the one before it, about anatomical axes (x left, y up, z forward).
    """
    rest = body.rest_joints(np.zeros(10, np.float32)).astype(np.float64)
    neutral = {name: np.eye(3) for name in JOINT}  # rest -> anatomical position, by segment
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for start, end in (("hip", "knee"), ("knee", "ankle")):
            bone = rest[JOINT[f"{side}_{end}"]] - rest[JOINT[f"{side}_{start}"]]
            neutral[f"{side}_{start}"] = _align(bone, DOWN)
        for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand")):
            bone = rest[JOINT[f"{side}_{end}"]] - rest[JOINT[f"{side}_{start}"]]
            lowered = turn("z", -90 * sign)
            neutral[f"{side}_{start}"] = lowered @ _align(bone, sign * LEFT)
        neutral[f"{side}_hand"] = neutral[f"{side}_wrist"]
    before = {
        f"{side}_{joint}": neutral[f"{side}_{parent}"]
        for side in ("left", "right")
        for joint, parent in (
            ("knee", "hip"),
            ("ankle", "knee"),
            ("elbow", "shoulder"),
            ("wrist", "elbow"),
            ("hand", "wrist"),
        )
    }
    rotmats = np.zeros((NUM_JOINTS, 3, 3), np.float32)
    for name, joint in JOINT.items():
        moved = turns.get(name, np.eye(3))
        rotmats[joint] = before.get(name, np.eye(3)).T @ moved @ neutral[name]
    rotmats[0] = FACING @ rotmats[0]
    return rotmats


def readings(rotmats, *names):
    """Angles by name, as the shipped body has them."""
    values = joint_angles(rotmats)
    return [float(values[ANGLE_INDEX[name]]) for name in names]


def mirrored_turn(rotation):
    """The same turn on the other side of the body."""
    mirror = np.diag([-1.0, 1.0, 1.0])
    return mirror @ rotation @ mirror


def _align(start, goal):
    """Shortest rotation that takes one direction to the other."""
    start = start / np.linalg.norm(start)
    x, y, z = np.cross(start, goal)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + start @ goal)
