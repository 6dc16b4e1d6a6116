"""Joints are projected onto their limits."""

import numpy as np
import pytest
import torch

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live_training.data.mocap import LIMITED_JOINTS, JointLimits
from hmr_live_training.models.joint_limits import JointLimitProjection
from hmr_live_training.models.rotations import matrix_from_6d, sixd_from_matrix

LOW, HIGH = np.full((21, 3), -0.5, np.float32), np.full((21, 3), 0.9, np.float32)
HELD = JointLimitProjection(JointLimits(LOW, HIGH), 6.0, hip_tolerance=20.0)
ALLOWED = np.full((21, 1), np.deg2rad(6.0), np.float32)
ALLOWED[:2] = np.deg2rad(20.0)
WITHIN = JointLimits(LOW - ALLOWED, HIGH + ALLOWED)


def poses(widest, seed=0, count=50):
    vectors = np.random.default_rng(seed).uniform(-widest, widest, (count, 24, 3))
    return torch.from_numpy(matrix_from_axis_angle(vectors.astype(np.float32)))


def test_rotations_within_the_range_stay_as_they_are():
    rotmats = poses(0.5)
    torch.testing.assert_close(HELD(rotmats), sixd_from_matrix(rotmats), atol=2e-6, rtol=0)


def test_no_rotation_at_all_stays_as_it_is():
    rotmats = torch.eye(3).expand(2, 24, 3, 3)
    torch.testing.assert_close(HELD(rotmats), sixd_from_matrix(rotmats), atol=2e-6, rtol=0)


def test_joints_beyond_the_range_come_back_component_by_component():
    rotmats = poses(1.6, seed=1)
    before = axis_angle_from_matrix(rotmats.numpy())
    after = axis_angle_from_matrix(matrix_from_6d(HELD(rotmats)).numpy())
    body = before[:, LIMITED_JOINTS]
    expected = np.clip(body, LOW - ALLOWED, HIGH + ALLOWED)
    assert (expected != body).any(axis=2).mean() > 0.5
    np.testing.assert_allclose(after[:, LIMITED_JOINTS], expected, atol=2e-5)
    assert not WITHIN.outside(after, tolerance=1e-4).any()


def test_the_root_and_the_hands_are_free():
    rotmats = poses(3.0, seed=2)
    free = [0, 22, 23]
    assert torch.equal(HELD(rotmats)[:, free], sixd_from_matrix(rotmats)[:, free])


@pytest.mark.parametrize("degrees", [150, 179, 180])
def test_a_half_turn_gives_finite_numbers_within_the_range(degrees):
    axes = np.random.default_rng(3).normal(size=(8, 24, 3))
    axes *= np.deg2rad(degrees) / np.linalg.norm(axes, axis=2, keepdims=True)
    held = HELD(torch.from_numpy(matrix_from_axis_angle(axes.astype(np.float32))))
    after = axis_angle_from_matrix(matrix_from_6d(held).numpy())
    assert np.isfinite(after).all()
    assert not WITHIN.outside(after, tolerance=1e-3).any()
