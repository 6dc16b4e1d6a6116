import numpy as np
import pytest

from engine.angles import ANGLE_INDEX, ANGLES, joint_angles
from engine.rotations import matrix_from_axis_angle
from engine.skeleton import JOINT, MIRROR


def pose(**rotations_deg):
    axis_angle = np.zeros((24, 3), np.float32)
    for name, degrees in rotations_deg.items():
        axis_angle[JOINT[name]] = np.radians(degrees)
    return matrix_from_axis_angle(axis_angle)


def angle(name, **rotations_deg):
    return float(joint_angles(pose(**rotations_deg))[ANGLE_INDEX[name]])


KNOWN = [
    ("left knee flexion", 90, {"left_knee": (90, 0, 0)}),
    ("right knee flexion", 35, {"right_knee": (35, 0, 0)}),
    ("left hip flexion", 80, {"left_hip": (-80, 0, 0)}),
    ("right hip flexion", -20, {"right_hip": (20, 0, 0)}),
    ("left hip abduction", 30, {"left_hip": (0, 0, 30)}),
    ("right hip abduction", 30, {"right_hip": (0, 0, -30)}),
    ("left hip rotation", 25, {"left_hip": (0, -25, 0)}),
    ("right hip rotation", 25, {"right_hip": (0, 25, 0)}),
    ("left ankle dorsiflexion", 15, {"left_ankle": (-15, 0, 0)}),
    ("left shoulder elevation", 90, {}),
    ("left shoulder elevation", 18, {"left_shoulder": (0, 0, -72)}),
    ("right shoulder elevation", 18, {"right_shoulder": (0, 0, 72)}),
    ("left shoulder elevation", 150, {"left_shoulder": (0, 0, 60)}),
    ("left shoulder plane", 0, {}),
    ("left shoulder plane", 90, {"left_shoulder": (0, -90, 0)}),
    ("right shoulder plane", 90, {"right_shoulder": (0, 90, 0)}),
    ("left shoulder plane", 0, {"left_shoulder": (0, 0, -90)}),
    ("left elbow flexion", 100, {"left_elbow": (0, -100, 0)}),
    ("right elbow flexion", 100, {"right_elbow": (0, 100, 0)}),
    ("left wrist flexion", 40, {"left_wrist": (0, 0, -40)}),
    ("right wrist flexion", 40, {"right_wrist": (0, 0, 40)}),
    ("trunk flexion", 45, {"spine1": (15, 0, 0), "spine2": (15, 0, 0), "spine3": (15, 0, 0)}),
    ("trunk side bend", 20, {"spine2": (0, 0, -20)}),
    ("trunk rotation", 30, {"spine1": (0, 30, 0)}),
    ("neck rotation", 50, {"neck": (0, 20, 0), "head": (0, 30, 0)}),
    ("neck flexion", 25, {"head": (25, 0, 0)}),
]


@pytest.mark.parametrize(("name", "degrees", "rotations"), KNOWN)
def test_known_poses_give_known_angles(name, degrees, rotations):
    assert angle(name, **rotations) == pytest.approx(degrees, abs=0.01)


def test_the_heading_of_the_person_changes_no_angle():
    turned = pose(pelvis=(0, 130, 0), left_knee=(60, 0, 0), left_shoulder=(10, -20, -40))
    straight = pose(left_knee=(60, 0, 0), left_shoulder=(10, -20, -40))
    np.testing.assert_allclose(joint_angles(turned), joint_angles(straight), atol=1e-4)


def test_a_mirrored_pose_swaps_left_and_right():
    rng = np.random.default_rng(0)
    axis_angle = rng.normal(size=(24, 3)).astype(np.float32) * 0.4
    mirrored = axis_angle[list(MIRROR)] * np.array([1, -1, -1], np.float32)
    ours = joint_angles(matrix_from_axis_angle(axis_angle))
    theirs = joint_angles(matrix_from_axis_angle(mirrored))
    for definition in ANGLES:
        if definition.side == "left":
            other = "right" + definition.name.removeprefix("left")
            a, b = ours[ANGLE_INDEX[definition.name]], theirs[ANGLE_INDEX[other]]
            assert a == pytest.approx(b, abs=1e-3), definition.name
    for name, sign in (("trunk flexion", 1), ("trunk side bend", -1), ("neck rotation", -1)):
        assert ours[ANGLE_INDEX[name]] == pytest.approx(sign * theirs[ANGLE_INDEX[name]], abs=1e-3)


def test_a_hanging_arm_has_no_plane_that_jumps():
    for tremble in (-1.0, 1.0):
        value = angle("left shoulder plane", left_shoulder=(0, tremble, -90 + tremble))
        assert value == 0


def test_every_angle_is_finite_for_any_rotation():
    rng = np.random.default_rng(5)
    for _ in range(200):
        values = joint_angles(
            matrix_from_axis_angle(rng.normal(size=(24, 3)).astype(np.float32) * 2)
        )
        assert np.isfinite(values).all()
