from __future__ import annotations

import numpy as np
import pytest
import torch

from hmr_live_training.data.mocap import joint_limits
from hmr_live_training.landmarks import BODY_LANDMARKS, LSP_NAMES, NUM_BLAZEPOSE
from hmr_live_training.pseudo_gt.bank import view_rotations
from hmr_live_training.pseudo_gt.bodies import fit_camera, to_photo
from hmr_live_training.pseudo_gt.energy import robust, teacher_scale
from hmr_live_training.pseudo_gt.prior import fit_mixture, learn_prior
from tests.training.pseudo_gt.people import (
    SCALE,
    config,
    people,
    quick_config,
    seen_of,
    short_config,
    solver,
)

#: Joints at both ends of the lines across the body, and in the middle of limbs that bend.
ACROSS = np.array([[1, 2], [16, 17]])
BENDS = np.array([[1, 4, 7], [2, 5, 8], [16, 18, 20], [17, 19, 21]])


def joint_errors(found, true):
    """Metres between joints, pelvis at the same place, (N, 24)."""
    apart = found.joints - found.joints[:, :1] - (true.joints - true.joints[:, :1])
    return apart.norm(dim=-1).detach().numpy()


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def degrees(first, second):
    return np.rad2deg(np.arccos(np.clip((unit(first) * unit(second)).sum(axis=-1), -1, 1)))


def across(posed):
    joints = posed.joints.detach().numpy()
    return joints[:, ACROSS[:, 0]] - joints[:, ACROSS[:, 1]]


def bends(posed):
    """Interior angles of knees and elbows, degrees, (N, 4)."""
    upper, middle, lower = (posed.joints.detach().numpy()[:, BENDS[:, k]] for k in range(3))
    return degrees(upper - middle, lower - middle)


@pytest.fixture(scope="module")
def fitter():
    return solver(short_config())


@pytest.fixture(scope="module")
def quick():
    return solver(quick_config())


@pytest.fixture(scope="module")
def truth():
    return people(8)


def test_known_bodies_are_recovered_from_exact_points(truth):
    fitter = solver(config())
    posed = fitter.energy.pose(truth)
    found = fitter.fit(seen_of(posed))
    again = fitter.energy.pose(found)
    errors = joint_errors(again, posed)
    assert errors.mean() < 0.02
    assert np.percentile(errors, 95) < 0.05
    assert np.median(degrees(across(again), across(posed))) < 6
    assert np.median(np.abs(bends(again) - bends(posed))) < 8
    assert abs(found.camera[:, 0] / SCALE - 1).max() < 0.1


def test_labels_alone_are_met_in_the_picture(fitter, truth):
    posed = fitter.energy.pose(truth)
    seen = seen_of(posed, believed=0.0)
    found = fitter.energy.pose(fitter.fit(seen)).projected[:, NUM_BLAZEPOSE:]
    pixels = (found - seen.labels[..., :2]).norm(dim=-1)
    assert pixels.mean() < 0.02 * SCALE


def test_a_gross_error_of_a_label_moves_nothing_else(fitter, truth):
    posed = fitter.energy.pose(truth)
    seen = seen_of(posed)
    wrist = LSP_NAMES.index("RWrist")
    seen.labels[:, wrist, :2] += torch.tensor([90.0, -70.0])
    errors = joint_errors(fitter.energy.pose(fitter.fit(seen)), posed)
    assert errors.mean() < 0.03


def test_no_joint_leaves_its_limits_far_for_an_impossible_label(fitter, truth):
    posed = fitter.energy.pose(truth)
    seen = seen_of(posed, believed=0.0)
    ankle, knee = LSP_NAMES.index("RAnkle"), LSP_NAMES.index("RKnee")
    seen.labels[:, ankle] = 2 * seen.labels[:, knee] - seen.labels[:, ankle]
    found = fitter.energy.pose(fitter.fit(seen))
    assert fitter.energy.beyond_limits(found.axis_angle).max() < 0.5


def test_where_annotators_click_is_learned_but_not_for_exact_joints(truth):
    fitter = solver(short_config())
    posed = fitter.energy.pose(truth)
    seen = seen_of(posed)
    place = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS)}
    # Hips clicked 5 cm too high; in these photos up is -y.
    for name in ("RHip", "LHip"):
        seen.labels[:, LSP_NAMES.index(name), 1] -= 0.05 * SCALE
    fitter.calibrate(seen)
    learned = fitter.energy.body.corrections().detach()
    hips = learned[[place["lsp_LHip"], place["lsp_RHip"]]]
    assert (hips[:, 1] > 0.02).all()
    np.testing.assert_allclose(hips[0] * torch.tensor([-1, 1, 1]), hips[1], atol=1e-6)
    assert not learned[[place["lsp_LKnee"], place["left_wrist"]]].any()
    assert not fitter.energy.body.correction.requires_grad


def test_the_same_input_gives_the_same_fit(quick, truth):
    seen = seen_of(quick.energy.pose(truth.at(slice(0, 2))))
    first, second = quick.fit(seen), quick.fit(seen)
    assert torch.equal(first.pose, second.pose)


def test_a_fit_does_not_depend_on_its_neighbours_in_the_batch(quick, truth):
    seen = seen_of(quick.energy.pose(truth.at(slice(0, 4))))
    together, alone = quick.fit(seen), quick.fit(seen.at(slice(0, 1)))
    apart = joint_errors(quick.energy.pose(together.at(slice(0, 1))), quick.energy.pose(alone))
    assert apart.max() < 0.005


def test_the_camera_in_closed_form_undoes_the_projection():
    points = torch.randn(3, 14, 3, generator=torch.Generator().manual_seed(0))
    pelvis = torch.tensor([[0.0, -0.2, 0.0]]).repeat(3, 1)
    camera = torch.tensor([[70.0, 100.0, 120.0]]).repeat(3, 1)
    labels = torch.cat([to_photo(points, pelvis, camera), torch.ones(3, 14, 1)], dim=2)
    labels[:, 3] = torch.tensor([999.0, 999.0, 0.0])
    np.testing.assert_allclose(fit_camera(points, pelvis, labels), camera, rtol=1e-4)


def test_the_camera_never_turns_a_body_inside_out():
    points = torch.randn(1, 14, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.cat([-50 * points[..., :2], torch.ones(1, 14, 1)], dim=2)
    assert fit_camera(points, torch.zeros(1, 3), labels)[0, 0] > 5


def test_the_robust_function_is_half_the_square_at_first_and_then_flat():
    squared = torch.tensor([1e-4, 9.0, 1e8])
    np.testing.assert_allclose(robust(squared, 3.0), [0.5e-4, 2.25, 4.5], rtol=1e-4)


def test_the_teachers_size_is_found_and_bounded():
    points = torch.randn(2, 27, 3, generator=torch.Generator().manual_seed(0))
    world = torch.cat([points / 1.2, torch.ones(2, 27, 1)], dim=2)
    np.testing.assert_allclose(teacher_scale(points, world).flatten(), 1.2, rtol=1e-5)
    world[..., :3] *= 0.1
    assert teacher_scale(points, world).max() <= 1.4
    world[..., 3] = 0
    assert (teacher_scale(points, world) == 1).all()


def test_the_mixture_finds_two_clusters():
    rng = np.random.default_rng(0)
    middle = np.array([1.0, 0.0, 0.0])
    near = rng.normal(0, 0.1, (600, 3)) + middle
    points = np.concatenate([near, rng.normal(0, 0.3, (300, 3)) - middle])
    mixture = fit_mixture(points, 2)
    order = np.argsort(mixture.means[:, 0])
    np.testing.assert_allclose(mixture.means[order, 0], [-1, 1], atol=0.05)
    np.testing.assert_allclose(np.exp(mixture.log_weights[order]), [1 / 3, 2 / 3], atol=0.02)


def test_poses_of_the_bank_are_likelier_than_others(fitter):
    drawn = torch.from_numpy(np.random.default_rng(9).normal(0, 0.9, (50, 23, 3))).float()
    real = fitter.energy.pose(people(50, seed=7)).axis_angle[:, 1:]
    assert fitter.energy.prior(real).median() < fitter.energy.prior(drawn).median() - 20


def test_the_prior_has_a_gradient_towards_the_bank():
    poses = np.random.default_rng(0).normal(0.3, 0.1, (400, 24, 3)).astype(np.float32)
    prior = learn_prior(poses, 2)
    pose = torch.zeros(1, 23, 3, requires_grad=True)
    prior(pose).sum().backward()
    assert (pose.grad < 0).float().mean() > 0.8
    assert joint_limits(poses).low.shape == (21, 3)


def test_views_are_rotations_that_leave_people_upright():
    turns = view_rotations(40)
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (40, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-5)
    up = turns @ np.array([0, 1, 0])
    assert (up[:, 1] < 0).all()
    np.testing.assert_allclose(up[:, 0], 0, atol=1e-6)
