from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import angle_between, axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.core.errors import RecordingError
from hmr_live.takes.smooth import kernel_width, one_hemisphere, smooth_take, smooth_values
from tests.engine.takes.streams import motion, take

EVEN = np.arange(600) / 60
UNEVEN = EVEN + np.random.default_rng(0).uniform(-6e-3, 6e-3, len(EVEN))


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def slow_twin(times, values, cutoff):
    """The fit of a straight line at every frame, as it is written in books."""
    result = np.empty(values.shape)
    for row, moment in enumerate(times):
        away = times - moment
        weight = np.exp(-((away / kernel_width(cutoff)) ** 2) / 2)
        weight[np.abs(away) > 3.5 * kernel_width(cutoff)] = 0
        root = np.sqrt(weight)[:, None]
        design = np.stack([np.ones_like(away), away], axis=1)
        result[row] = np.linalg.lstsq(root * design, root * values, rcond=None)[0][0]
    return result


def test_every_frame_is_a_weighted_fit_of_a_line():
    values = np.random.default_rng(1).normal(size=(len(UNEVEN), 3))
    np.testing.assert_allclose(
        smooth_values(UNEVEN, values, 3.0), slow_twin(UNEVEN, values, 3.0), atol=1e-9
    )


@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_half_of_the_power_remains_at_the_cutoff_without_any_delay(times):
    # Uneven moments let a little of what is far above the cutoff through.
    for frequency, expected in ((0.5, 0.98), (4.0, 2**-0.5), (16.0, 0.02)):
        phase = 2 * np.pi * frequency * times
        smooth = smooth_values(times, np.sin(phase)[:, None], 4.0)[60:-60, 0]
        basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)[60:-60]
        in_phase, out_of_phase = np.linalg.lstsq(basis, smooth, rcond=None)[0]
        assert in_phase == pytest.approx(expected, abs=0.02)
        assert out_of_phase == pytest.approx(0, abs=0.01)


def test_a_straight_line_stays_one_to_its_very_ends():
    line = 3 * UNEVEN[:, None] + [1, -2]
    np.testing.assert_allclose(smooth_values(UNEVEN, line, 1.0), line, atol=1e-9)


def test_nothing_is_smoothed_across_a_gap():
    times = np.concatenate([EVEN[:100], EVEN[:100] + 5])
    values = np.repeat([0.0, 1.0], 100)[:, None]
    np.testing.assert_allclose(smooth_values(times, values, 0.5), values, atol=1e-9)


def test_a_cutoff_above_what_the_frames_hold_changes_nothing():
    values = np.random.default_rng(1).normal(size=(50, 2))
    np.testing.assert_allclose(smooth_values(np.arange(50) / 10, values, 30), values, atol=1e-9)
    assert smooth_values(np.zeros(1), np.ones((1, 2)), 6).tolist() == [[1, 1]]


def test_quaternions_do_not_change_sides():
    turns = np.linspace(0, 4 * np.pi, 100)
    quaternions = np.stack([np.cos(turns / 2), np.sin(turns / 2), 0 * turns, 0 * turns], axis=1)
    flipped = quaternions * np.random.default_rng(0).choice([-1, 1], (100, 1))
    found = one_hemisphere(flipped[:, None])[:, 0]
    np.testing.assert_allclose(found * np.sign(flipped[0, 0]), quaternions, atol=1e-12)


def jittering(body):
    """Somebody who turns twice round while an elbow bends, with and without jitter."""
    rng = np.random.default_rng(3)
    pose = np.zeros((len(EVEN), 24, 3))
    pose[:, 0, 1] = EVEN * 1.3
    pose[:, 18, 1] = 1 + np.sin(2 * EVEN)
    clean = matrix_from_axis_angle(pose)
    noise = matrix_from_axis_angle(rng.normal(0, 0.03, pose.shape))
    joints = np.stack([body.joints(r, np.zeros(10)) for r in clean]) + np.array([0, 0, 3])
    raw = axis_angle_from_matrix(clean @ noise)
    return clean, take(motion(EVEN, raw, joints=joints))


def test_jitter_goes_and_the_movement_stays(body):
    clean, raw = jittering(body)
    smooth = smooth_take(raw, body, 4.0).motions[0]
    before = angle_between(matrix_from_axis_angle(raw.motions[0].pose), clean).mean()
    after = angle_between(matrix_from_axis_angle(smooth.pose), clean).mean()
    assert after < 0.5 * before
    assert np.degrees(after) < 1.5


def test_smoothed_joints_are_those_of_the_smoothed_pose_and_the_pelvis_stays(body):
    _, raw = jittering(body)
    told = smooth_take(raw, body, 6.0)
    smooth = told.motions[0]
    assert told.info["smoothed"]["cutoff_hz"] == 6.0
    assert (smooth.betas == smooth.betas[0]).all()
    for row in (0, 300, 599):
        joints = body.joints(matrix_from_axis_angle(smooth.pose[row]), smooth.betas[row])
        np.testing.assert_allclose(joints + smooth.transl[row], smooth.joints[row], atol=1e-5)
    np.testing.assert_allclose(smooth.joints[:, 0], raw.motions[0].joints[:, 0], atol=1e-5)
    np.testing.assert_array_equal(smooth.crop_box, raw.motions[0].crop_box)


@pytest.mark.parametrize("cutoff", [0.0, -1, 1000, float("nan")])
def test_a_cutoff_that_is_none_is_refused(body, cutoff):
    with pytest.raises(RecordingError, match="cannot be used"):
        smooth_take(take(motion(EVEN)), body, cutoff)


def test_numbers_that_are_not_finite_are_refused(body):
    broken = motion(EVEN)
    broken.pose[3, 4, 1] = np.nan
    with pytest.raises(RecordingError, match="NaN or infinity"):
        smooth_take(take(broken), body)
