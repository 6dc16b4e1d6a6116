"""Shoulder, elbow, forearm and wrist."""

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from tests.engine.angles.angle_poses import anatomical_pose, mirrored_turn, readings, turn

NO_SHAPE = np.zeros(10, np.float32)


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def test_thumbs_point_forward_in_the_neutral_pose_and_back_pronated_by_180(body):
    for degrees, forward in ((0, True), (-180, False)):
        rotmats = anatomical_pose(body, left_wrist=turn("y", degrees))
        rotmats[0] = np.eye(3)
        mesh = body.forward(rotmats, NO_SHAPE)
        thumb = mesh.vertices[body.vertex_ids["lthumb"]] - mesh.joints[JOINT["left_wrist"]]
        assert (thumb[2] > 0.05) == forward


@pytest.mark.parametrize("plane", [-40, 0, 35, 90, 120])
@pytest.mark.parametrize("elevation", [20, 60, 90, 150])
@pytest.mark.parametrize("bend", [0, 90])
def test_shoulder_follows_the_isb_order(body, plane, elevation, bend):
    axial = 25
    rotation = turn("y", -plane) @ turn("z", elevation) @ turn("y", -axial)
    elbow = turn("x", -bend)
    rotmats = anatomical_pose(
        body,
        left_shoulder=rotation,
        right_shoulder=mirrored_turn(rotation),
        left_elbow=elbow,
        right_elbow=elbow,
    )
    for side in ("left", "right"):
        names = ("shoulder plane", "shoulder elevation", "shoulder axial rotation")
        read = readings(rotmats, *(f"{side} {name}" for name in names))
        assert read == pytest.approx([plane, elevation, axial], abs=0.05)
        names = ("shoulder flexion", "shoulder abduction", "shoulder rotation")
        read = readings(rotmats, *(f"{side} {name}" for name in names))
        forward, outward = np.sin(np.radians(plane)), np.cos(np.radians(plane))
        expected = [elevation * forward, elevation * outward, plane + axial]
        assert read == pytest.approx(expected, abs=0.05)


def test_arm_swung_forward_without_turning_has_no_rotation(body):
    for degrees in (3, 30, 90, 150):
        rotmats = anatomical_pose(body, left_shoulder=turn("x", -degrees))
        names = ("left shoulder flexion", "left shoulder abduction", "left shoulder rotation")
        assert readings(rotmats, *names) == pytest.approx([degrees, 0, 0], abs=0.05)


def test_elbow_that_bends_sideways_means_a_turned_upper_arm(body):
    """One arm, described twice: turned in the shoulder, or hidden in the elbow's axes."""
    names = ["shoulder rotation", "shoulder axial rotation", "elbow flexion", "forearm pronation"]
    names = [f"left {name}" for name in names]
    raised = turn("z", 60)
    in_shoulder = anatomical_pose(
        body, left_shoulder=raised @ turn("y", 40), left_elbow=turn("x", -80) @ turn("y", -20)
    )
    in_elbow = anatomical_pose(
        body,
        left_shoulder=raised,
        left_elbow=turn("y", 40) @ turn("x", -80) @ turn("y", -20),
    )
    assert readings(in_shoulder, *names) == pytest.approx([-40, -40, 80, 20], abs=0.05)
    assert readings(in_elbow, *names) == pytest.approx([-40, -40, 80, 20], abs=0.05)


def test_straightening_elbow_does_not_make_the_arms_rotation_jump(body):
    values = np.array(
        [
            readings(
                anatomical_pose(body, left_elbow=turn("y", 40) @ turn("x", -degrees)),
                "left shoulder rotation",
                "left forearm pronation",
            )
            for degrees in np.arange(60, -0.5, -0.5)
        ]
    )
    assert values[0] == pytest.approx([-40, 0], abs=0.05)
    assert values[-1] == pytest.approx([0, -40], abs=0.05)
    assert np.abs(np.diff(values, axis=0)).max() < 2
    np.testing.assert_allclose(values.sum(axis=1), -40, atol=0.05)


def test_pronation_counts_wherever_the_forearm_turns(body):
    for share in (0.0, 0.4, 1.0):
        rotmats = anatomical_pose(
            body,
            left_elbow=turn("x", -90) @ turn("y", -60 * share),
            left_wrist=turn("y", -60 * (1 - share)) @ turn("z", -30),
        )
        names = ("left forearm pronation", "left wrist flexion", "left elbow flexion")
        assert readings(rotmats, *names) == pytest.approx([60, 30, 90], abs=0.05)


def test_wrist_reads_deviation_before_flexion(body):
    # Palm towards the thigh: flexion is about z, deviation about x.
    rotmats = anatomical_pose(body, left_wrist=turn("x", 20) @ turn("z", -85))
    names = ("left wrist deviation", "left wrist flexion", "left forearm pronation")
    assert readings(rotmats, *names) == pytest.approx([20, 85, 0], abs=0.05)


def test_a_hanging_arm_has_no_plane_and_keeps_its_rotation(body):
    for jitter in (-2.0, 2.0):
        rotmats = anatomical_pose(body, left_shoulder=turn("x", jitter) @ turn("y", -30))
        names = ("plane", "axial rotation", "rotation", "flexion")
        read = readings(rotmats, *(f"left shoulder {name}" for name in names))
        assert read == pytest.approx([0, 30, 30, -jitter], abs=0.05)


def test_an_arm_straight_up_has_no_plane_and_keeps_the_direction_of_its_elbow(body):
    for plane in (-60, 0, 80):
        up = turn("y", -plane) @ turn("z", 178) @ turn("y", -(plane + 20))
        rotmats = anatomical_pose(body, left_shoulder=up, left_elbow=turn("x", -90))
        names = ("plane", "elevation", "axial rotation", "abduction", "flexion")
        read = readings(rotmats, *(f"left shoulder {name}" for name in names))
        assert read == pytest.approx([0, 178, 20, 178, 0], abs=0.1)
