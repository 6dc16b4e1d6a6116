"""Captured motion in a room: what stands keeps its place."""

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.motion.performance import SoleFinder, global_rotations, perform
from tests.training.motion.cases import marching

BETAS = np.zeros(10, np.float32)


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def soles(body, done):
    return SoleFinder(body, BETAS)(done.joints, global_rotations(done.rotmats))


def test_somebody_who_stands_stands_on_the_floor(body):
    still = np.tile(np.eye(3, dtype=np.float32), (8, 24, 1, 1))
    done = perform(body, still, BETAS, 30.0)
    assert done.contacts.all()
    assert np.abs(soles(body, done)[..., 1]).max() < 0.04
    assert 0.8 < done.joints[0, 0, 1] < 1.1


def test_the_standing_leg_stays_and_the_lifted_one_is_up(body):
    done = perform(body, marching(), BETAS, 30.0)
    lifted = np.arange(40) % 30 < 12
    assert not done.contacts[3:12, :2].any()
    assert done.contacts[3:12, 2:].any(axis=1).all()
    moved = np.diff(soles(body, done)[lifted][:12, 2:], axis=0)
    assert np.abs(moved).max() < 0.015


def test_legs_that_stride_carry_the_body_along(body):
    pose = np.zeros((30, 24, 3), np.float32)
    pose[:, JOINT["right_hip"], 0] = -1.2
    pose[:, JOINT["right_knee"], 0] = 1.5
    pose[:, JOINT["left_hip"], 0] = np.linspace(-0.3, 0.3, 30)
    done = perform(body, matrix_from_axis_angle(pose), BETAS, 30.0)
    way = done.joints[-1, 0] - done.joints[0, 0]
    assert way[2] == pytest.approx(2 * 0.85 * np.sin(0.3), abs=0.12)
    assert abs(way[0]) < 0.05
