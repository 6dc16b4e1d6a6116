"""The refinement moves a body onto its landmarks, and is not led astray by a wrong one."""

from __future__ import annotations

import pytest
import torch

from hmr_live.body.skeleton import JOINT
from hmr_live_training.landmarks import BODY_LANDMARKS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.gauss_newton import POINTS, GaussNewton, joint_rotation_std, solve
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import unpack
from hmr_live_training.models.rotations import matrix_from_axis_angle, sixd_from_matrix
from tests.training.cases import rest_body, seen_as, tiny_config, tiny_network

BENT = {
    "left_hip": (0.3, 0.0, 0.3),
    "left_knee": (0.4, 0.0, 0.0),
    "right_shoulder": (0.0, 0.2, 0.4),
    "right_elbow": (0.0, 0.3, 0.3),
    "spine2": (0.0, 0.0, 0.2),
}


def landmark_place(name):
    return [landmark.name for landmark in BODY_LANDMARKS].index(name)


@pytest.fixture
def regressor():
    return tiny_network(tiny_config(gauss_newton=True)).regressor


def bent(regressor):
    """Another pose than the mean, seen by another camera."""
    rotmats, betas, camera = unpack(regressor.mean_theta[None])
    rotmats = rotmats.clone()
    for name, angles in BENT.items():
        turn = matrix_from_axis_angle(torch.tensor(angles))
        rotmats[0, JOINT[name]] = turn @ rotmats[0, JOINT[name]]
    camera = camera * 1.1 + torch.tensor([0.0, 0.05, -0.05])
    return torch.cat([sixd_from_matrix(rotmats).flatten(1), betas, camera], dim=1)


def refine(regressor, theta, seen, steps=1):
    for _ in range(steps):
        theta = regressor.refine(theta, seen)
    return theta


def points_of(regressor, theta, perspective=None):
    rotmats, betas, camera = unpack(theta)
    _, points = regressor.body(rotmats, betas)
    return project(points[:, :NUM_BLAZEPOSE], camera, perspective), points[:, :NUM_BLAZEPOSE]


def farthest(regressor, theta, seen, but=()):
    chosen = [point for point in POINTS if BODY_LANDMARKS[point].name not in but]
    found = points_of(regressor, theta, seen.perspective)[0]
    return (found - seen.points)[0, chosen].norm(dim=1).max()


def test_perspective_is_met_as_well_as_weak_perspective(regressor):
    """From a close camera that looks down, no joint need bend to make the shins short."""
    theta = bent(regressor)
    near = torch.full((1, 1), 0.5)
    seen = seen_as(regressor, theta, near)
    torch.testing.assert_close(refine(regressor, theta, seen), theta)
    first = farthest(regressor, regressor.mean_theta[None], seen)
    moved = refine(regressor, regressor.mean_theta[None], seen, steps=4)
    assert farthest(regressor, moved, seen) < 0.15 * first
    # Taken for weak perspective, the same landmarks ask for another body.
    flat = seen._replace(perspective=torch.zeros(1, 1))
    assert farthest(regressor, theta, flat) > 0.1


def test_the_series_solves_what_it_is_asked():
    g = torch.Generator().manual_seed(0)
    slopes = torch.randn(4, 39, 51, generator=g)
    system = slopes @ slopes.mT
    system = torch.eye(39) + system * (300 / torch.linalg.eigvalsh(system)[:, -1, None, None])
    right = torch.randn(4, 39, 1, generator=g)
    torch.testing.assert_close(
        solve(system, right), torch.linalg.solve(system, right), rtol=0, atol=1e-3
    )


def test_it_stays_where_the_body_meets_its_landmarks(regressor):
    theta = bent(regressor)
    torch.testing.assert_close(refine(regressor, theta, seen_as(regressor, theta)), theta)


def test_it_moves_limbs_and_torso_onto_the_observed_landmarks(regressor):
    theta = regressor.mean_theta[None]
    seen = seen_as(regressor, bent(regressor))
    before, after = (
        farthest(regressor, refine(regressor, theta, seen, steps), seen) for steps in (0, 4)
    )
    assert before > 0.25
    assert after < 0.1 * before


def test_it_moves_the_body_in_depth_too(regressor):
    theta = regressor.mean_theta[None]
    rotmats, betas, camera = unpack(theta)
    forward = rotmats.clone()
    turn = matrix_from_axis_angle(torch.tensor([0.0, 0.5, 0.0]))
    forward[0, JOINT["left_shoulder"]] = turn @ rotmats[0, JOINT["left_shoulder"]]
    seen = seen_as(regressor, torch.cat([sixd_from_matrix(forward).flatten(1), betas, camera], 1))
    wrist = landmark_place("left_wrist")
    deep = [
        (points_of(regressor, refine(regressor, theta, seen, steps))[1] - seen.world)[0, wrist, 2]
        for steps in (0, 3)
    ]
    assert deep[1].abs() < 0.4 * deep[0].abs()


def test_one_wrong_landmark_leaves_the_others_where_they_are(regressor):
    theta = bent(regressor)
    seen = seen_as(regressor, theta)
    wrong = seen.points.clone()
    wrong[0, landmark_place("right_wrist")] += torch.tensor([1.5, 1.5])
    led = refine(regressor, theta, seen._replace(points=wrong))
    arm = ("right_wrist", "right_elbow")
    assert farthest(regressor, led, seen, but=arm) < 0.04
    hidden = seen.visibility.clone()
    hidden[0, landmark_place("right_wrist")] = 0
    less = refine(regressor, theta, seen._replace(points=wrong, visibility=hidden))
    assert (less - theta).norm() < (led - theta).norm()


def test_the_camera_alone_is_found(regressor):
    theta = regressor.mean_theta[None]
    moved = theta.clone()
    moved[0, -3:] += torch.tensor([0.06, 0.04, -0.05])
    found = refine(regressor, theta, seen_as(regressor, moved), steps=3)
    torch.testing.assert_close(found[0, -3:], moved[0, -3:], rtol=0, atol=0.01)


def test_joints_turn_as_widely_as_in_motion_capture():
    g = torch.Generator().manual_seed(0)
    poses = torch.randn(2000, 24, 3, generator=g) * 0.4
    poses[:, JOINT["left_knee"], 1:] = 0
    spread = joint_rotation_std(poses)
    assert spread[JOINT["left_knee"], 0] == pytest.approx(0.4, abs=0.03)
    assert 0 < spread[JOINT["left_knee"], 1] < 0.1
    assert (spread[0] == spread[0, 0]).all()


def test_gradients_pass_through_the_step(regressor):
    theta = regressor.mean_theta[None].clone().requires_grad_(True)
    moved = refine(regressor, theta, seen_as(regressor, bent(regressor)))
    points_of(regressor, moved)[0].square().sum().backward()
    assert torch.isfinite(theta.grad).all()
    assert theta.grad.abs().sum() > 0


def test_joints_without_landmarks_do_not_turn():
    moved_by = BodyLandmarks(rest_body()).moved_by
    step = GaussNewton(torch.full((24, 3), 0.3), moved_by)
    still = [j for j in range(24) if not step.put[j].any()]
    assert {JOINT["left_ankle"], JOINT["right_hand"], JOINT["left_wrist"]} <= set(still)
