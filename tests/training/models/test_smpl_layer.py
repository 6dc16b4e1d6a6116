"""The torch body agrees with the engine's, and its landmarks are symmetric."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle as engine_matrix
from hmr_live.body.skeleton import MIRROR
from hmr_live_training.landmarks import BODY_LANDMARKS, HIPS, LANDMARK_MIRROR, LIMBS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import (
    EXACT_JOINTS,
    LIMB_JOINTS,
    BodyLandmarks,
    learned_corrections,
)
from hmr_live_training.models.projection import project
from hmr_live_training.models.rotations import (
    axis_angle_from_matrix,
    matrix_from_6d,
    matrix_from_axis_angle,
    multiply,
    sixd_from_matrix,
)
from hmr_live_training.models.smpl_layer import ForwardKinematics
from tests.training.cases import rest_body


@pytest.fixture(scope="module")
def body():
    return rest_body()


def test_joints_equal_the_engines(body):
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.6, (5, 24, 3)).astype(np.float32)
    betas = rng.normal(size=(5, 10)).astype(np.float32)
    tree = ForwardKinematics(body)
    joints, _ = tree(matrix_from_axis_angle(torch.from_numpy(pose)), torch.from_numpy(betas))
    engine = BodyModel.default()
    expected = [engine.joints(engine_matrix(p), b) for p, b in zip(pose, betas, strict=True)]
    np.testing.assert_allclose(joints.numpy(), np.stack(expected), atol=1e-5)


def test_landmarks_of_the_mirrored_pose_are_the_mirrored_landmarks(body):
    layer = BodyLandmarks(body, learned_corrections())
    with torch.no_grad():
        layer.correction.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.05)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    pose = torch.randn(1, 24, 3, generator=torch.Generator().manual_seed(1)) * 0.4
    mirrored = pose[:, list(MIRROR)] * torch.tensor([1.0, -1.0, -1.0])
    betas = torch.zeros(1, 10)
    _, own = layer(matrix_from_axis_angle(pose), betas)
    _, other = layer(matrix_from_axis_angle(mirrored), betas)
    # The shipped body is symmetric to about a millimetre, its named vertices to a few.
    expected = own[:, list(LANDMARK_MIRROR)] * flip
    assert (other - expected).norm(dim=-1).max() < 0.012


@pytest.mark.parametrize("limbs", [False, True])
def test_corrections_reach_only_the_landmarks_that_may_move(body, limbs):
    exact = LIMB_JOINTS if limbs else EXACT_JOINTS
    layer = BodyLandmarks(body, learned_corrections(exact))
    before = layer.corrections().detach().clone()
    with torch.no_grad():
        layer.correction.fill_(0.02)
    moved = (layer.corrections() - before).abs().sum(dim=1) > 0
    names = {landmark.name for landmark, m in zip(BODY_LANDMARKS, moved, strict=True) if not m}
    assert "lsp_LKnee" in names
    assert "left_wrist" in names
    assert ("lsp_LHip" in names) == limbs
    assert ("right_shoulder" in names) == limbs
    assert "nose" not in names


def test_landmark_table_is_consistent():
    names = [landmark.name for landmark in BODY_LANDMARKS]
    assert [names[k] for k in HIPS] == ["left_hip", "right_hip"]
    assert len(LIMBS) == 12
    assert NUM_BLAZEPOSE == 27
    assert all(LANDMARK_MIRROR[LANDMARK_MIRROR[k]] == k for k in range(len(names)))


def test_six_numbers_and_matrices_convert_both_ways():
    pose = torch.randn(7, 24, 3, generator=torch.Generator().manual_seed(2))
    matrix = matrix_from_axis_angle(pose)
    torch.testing.assert_close(matrix_from_6d(sixd_from_matrix(matrix)), matrix)
    np.testing.assert_allclose(matrix.numpy(), engine_matrix(pose.numpy()), atol=1e-5)


def test_axis_angles_come_back_from_matrices():
    pose = torch.randn(7, 24, 3, generator=torch.Generator().manual_seed(4)) * 0.6
    torch.testing.assert_close(
        axis_angle_from_matrix(matrix_from_axis_angle(pose)), pose, atol=1e-3, rtol=0
    )


def test_unrolled_product_equals_the_matrix_product():
    a, b = torch.randn(2, 5, 24, 3, 3, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(multiply(a, b), a @ b)


def test_projection_is_the_papers():
    points = torch.tensor([[[0.5, -0.25, 9.0]]])
    camera = torch.tensor([[2.0, 0.1, 0.05]])
    torch.testing.assert_close(project(points, camera), torch.tensor([[[1.2, -0.4]]]))
