"""Losses are zero at the truth, count what has a label and nothing else."""

from __future__ import annotations

import pytest
import torch

from hmr_live_training.landmarks import HIPS
from hmr_live_training.models.losses import (
    backbone_agreement,
    confidence_targets,
    joint_limit_loss,
    reprojection_loss,
    rotation_loss,
    weighted_cross_entropy,
    weighted_l1,
    weighted_mean,
    world_loss,
)
from hmr_live_training.models.rotations import matrix_from_axis_angle


def test_reprojection_is_the_mean_distance_a_coordinate():
    labels = torch.zeros(2, 3, 3)
    labels[..., 2] = 1
    points = torch.full((2, 3, 2), 0.5)
    assert reprojection_loss(points, labels).item() == 0.5
    assert reprojection_loss(labels[..., :2], labels).item() == 0


def test_points_without_a_label_do_not_count():
    labels = torch.zeros(1, 2, 3)
    labels[0, 0, 2] = 1
    points = torch.tensor([[[0.25, 0.25], [9.0, 9.0]]], requires_grad=True)
    loss = reprojection_loss(points, labels)
    loss.backward()
    assert loss.item() == 0.25
    assert points.grad[0, 1].abs().sum() == 0


def test_a_batch_without_labels_gives_zero():
    assert reprojection_loss(torch.ones(2, 3, 2), torch.zeros(2, 3, 3)).item() == 0


def test_far_points_pull_less_where_the_loss_saturates():
    labels = torch.zeros(1, 3, 3)
    labels[..., 2] = 1
    points = torch.zeros(1, 3, 2)
    points[0, 1], points[0, 2] = 0.2, 9.0
    points.requires_grad_()
    reprojection_loss(points, labels, 0.2).backward()
    plain = torch.autograd.grad(reprojection_loss(points, labels), points)[0]
    share = points.grad[0, 1:].sum(dim=1) / plain[0, 1:].sum(dim=1)
    assert share[0] == pytest.approx(1 / 4)
    assert share[1] == pytest.approx(1 / 46**2, rel=1e-4)


def test_a_body_at_one_of_two_places_costs_less_than_one_between_them():
    labels = torch.tensor([[[-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]]])

    def cost(x, saturation):
        return reprojection_loss(torch.tensor([[[x, 0.0], [x, 0.0]]]), labels, saturation).item()

    assert cost(1.0, 0.2) < 0.6 * cost(0.0, 0.2)
    assert cost(1.0, None) == cost(0.0, None)


def test_the_trunk_is_followed_where_it_meets_the_labels():
    labels = torch.zeros(3, 12, 3)
    labels[:2, :, 2] = 1
    points = torch.zeros(3, 12, 2)
    points[1] += 0.5
    agreement = backbone_agreement(points, labels)[:, 0]
    assert agreement[0] == 1
    assert agreement[1] < 1e-6
    assert agreement[2] == 0
    least = backbone_agreement(points, labels, 0.5)[:, 0]
    assert least.tolist() == [1.0, 0.5, 0.0]


def test_world_loss_does_not_care_where_the_body_stands():
    g = torch.Generator().manual_seed(0)
    points = torch.randn(2, 27, 3, generator=g)
    centred = points - points[:, list(HIPS)].mean(dim=1, keepdim=True)
    labels = torch.cat([centred, torch.ones(2, 27, 1)], dim=-1)
    assert world_loss(points + 5, labels) < 1e-6
    assert world_loss(points * 1.1, labels) > 0.01


def test_rotation_loss_counts_the_root_more():
    true = torch.eye(3).repeat(1, 24, 1, 1)
    flipped = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    root, wrist = true.clone(), true.clone()
    root[:, 0] = flipped
    wrist[:, 20] = flipped
    assert rotation_loss(true, true) == 0
    torch.testing.assert_close(rotation_loss(root, true), 4 * rotation_loss(wrist, true))
    assert rotation_loss(torch.cat([true, root]), torch.cat([true, true])).tolist()[0] == 0


def test_joints_within_their_limits_cost_nothing_and_beyond_their_excess():
    low, high = torch.full((21, 3), -0.5), torch.full((21, 3), 0.5)
    pose = torch.zeros(2, 24, 3)
    pose[0, 4, 0] = 0.4
    pose[1, 4, 0] = 0.8
    pose[1, 0, 0] = 3.0  # the root has no limits
    inside, beyond = (matrix_from_axis_angle(p[None]) for p in pose)
    assert joint_limit_loss(inside, low, high).item() == 0
    torch.testing.assert_close(
        joint_limit_loss(beyond, low, high), torch.tensor(0.3), atol=1e-4, rtol=0
    )


def test_the_limit_loss_has_gradients_at_rest():
    rest = torch.eye(3).repeat(1, 24, 1, 1).requires_grad_()
    bounds = torch.full((21, 3), 0.1)
    joint_limit_loss(rest, bounds, bounds).backward()
    assert torch.isfinite(rest.grad).all()


def test_cross_entropy_counts_what_has_weight():
    logits = torch.tensor([[3.0, -3.0]])
    target = torch.tensor([[1.0, 1.0]])
    right = weighted_cross_entropy(logits, target, torch.tensor([[1.0, 0.0]]))
    wrong = weighted_cross_entropy(logits, target, torch.tensor([[0.0, 1.0]]))
    assert right < 0.1 < wrong
    assert weighted_mean(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 1.0])) == 2


def confidence_case():
    """A body whose landmarks are all right but one."""
    g = torch.Generator().manual_seed(0)
    points = torch.rand(1, 27, 2, generator=g) - 0.5
    labels = torch.cat([points, torch.ones(1, 27, 1)], dim=-1)
    labels[0, 5, 0] += 2.0
    return points, labels, torch.ones(1, 27, 3), torch.ones(1)


def test_confidence_shall_be_high_where_the_body_is_right_and_low_elsewhere():
    points, labels, visible, person = confidence_case()
    visible[0, 7, 1] = 0  # outside the picture
    near, weight = confidence_targets(points, labels, visible, person)
    assert [k for k, value in enumerate(near[0].tolist()) if value == 0] == [5, 7]
    assert (weight == 1).all()
    near, weight = confidence_targets(points, labels, visible, torch.zeros(1))
    assert (near == 0).all()
    assert (weight == 1).all()
    labels[0, 3, 2] = 0  # nobody knows where it is
    _, weight = confidence_targets(points, labels, visible, person)
    assert weight[0, 3] == 0


def test_weighted_l1_weighs():
    difference = torch.tensor([[[1.0], [3.0]]])
    assert weighted_l1(difference, torch.tensor([[3.0, 1.0]])).item() == 1.5
