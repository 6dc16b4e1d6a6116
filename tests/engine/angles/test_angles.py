import numpy as np
import pytest

from hmr_live.angles import (
    ANGLE_INDEX,
    ANGLES,
    AnatomicalFrames,
    definitions_text,
    joint_angles,
)
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, MIRROR
from tests.engine.angles.angle_poses import (
    FACING,
    anatomical_pose,
    flat_rest_joints,
    mirrored_turn,
    pose,
    readings,
    turn,
)

FLAT = AnatomicalFrames.from_rest_joints(flat_rest_joints())
NO_SHAPE = np.zeros(10, np.float32)


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def angle(name, **rotations_deg):
    """Reading of a body whose T-pose is flat."""
    return float(joint_angles(pose(**rotations_deg), FLAT)[ANGLE_INDEX[name]])


def angular_difference(first, second):
    return np.abs((np.asarray(first) - second + 180) % 360 - 180)


KNOWN = [
    ("left knee flexion", 90, {"left_knee": (90, 0, 0)}),
    ("right knee flexion", 35, {"right_knee": (35, 0, 0)}),
    ("left knee varus", 8, {"left_knee": (0, 0, -8)}),
    ("right knee rotation", 12, {"right_knee": (0, 12, 0)}),
    ("left hip flexion", 80, {"left_hip": (-80, 0, 0)}),
    ("right hip flexion", -20, {"right_hip": (20, 0, 0)}),
    ("left hip abduction", 30, {"left_hip": (0, 0, 30)}),
    ("right hip abduction", 30, {"right_hip": (0, 0, -30)}),
    ("left hip rotation", 25, {"left_hip": (0, -25, 0)}),
    ("right hip rotation", 25, {"right_hip": (0, 25, 0)}),
    ("left ankle dorsiflexion", 15, {"left_ankle": (-15, 0, 0)}),
    ("left ankle inversion", 20, {"left_ankle": (0, 0, -20)}),
    ("right ankle inversion", 20, {"right_ankle": (0, 0, 20)}),
    ("right ankle rotation", 10, {"right_ankle": (0, 10, 0)}),
    ("left toe extension", 40, {"left_foot": (-40, 0, 0)}),
    ("left shoulder elevation", 90, {}),
    ("left shoulder elevation", 18, {"left_shoulder": (0, 0, -72)}),
    ("right shoulder elevation", 18, {"right_shoulder": (0, 0, 72)}),
    ("left shoulder elevation", 150, {"left_shoulder": (0, 0, 60)}),
    ("left shoulder elevation", 110, {"left_collar": (0, 0, 20)}),
    ("left shoulder plane", 0, {}),
    ("left shoulder plane", 90, {"left_shoulder": (0, -90, 0)}),
    ("right shoulder plane", 90, {"right_shoulder": (0, 90, 0)}),
    ("left shoulder plane", 0, {"left_shoulder": (0, 0, -90)}),
    ("left shoulder abduction", 90, {}),
    ("right shoulder abduction", 30, {"right_shoulder": (0, 0, 60)}),
    ("left shoulder flexion", 0, {}),
    ("left shoulder flexion", 90, {"left_shoulder": (0, -90, 0)}),
    ("left shoulder rotation", 35, {"left_shoulder": (35, 0, 0)}),
    ("right shoulder rotation", 35, {"right_shoulder": (35, 0, 0)}),
    ("left elbow flexion", 100, {"left_elbow": (0, -100, 0)}),
    ("right elbow flexion", 100, {"right_elbow": (0, 100, 0)}),
    ("left forearm pronation", 50, {"left_elbow": (50, 0, 0)}),
    ("right forearm pronation", 50, {"right_wrist": (50, 0, 0)}),
    ("left wrist flexion", 40, {"left_wrist": (0, 0, -40)}),
    ("right wrist flexion", 40, {"right_wrist": (0, 0, 40)}),
    ("left wrist deviation", 15, {"left_wrist": (0, 15, 0)}),
    ("right wrist deviation", 15, {"right_wrist": (0, -15, 0)}),
    ("trunk flexion", 45, {"spine1": (15, 0, 0), "spine2": (15, 0, 0), "spine3": (15, 0, 0)}),
    ("trunk side bend", 20, {"spine2": (0, 0, -20)}),
    ("trunk rotation", 30, {"spine1": (0, 30, 0)}),
    ("neck rotation", 50, {"neck": (0, 20, 0), "head": (0, 30, 0)}),
    ("neck flexion", 25, {"head": (25, 0, 0)}),
    ("neck side bend", 15, {"neck": (0, 0, -15)}),
    ("pelvis tilt", 10, {"pelvis": (10, 0, 0)}),
    ("pelvis obliquity", 10, {"pelvis": (0, 0, -10)}),
    ("pelvis rotation", 130, {"pelvis": (0, 130, 0)}),
]


@pytest.mark.parametrize(("name", "degrees", "rotations"), KNOWN)
def test_known_poses_give_known_angles(name, degrees, rotations):
    assert angle(name, **rotations) == pytest.approx(degrees, abs=0.01)


def test_anatomical_position_of_the_shipped_body_reads_zero(body):
    rotmats = anatomical_pose(body)
    joints = body.joints(rotmats, NO_SHAPE)
    for chain in (("shoulder", "elbow", "wrist", "hand"), ("hip", "knee", "ankle")):
        for side in ("left", "right"):
            places = np.array([joints[JOINT[f"{side}_{name}"]] for name in chain])
            assert np.ptp(places[:, [0, 2]], axis=0).max() < 1e-3  # a plumb line
    np.testing.assert_allclose(joint_angles(rotmats), 0, atol=0.02)


@pytest.mark.parametrize("degrees", [30, 60, 90, 120])
@pytest.mark.parametrize(
    ("joint", "chain", "name", "sign"),
    [
        ("knee", ("hip", "knee", "ankle"), "knee flexion", 1),
        ("elbow", ("shoulder", "elbow", "wrist"), "elbow flexion", -1),
    ],
)
def test_flexion_of_the_shipped_body_is_the_angle_between_its_bones(
    body, joint, chain, name, sign, degrees
):
    for side in ("left", "right"):
        rotmats = anatomical_pose(body, **{f"{side}_{joint}": turn("x", sign * degrees)})
        joints = body.joints(rotmats, NO_SHAPE).astype(np.float64)
        start, middle, end = (joints[JOINT[f"{side}_{part}"]] for part in chain)
        upper, lower = middle - start, end - middle
        cosine = upper @ lower / np.linalg.norm(upper) / np.linalg.norm(lower)
        assert np.degrees(np.arccos(cosine)) == pytest.approx(degrees, abs=0.05)
        assert readings(rotmats, f"{side} {name}") == pytest.approx([degrees], abs=0.05)


#: Joint, names of (flexion, abduction, rotation) and their signs about x, z, y on the left.
ORDERED = [
    ("hip", ("hip flexion", "hip abduction", "hip rotation"), (-1, 1, -1)),
    ("knee", ("knee flexion", "knee varus", "knee rotation"), (1, -1, -1)),
    ("ankle", ("ankle dorsiflexion", "ankle inversion", "ankle rotation"), (-1, -1, -1)),
]


@pytest.mark.parametrize(("joint", "names", "signs"), ORDERED)
@pytest.mark.parametrize("degrees", [(30, 0, 0), (90, 20, 0), (120, -15, 25), (-20, 40, -30)])
def test_combined_turns_are_read_in_the_order_flexion_abduction_rotation(
    body, joint, names, signs, degrees
):
    a, c, b = (sign * value for sign, value in zip(signs, degrees, strict=True))
    rotation = turn("x", a) @ turn("z", c) @ turn("y", b)
    turns = {f"left_{joint}": rotation, f"right_{joint}": mirrored_turn(rotation)}
    rotmats = anatomical_pose(body, **turns)
    for side in ("left", "right"):
        read = readings(rotmats, *(f"{side} {name}" for name in names))
        assert read == pytest.approx(degrees, abs=0.02)


def test_pelvis_turns_first_then_leans_sideways_then_tilts():
    rotmats = pose()
    rotmats[0] = FACING @ turn("y", 70) @ turn("z", -15) @ turn("x", 25)
    names = ("pelvis rotation", "pelvis obliquity", "pelvis tilt")
    assert readings(rotmats, *names) == pytest.approx([70, 15, 25], abs=0.01)


def test_the_heading_of_the_person_changes_no_angle_but_the_pelvis_rotation():
    limbs = {"left_knee": (60, 0, 0), "left_shoulder": (10, -20, -40), "spine1": (10, 5, 0)}
    turned, straight = joint_angles(pose(pelvis=(0, 130, 0), **limbs)), joint_angles(pose(**limbs))
    changed = np.abs(turned - straight) > 1e-3
    assert [ANGLES[index].name for index in np.flatnonzero(changed)] == ["pelvis rotation"]


def test_a_mirrored_pose_swaps_left_and_right():
    rng = np.random.default_rng(0)
    axis_angle = rng.normal(size=(24, 3)).astype(np.float32) * 0.4
    rotmats = matrix_from_axis_angle(axis_angle)
    mirrored = matrix_from_axis_angle(axis_angle[list(MIRROR)] * np.float32([1, -1, -1]))
    rotmats[0], mirrored[0] = FACING @ rotmats[0], FACING @ mirrored[0]
    ours, theirs = joint_angles(rotmats), joint_angles(mirrored)
    to_the_left = ("side bend", "rotation", "obliquity")
    for definition in ANGLES:
        here = ours[ANGLE_INDEX[definition.name]]
        other = definition.name.replace("left", "right")
        sign = -1 if not definition.side and definition.motion in to_the_left else 1
        if definition.side != "right":
            there = sign * theirs[ANGLE_INDEX[other]]
            assert here == pytest.approx(there, abs=2e-3), definition.name


@pytest.mark.parametrize("abduction", [-88, 88])
def test_a_thigh_straight_sideways_has_no_rotation_and_keeps_the_whole_turn(body, abduction):
    for flexion, rotation in ((50, 0), (20, 30), (80, -30)):
        thigh = turn("x", -flexion) @ turn("z", abduction) @ turn("y", -rotation)
        read = readings(anatomical_pose(body, left_hip=thigh), "left hip flexion")
        expected = flexion - np.sign(abduction) * rotation
        assert read == pytest.approx([expected], abs=0.1)
        assert readings(anatomical_pose(body, left_hip=thigh), "left hip rotation") == [0]


def test_smooth_motion_makes_smooth_angles_away_from_the_poles_of_the_shoulder(body):
    """In the ranges of people, a step of every joint by 0.2 degrees moves no angle by more than 8.

    Near a pole a turn is shared by two angles, so each is at most 1 / sin(6 degrees) = 10 times as
    fast; up to four joints make a chain.
    """
    rng = np.random.default_rng(3)
    frames = AnatomicalFrames.of(body)
    for _ in range(60):
        start = anatomical_pose(body, **human_turns(rng))
        axes = rng.normal(size=(24, 3))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        end = start @ matrix_from_axis_angle(np.radians(0.2) * axes)
        before, after = joint_angles(np.stack([start, end]).astype(np.float32), frames)
        change = angular_difference(before, after)
        poles = [
            angle.side
            for angle in ANGLES
            if angle.motion == "elevation" and not 7 < before[ANGLE_INDEX[angle.name]] < 173
        ]
        for definition, step in zip(ANGLES, change, strict=True):
            if definition.joint != "shoulder" or definition.side not in poles:
                assert step < 8, definition.name


def human_turns(rng):
    """Random turns of every large joint, within the reach of people."""
    turns = {}
    for side in ("left", "right"):
        reach = {
            "hip": ((-120, 20), (-30, 50), (-40, 40)),
            "knee": ((0, 140), (-5, 5), (-20, 20)),
            "ankle": ((-25, 50), (-20, 20), (-15, 15)),
            "elbow": ((-140, -2), (-10, 10), (-70, 70)),
        }
        for joint, ranges in reach.items():
            x, z, y = (rng.uniform(*ends) for ends in ranges)
            turns[f"{side}_{joint}"] = turn("x", x) @ turn("z", z) @ turn("y", y)
        plane, elevation, axial = rng.uniform([-60, 0, -90], [130, 180, 90])
        arm = turn("y", -plane) @ turn("z", elevation) @ turn("y", -axial)
        turns[f"{side}_shoulder"] = arm if side == "left" else mirrored_turn(arm)
    return turns


def test_many_poses_at_once_give_the_same_as_one_by_one():
    rng = np.random.default_rng(7)
    poses = matrix_from_axis_angle(rng.normal(size=(4, 5, 24, 3)).astype(np.float32))
    together = joint_angles(poses)
    assert together.shape == (4, 5, len(ANGLES))
    one_by_one = [[joint_angles(pose_) for pose_ in row] for row in poses]
    np.testing.assert_allclose(together, one_by_one, atol=1e-3)


def test_the_input_is_left_alone():
    poses = pose(left_knee=(30, 0, 0))
    copy = poses.copy()
    joint_angles(poses)
    np.testing.assert_array_equal(poses, copy)


def test_frames_belong_to_the_body_in_use(body):
    """A straight leg of another body reads zero with its own frames only."""
    rotmats = pose()
    name = ANGLE_INDEX["left hip abduction"]
    assert joint_angles(rotmats, FLAT)[name] == pytest.approx(0, abs=0.01)
    assert joint_angles(rotmats, AnatomicalFrames.of(body))[name] == pytest.approx(7, abs=0.5)


def test_other_shapes_move_the_neutral_pose_by_little(body):
    """Why frames may be made for the mean shape: two sigma move no angle by more than 2 degrees."""
    rotmats = anatomical_pose(body)
    for number in range(10):
        betas = NO_SHAPE.copy()
        betas[number] = 2
        frames = AnatomicalFrames.from_rest_joints(body.rest_joints(betas))
        assert np.abs(joint_angles(rotmats, frames)).max() < 2


def test_every_angle_is_finite_for_any_rotation():
    rng = np.random.default_rng(5)
    axis_angles = rng.normal(size=(200, 24, 3)).astype(np.float32) * 2
    assert np.isfinite(joint_angles(matrix_from_axis_angle(axis_angles))).all()
    quarters = rng.integers(-2, 3, size=(200, 24)) * np.pi / 2
    axes = np.eye(3)[rng.integers(0, 3, size=(200, 24))]
    exact = matrix_from_axis_angle((axes * quarters[..., None]).astype(np.float32))
    assert np.isfinite(joint_angles(exact)).all()
    assert np.abs(axis_angle_from_matrix(exact)).max() > 3  # half turns are among them


def test_every_angle_is_defined_in_full():
    assert len({definition.name for definition in ANGLES}) == len(ANGLES) == len(ANGLE_INDEX)
    for definition in ANGLES:
        assert definition.low < definition.high
        assert definition.name.startswith(definition.side)
        for text in (definition.meaning, definition.positive, definition.neutral):
            assert text


def test_the_listing_names_every_angle_once_with_sign_zero_and_range():
    text = definitions_text()
    headings = [line for line in text.splitlines() if not line.startswith(" ")]
    expected = {a.unsided_name + (" (left, right)" if a.side else "") for a in ANGLES}
    assert len(headings) == len(expected)
    assert set(headings) == expected
    assert text.count("positive  ") == text.count("range     ") == len(headings)
    assert max(map(len, text.splitlines())) <= 100
