import numpy as np
import pytest

from hmr_live.angles import ANGLE_INDEX, AngleContinuity, joint_angles, unwrap_angles
from hmr_live.body.model import BodyModel
from tests.engine.angles.angle_poses import FACING, anatomical_pose, pose, turn


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def column(values, name):
    return np.asarray(values)[:, ANGLE_INDEX[name]]


def followed(poses):
    continuity = AngleContinuity()
    return np.array([continuity.update(joint_angles(rotmats)) for rotmats in poses])


def test_a_person_who_turns_round_twice_has_one_rising_curve():
    poses = [pose(pelvis=(0, degrees, 0)) for degrees in range(0, 721, 12)]
    raw = column([joint_angles(rotmats) for rotmats in poses], "pelvis rotation")
    assert np.abs(np.diff(raw)).max() > 300
    np.testing.assert_allclose(
        column(followed(poses), "pelvis rotation"), np.arange(0, 721, 12), atol=0.05
    )


def test_continued_angles_are_the_given_ones_up_to_whole_turns():
    rng = np.random.default_rng(2)
    poses = [pose(pelvis=(0, k * 9, 0), left_hip=rng.normal(0, 20, 3)) for k in range(60)]
    raw = np.array([joint_angles(rotmats) for rotmats in poses])
    off = (followed(poses) - raw) / 360
    arm = [ANGLE_INDEX[f"{s} shoulder {n}"] for s in ("left", "right") for n in ("plane",)]
    off = np.delete(off, arm, axis=1)
    np.testing.assert_allclose(off, np.round(off), atol=1e-5)


def test_plane_is_held_while_the_arm_hangs_and_the_rest_fits_to_it(body):
    swing = [30, 20, 10, 4, 1, 3, 8, 20]
    poses = [
        anatomical_pose(body, left_shoulder=turn("x", -degrees) @ turn("y", -15))
        for degrees in swing
    ]
    values = followed(poses)
    np.testing.assert_allclose(column(values, "left shoulder plane"), 90, atol=0.2)
    np.testing.assert_allclose(column(values, "left shoulder axial rotation"), -75, atol=0.2)
    np.testing.assert_allclose(column(values, "left shoulder rotation"), 15, atol=0.2)


def test_forward_and_sideward_shares_are_held_when_the_arm_passes_straight_up(body):
    poses = [
        anatomical_pose(body, left_shoulder=turn("x", -degrees)) for degrees in (150, 170, 176, 179)
    ]
    values = followed(poses)
    np.testing.assert_allclose(column(values, "left shoulder plane"), 90, atol=0.2)
    np.testing.assert_allclose(
        column(values, "left shoulder flexion"), [150, 170, 176, 179], atol=0.2
    )
    np.testing.assert_allclose(column(values, "left shoulder abduction"), 0, atol=0.7)
    np.testing.assert_allclose(column(values, "left shoulder rotation"), 0, atol=0.7)


@pytest.mark.parametrize("side", [-1, 1])
def test_heading_is_held_while_someone_lies_on_the_side(side):
    """Rolling about the body's axis while lying turns the tilt, the heading stays."""
    leaning = [40, 70, 83, 88, 89, 88, 83, 70]
    poses = []
    for lean in leaning:
        rotmats = pose()
        rotmats[0] = FACING @ turn("y", 30) @ turn("z", side * lean) @ turn("x", 10)
        poses.append(rotmats)
    values = followed(poses)
    np.testing.assert_allclose(column(values, "pelvis rotation"), 30, atol=0.3)
    np.testing.assert_allclose(column(values, "pelvis tilt"), 10, atol=0.3)


def test_hip_rotation_is_held_where_the_thigh_points_sideways(body):
    poses = [
        anatomical_pose(body, left_hip=turn("x", -20) @ turn("z", wide) @ turn("y", -25))
        for wide in (60, 80, 86, 88, 86, 80)
    ]
    values = followed(poses)
    np.testing.assert_allclose(column(values, "left hip rotation"), 25, atol=0.3)
    np.testing.assert_allclose(column(values, "left hip flexion"), 20, atol=0.5)


def test_after_a_reset_the_first_frame_comes_back_as_it_is():
    continuity = AngleContinuity()
    for degrees in range(0, 300, 10):
        continuity.update(joint_angles(pose(pelvis=(0, degrees, 0))))
    index = ANGLE_INDEX["pelvis rotation"]
    assert continuity.update(joint_angles(pose(pelvis=(0, 290, 0))))[index] == pytest.approx(290)
    continuity.reset()
    assert continuity.update(joint_angles(pose(pelvis=(0, 290, 0))))[index] == pytest.approx(-70)


def test_missing_numbers_are_passed_on_and_do_not_stay():
    continuity = AngleContinuity()
    angles = joint_angles(pose())
    continuity.update(angles)
    assert np.isnan(continuity.update(np.full_like(angles, np.nan))).all()
    np.testing.assert_allclose(continuity.update(angles), angles)


def test_a_whole_recording_is_continued_as_frame_by_frame():
    rng = np.random.default_rng(4)
    poses = [
        pose(pelvis=(0, 9 * k, 0), left_hip=rng.normal(0, 40, 3), left_shoulder=(0, 0, k % 13 - 6))
        for k in range(90)
    ]
    raw = np.array([joint_angles(rotmats) for rotmats in poses])
    np.testing.assert_allclose(unwrap_angles(raw), followed(poses), atol=1e-9)
