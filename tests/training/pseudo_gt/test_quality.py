from __future__ import annotations

import pytest
import torch

from hmr_live.body.skeleton import JOINT
from hmr_live_training.landmarks import LSP_MIRROR, LSP_NAMES
from hmr_live_training.pseudo_gt.quality import judge, labels_swapped
from tests.training.pseudo_gt.people import people, quick_config, seen_of, solver


@pytest.fixture(scope="module")
def energy():
    return solver(quick_config()).energy


@pytest.fixture(scope="module")
def truth():
    return people(6)


@pytest.fixture
def seen(energy, truth):
    return seen_of(energy.pose(truth))


def test_exact_fits_are_kept_with_full_confidence(energy, truth, seen):
    quality = judge(energy, truth, seen)
    assert (quality.weight > 0.95).all()
    assert quality.residual.max() < 1e-4
    assert quality.depth.max() < 1e-4
    assert (quality.support == 1).all()
    shown = quality.joint_weight[:, [JOINT["left_knee"], JOINT["right_elbow"], JOINT["head"]]]
    assert (shown > 0.9).all()
    assert not quality.joint_weight[:, [JOINT["left_hand"], JOINT["right_foot"]]].any()


def test_swapped_labels_are_rejected(energy, truth, seen):
    seen = seen._replace(labels=seen.labels[:, list(LSP_MIRROR)])
    assert labels_swapped(seen).all()
    assert not judge(energy, truth, seen).weight.any()


def test_legs_alone_with_the_sides_exchanged_are_rejected(energy, truth, seen):
    labels = seen.labels.clone()
    legs = [LSP_NAMES.index(name) for name in ("RAnkle", "RKnee", "LKnee", "LAnkle")]
    labels[:, legs] = seen.labels[:, legs[::-1]]
    apart = (labels - seen.labels)[:, legs, :2].norm(dim=-1).mean(dim=1) > 25
    assert apart.any()
    assert labels_swapped(seen._replace(labels=labels))[apart].all()
    assert not judge(energy, truth, seen._replace(labels=labels)).weight[apart].any()


def test_a_body_beside_its_labels_is_rejected(energy, truth, seen):
    beside = truth._replace(camera=truth.camera + torch.tensor([0.0, 25.0, 0.0]))
    quality = judge(energy, beside, seen)
    assert (quality.residual > 0.3).all()
    assert not quality.weight.any()


def test_what_is_right_in_the_picture_but_wrong_in_depth_is_rejected(energy, truth, seen):
    world = seen.world.clone()
    world[..., 2] *= -1
    world[..., 2] += 0.8 * world[..., 1]
    assert not judge(energy, truth, seen._replace(world=world)).weight.any()


def test_without_depth_a_fit_counts_less(energy, truth, seen):
    alone = seen_of(energy.pose(truth), believed=0.0)
    quality = judge(energy, truth, alone)
    assert (quality.weight > 0.3).all()
    assert (quality.weight < 0.5).all()
    assert not quality.support.any()


def test_too_few_labels_are_not_enough(energy, truth, seen):
    labels = seen.labels.clone()
    labels[:, :5, 2] = 0
    assert not judge(energy, truth, seen._replace(labels=labels)).weight.any()


def test_one_wrong_wrist_costs_the_elbow_its_weight_and_not_the_knee(energy, truth, seen):
    labels = seen.labels.clone()
    labels[:, LSP_NAMES.index("LWrist"), :2] += 20
    weight = judge(energy, truth, seen._replace(labels=labels)).joint_weight
    assert (weight[:, JOINT["left_elbow"]] < 0.3 * weight[:, JOINT["right_elbow"]]).all()
    assert (weight[:, JOINT["left_knee"]] > 0.5).all()


def test_impossible_joints_are_rejected(energy, truth, seen):
    pose = truth.pose.clone()
    # A knee bent by a right angle the wrong way.
    pose[:, JOINT["left_knee"]] = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, -1.0])
    broken = truth._replace(pose=pose)
    assert not judge(energy, broken, seen_of(energy.pose(broken))).weight.any()
