"""Landmarks regressed from the mesh, without the mesh."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live_training.keypoint_regressors import KEYPOINT_REGRESSORS, read_regressors
from hmr_live_training.landmarks import BODY_LANDMARKS, LANDMARK_MIRROR, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import (
    BodyLandmarks,
    joint_binding,
    mesh_binding,
)
from hmr_live_training.models.rotations import matrix_from_axis_angle
from tests.training.cases import rest_body

BODY = asset_path("body", "open_body.npz")


@pytest.fixture(scope="module")
def landmarks():
    binding = mesh_binding(BODY, KEYPOINT_REGRESSORS)
    return BodyLandmarks(rest_body(), [False] * len(BODY_LANDMARKS), binding).requires_grad_(False)


def test_a_landmark_is_its_combination_of_vertices(landmarks):
    """But for pose correctives, which linear skinning of a sum over bones does not have."""
    rng = np.random.default_rng(0)
    body, matrix = BodyModel.load(BODY), read_regressors(KEYPOINT_REGRESSORS)
    still = torch.eye(3).repeat(1, 24, 1, 1)
    betas = torch.from_numpy(rng.normal(0, 1, (1, 10))).float()
    mesh = body.forward(still[0].numpy(), betas[0].numpy())
    np.testing.assert_allclose(
        landmarks(still, betas)[1][0].numpy(), matrix @ mesh.vertices, atol=4e-3
    )
    pose = torch.from_numpy(rng.normal(0, 0.3, (1, 24, 3))).float()
    rotmats = matrix_from_axis_angle(pose)
    mesh = body.forward(rotmats[0].numpy(), betas[0].numpy())
    apart = np.linalg.norm(landmarks(rotmats, betas)[1][0].numpy() - matrix @ mesh.vertices, axis=1)
    assert np.median(apart) < 0.006
    assert apart.max() < 0.03


def test_regressors_are_convex_and_the_same_on_both_sides():
    matrix = read_regressors(KEYPOINT_REGRESSORS)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-4)
    still = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    rest = BodyModel.load(BODY).forward(still, np.zeros(10, np.float32)).vertices
    places = matrix @ rest
    mirrored = places[list(LANDMARK_MIRROR)] * (-1, 1, 1)
    np.testing.assert_allclose(places, mirrored, atol=0.012)


def test_a_joint_moves_what_lies_beyond_it_in_all_and_nothing_else(landmarks):
    names = [landmark.name for landmark in BODY_LANDMARKS[:NUM_BLAZEPOSE]]
    moved = landmarks.moved_by
    assert moved[JOINT["pelvis"]] == pytest.approx(np.ones(NUM_BLAZEPOSE), abs=1e-5)
    assert moved[JOINT["right_hip"], names.index("right_ankle")] == pytest.approx(1, abs=1e-5)
    assert moved[JOINT["right_hip"], names.index("left_ankle")] == 0
    assert 0 < moved[JOINT["right_hip"], names.index("right_hip")] < 1


def test_joints_bind_landmarks_as_before():
    layer = BodyLandmarks(rest_body(), binding=joint_binding(rest_body()))
    rotmats = matrix_from_axis_angle(torch.randn(2, 24, 3) * 0.3)
    joints, points = layer(rotmats, torch.randn(2, 10))
    knee = [landmark.name for landmark in BODY_LANDMARKS].index("left_knee")
    torch.testing.assert_close(points[:, knee], joints[:, JOINT["left_knee"]])


def test_regressors_of_another_body_are_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(
        path,
        names=np.array([landmark.name for landmark in BODY_LANDMARKS]),
        vertices=np.array(5),
        landmark=np.arange(41),
        vertex=np.zeros(41, int),
        weight=np.ones(41),
    )
    with pytest.raises(AssetError, match="made for another body"):
        mesh_binding(BODY, path)
    path.write_bytes(b"nothing")
    with pytest.raises(AssetError, match="no keypoint regressors"):
        mesh_binding(BODY, path)
