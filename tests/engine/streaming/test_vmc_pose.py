"""Poses whose look is known, as an avatar in Unity would show them.

The bones are put together the way Unity does: position and rotation of each bone in the frame of
its parent, from the hips on.  In Unity's axes an avatar looks along +z, up is +y, its left is -x.
"""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live.body.skeleton import JOINT, PARENTS
from hmr_live.streaming.vmc_pose import BONES, vrm_pose
from tests.engine.streaming.cases import person, random_pose

RIGHT, UP, FORWARD = np.eye(3)
_LEG = ("UpperLeg", "LowerLeg", "Foot", "Toes")
#: Unity's HumanBodyBones without eyes, jaw and fingers.
UNITY_BODY_BONES = {
    *("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head"),
    *(
        f"{side}{bone}"
        for side in ("Left", "Right")
        for limb in (("Shoulder", "UpperArm", "LowerArm", "Hand"), _LEG)
        for bone in limb
    ),
}


def turned(quaternion, vector):
    """A vector turned by a quaternion (x, y, z, w)."""
    axis, w = np.asarray(quaternion[:3]), quaternion[3]
    return vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)


def product(first, second):
    axis_1, w_1, axis_2, w_2 = first[:3], first[3], second[:3], second[3]
    axis = w_1 * axis_2 + w_2 * axis_1 + np.cross(axis_1, axis_2)
    return np.append(axis, w_1 * w_2 - axis_1 @ axis_2)


def assembled(pose):
    """Bone name -> position and rotation in the avatar's world."""
    joint_of = {bone: JOINT[name] for name, bone in BONES.items()}
    bone_of = {joint: bone for bone, joint in joint_of.items()}
    placed = {}
    for bone, position, rotation in zip(
        BONES.values(), pose.positions, pose.quaternions, strict=True
    ):
        parent = PARENTS[joint_of[bone]]
        if parent < 0:
            placed[bone] = position, rotation
        else:
            origin, frame = placed[bone_of[parent]]
            placed[bone] = origin + turned(frame, position), product(frame, rotation)
    return placed


def avatar(body):
    return assembled(vrm_pose(body, body.joints[0]))


def direction(placed, start, end):
    vector = placed[end][0] - placed[start][0]
    return vector / np.linalg.norm(vector)


def pointing(placed, bone, rest_direction):
    """Where the avatar's bone points that points along ``rest_direction`` in VRM's T-pose."""
    return turned(placed[bone][1], np.asarray(rest_direction))


def test_every_bone_of_the_body_has_unitys_name():
    assert set(BONES.values()) == UNITY_BODY_BONES


def test_a_person_who_faces_the_camera_looks_along_z_and_stands_on_the_floor():
    placed = avatar(person({}))
    np.testing.assert_allclose(pointing(placed, "Head", FORWARD), FORWARD, atol=1e-5)
    np.testing.assert_allclose(pointing(placed, "Hips", UP), UP, atol=1e-5)
    assert placed["LeftHand"][0] @ RIGHT < -0.5
    assert placed["RightHand"][0] @ RIGHT > 0.5
    feet = [placed[bone][0] @ UP for bone in ("LeftToes", "RightToes", "LeftFoot", "RightFoot")]
    assert 0 < min(feet) < 0.06
    assert 0.7 < placed["Hips"][0] @ UP < 1.1
    np.testing.assert_allclose(placed["Hips"][0][[0, 2]], 0, atol=1e-6)


def test_the_left_arm_raised_forward_points_forward():
    placed = avatar(person({"left_shoulder": (0, -np.pi / 2, 0)}))
    assert direction(placed, "LeftUpperArm", "LeftHand") @ FORWARD > 0.98
    assert pointing(placed, "LeftUpperArm", -RIGHT) @ FORWARD > 0.98
    assert direction(placed, "RightUpperArm", "RightHand") @ RIGHT > 0.98


def test_the_right_arm_hanging_points_down():
    placed = avatar(person({"right_shoulder": (0, 0, np.pi / 2)}))
    assert pointing(placed, "RightUpperArm", RIGHT) @ UP < -0.98


def test_the_head_turned_left_looks_to_the_persons_left():
    placed = avatar(person({"neck": (0, np.pi / 6, 0), "head": (0, np.pi / 6, 0)}))
    look = pointing(placed, "Head", FORWARD)
    np.testing.assert_allclose(look, [-np.sin(np.pi / 3), 0, np.cos(np.pi / 3)], atol=1e-5)


def test_the_head_bent_forward_looks_down():
    placed = avatar(person({"head": (np.pi / 4, 0, 0)}))
    look = pointing(placed, "Head", FORWARD)
    np.testing.assert_allclose(look, [0, -np.sqrt(0.5), np.sqrt(0.5)], atol=1e-5)


def test_the_left_knee_lifted_swings_thigh_forward_and_shin_down():
    placed = avatar(person({"left_hip": (-np.pi / 2, 0, 0), "left_knee": (np.pi / 2, 0, 0)}))
    assert pointing(placed, "LeftUpperLeg", -UP) @ FORWARD > 0.98
    assert pointing(placed, "LeftLowerLeg", -UP) @ UP < -0.98


@pytest.mark.parametrize(("turn", "look"), [(0, FORWARD), (np.pi / 2, -RIGHT), (np.pi, -FORWARD)])
def test_a_person_who_turns_to_their_left_turns_the_avatar_to_its_left(turn, look):
    body = person({})
    cos, sin = np.cos(turn), np.sin(turn)
    about_up = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])  # in the body's frame
    theta = np.zeros((24, 3))
    theta[0] = axis_angle_from_matrix(body.rotmats[0].astype(float) @ about_up)
    np.testing.assert_allclose(pointing(avatar(person(theta)), "Hips", FORWARD), look, atol=1e-5)


def test_a_step_to_the_persons_left_and_towards_the_camera_moves_the_hips_so():
    before, after = person({}), person({}, at=(0.3, 0.2, 2.5))
    hips = vrm_pose(after, before.joints[0]).positions[0]
    np.testing.assert_allclose(hips[[0, 2]], [-0.3, 0.5], atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_any_pose_arrives_with_every_joint_in_its_place(seed):
    body = person(random_pose(seed))
    placed = avatar(body)
    camera_to_unity = np.array([-1, -1, -1])
    expected = (body.joints - body.joints[0]) * camera_to_unity
    for name, bone in BONES.items():
        received = placed[bone][0] - placed["Hips"][0]
        np.testing.assert_allclose(received, expected[JOINT[name]], atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_an_avatar_of_other_proportions_has_limbs_that_point_where_the_persons_do(seed):
    placed = avatar(person(random_pose(seed)))
    for side, out in (("Left", -RIGHT), ("Right", RIGHT)):
        for start, end, rest in (
            ("UpperArm", "LowerArm", out),
            ("LowerArm", "Hand", out),
            ("UpperLeg", "LowerLeg", -UP),
            ("LowerLeg", "Foot", -UP),
        ):
            actual = direction(placed, side + start, side + end)
            np.testing.assert_allclose(pointing(placed, side + start, rest), actual, atol=1e-5)


def test_quaternions_have_length_one():
    lengths = np.linalg.norm(vrm_pose(person(random_pose(9)), np.zeros(3)).quaternions, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
