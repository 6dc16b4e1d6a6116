"""Regressor and discriminators have the paper's shape and let gradients through."""

from __future__ import annotations

import pytest
import torch

from hmr_live.body.skeleton import JOINT
from hmr_live_training.data.mocap import joint_limits
from hmr_live_training.landmarks import BODY_LANDMARKS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.discriminators import (
    NUM_DISCRIMINATORS,
    Discriminators,
    discriminator_loss,
    encoder_loss,
)
from hmr_live_training.models.landmark_feedback import FEEDBACK_SIZE, LandmarkObservation
from hmr_live_training.models.regressor import POSE_SIZE, THETA_SIZE, unpack
from hmr_live_training.models.rotations import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    sixd_from_matrix,
)
from tests.training.cases import (
    NUM_FEATURES,
    mocap_poses,
    rest_body,
    seen_as,
    tiny_config,
    tiny_network,
)


def observed(count):
    g = torch.Generator().manual_seed(0)
    return LandmarkObservation(
        torch.randn(count, NUM_BLAZEPOSE, 2, generator=g),
        torch.randn(count, NUM_BLAZEPOSE, 3, generator=g),
        torch.rand(count, NUM_BLAZEPOSE, generator=g),
        torch.zeros(count, 1),
    )


@pytest.fixture
def regressor():
    return tiny_network(tiny_config(dropout=0.0)).regressor


def test_it_returns_theta_after_each_iteration(regressor):
    thetas = regressor(torch.randn(5, NUM_FEATURES), observed(5))
    assert len(thetas) == 3
    assert all(theta.shape == (5, THETA_SIZE) for theta in thetas)
    rotmats, betas, camera = unpack(thetas[-1])
    assert rotmats.shape == (5, 24, 3, 3)
    assert betas.shape == (5, 10)
    assert camera.shape == (5, 3)
    torch.testing.assert_close(
        rotmats @ rotmats.mT, torch.eye(3).expand(5, 24, 3, 3), atol=1e-5, rtol=0
    )


def test_it_starts_at_the_mean(regressor):
    with torch.no_grad():
        regressor.update.weight.zero_()
    mean = regressor.mean_theta.expand(2, -1)
    theta = regressor(torch.randn(2, NUM_FEATURES), seen_as(regressor, mean))[-1]
    torch.testing.assert_close(theta[0], regressor.mean_theta)


def test_the_number_of_iterations_is_an_option():
    regressor = tiny_network(tiny_config(iterations=5, feedback=False)).regressor
    assert len(regressor(torch.randn(2, NUM_FEATURES))) == 5


def test_the_refinement_is_not_what_the_regressor_learns_from():
    network, plain = (tiny_network(tiny_config(gauss_newton=on, dropout=0.0)) for on in (1, 0))
    inputs, seen = torch.randn(2, NUM_FEATURES), observed(2)
    for with_step, without in zip(
        network.regressor(inputs, seen), plain.regressor(inputs, seen), strict=True
    ):
        torch.testing.assert_close(with_step, without)
    cached = [
        n.encode(
            torch.randn(2, NUM_FEATURES, generator=torch.Generator().manual_seed(1)), "features"
        )
        for n in (network, plain)
    ]
    thetas = [n.thetas(encoded) for n, encoded in zip((network, plain), cached, strict=True)]
    torch.testing.assert_close(thetas[0][-2], thetas[1][-2])
    assert (thetas[0][-1] - thetas[1][-1]).abs().max() > 1e-3


@torch.no_grad()
def test_joints_are_projected_onto_their_limits_at_the_very_end():
    configs = (
        tiny_config(gauss_newton=True, joint_tolerance=tolerance, hip_tolerance=8.0)
        for tolerance in (8.0, None)
    )
    held, free = (tiny_network(config).eval() for config in configs)
    for network in (held, free):
        network.regressor.update.weight.mul_(30)  # a regressor that answers with contortions
    encoded = held.encode(
        torch.randn(6, NUM_FEATURES, generator=torch.Generator().manual_seed(1)), "features"
    )
    limits = joint_limits(mocap_poses().numpy())
    answers = [n.thetas(encoded) for n in (held, free)]
    torch.testing.assert_close(answers[0][:-1], answers[1][:-1])
    torch.testing.assert_close(answers[0][-1][:, POSE_SIZE:], answers[1][-1][:, POSE_SIZE:])
    outside = [
        limits.outside(axis_angle_from_matrix(unpack(thetas[-1]).rotmats).numpy()).sum()
        for thetas in answers
    ]
    assert outside[0] == 0
    assert outside[1] > 0


def test_every_weight_gets_a_gradient(regressor):
    theta = regressor(torch.randn(4, NUM_FEATURES), observed(4))[-1]
    theta.square().sum().backward()
    for name, parameter in regressor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_error_fed_back_is_zero_where_the_body_meets_the_landmarks(regressor):
    theta = regressor.mean_theta[None]
    error = regressor.error(theta, seen_as(regressor, theta))
    assert error.shape == (1, FEEDBACK_SIZE)
    visibility = torch.zeros(FEEDBACK_SIZE, dtype=torch.bool)
    visibility[5 : NUM_BLAZEPOSE * 6 : 6] = True
    assert error[0, ~visibility].abs().max() < 1e-4
    assert (error[0, visibility] == 1).all()


@pytest.mark.parametrize("joint", ["left_elbow", "right_hip"])
def test_the_turn_fed_back_is_the_one_that_is_missing(regressor, joint):
    theta = regressor.mean_theta[None]
    rotmats, betas, camera = unpack(theta)
    number = JOINT[joint]
    missing = torch.tensor([0.0, 0.05, 0.0]) if "elbow" in joint else torch.tensor([0.05, 0.0, 0.0])
    bent = rotmats.clone()
    bent[0, number] = matrix_from_axis_angle(missing) @ rotmats[0, number]
    target = torch.cat([sixd_from_matrix(bent).flatten(1), betas, camera], dim=1)
    error = regressor.error(theta, seen_as(regressor, target))
    turns = error[0, NUM_BLAZEPOSE * 6 : -3].reshape(24, 2, 3)
    found = torch.sinh(turns[number, 1]) / 6
    torch.testing.assert_close(found, missing, atol=0.02, rtol=0)


def test_the_camera_fed_back_is_the_one_that_is_missing(regressor):
    theta = regressor.mean_theta[None]
    target = theta.clone()
    target[0, -3:] += torch.tensor([0.05, 0.02, -0.03])
    error = regressor.error(theta, seen_as(regressor, target))
    change = torch.sinh(error[0, -3:]) / 4
    torch.testing.assert_close(change, torch.tensor([0.05, 0.02, -0.03]), atol=1e-3, rtol=0)


def test_a_joint_turns_what_lies_beyond_it():
    names = [landmark.name for landmark in BODY_LANDMARKS[:NUM_BLAZEPOSE]]
    moved = BodyLandmarks(rest_body()).moved_by

    def beyond(joint):
        return {name for name, m in zip(names, moved[JOINT[joint]], strict=True) if m}

    assert beyond("right_knee") == {"right_ankle", "right_heel", "right_toe"}
    assert beyond("left_hand") == set()
    assert beyond("pelvis") == set(names)


def test_feedback_without_landmarks_is_refused(regressor):
    with pytest.raises(ValueError, match="landmarks"):
        regressor(torch.randn(1, NUM_FEATURES))


def test_there_are_25_discriminators_and_none_sees_the_root():
    discriminators = Discriminators()
    rotmats = torch.eye(3).repeat(2, 24, 1, 1)
    turned = rotmats.clone()
    turned[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    scores = discriminators(rotmats, torch.zeros(2, 10))
    assert scores.shape == (2, NUM_DISCRIMINATORS) == (2, 25)
    torch.testing.assert_close(scores, discriminators(turned, torch.zeros(2, 10)))


def test_each_joint_discriminator_sees_its_own_joint_only():
    discriminators = Discriminators()
    rotmats = torch.eye(3).repeat(1, 24, 1, 1)
    bent = rotmats.clone()
    bent[:, 5] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    betas = torch.zeros(1, 10)
    changed = (discriminators(rotmats, betas) - discriminators(bent, betas)).abs()[0] > 1e-7
    assert changed.nonzero().flatten().tolist() == [4, 23]


def test_adversarial_losses_are_least_squares():
    ones, zeros = torch.ones(3, 25), torch.zeros(3, 25)
    assert encoder_loss(ones).item() == 0
    assert encoder_loss(zeros).item() == 25
    assert discriminator_loss(ones, zeros).item() == 0
    assert discriminator_loss(zeros, ones).item() == 50
