"""Photos bend no limb that is straight but for noise, and leave bent ones alone."""

from __future__ import annotations

import math

import pytest
import torch

from hmr_live.body.skeleton import JOINT
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.models.rotations import matrix_from_axis_angle
from hmr_live_training.recipes.run_config import LossWeights
from hmr_live_training.trainer.photo_losses import (
    bends_of_straight_limbs,
    of_photos,
    straightness,
    within_slack,
)
from tests.training.cases import step, tiny_config, tiny_samples, tiny_trainer

PLACE = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS[:27])}


def legs(bend, count=1):
    """A teacher's landmarks of somebody upright whose knees are bent by so many radians."""
    world = torch.zeros(count, 27, 4)
    for side in ("left", "right"):
        world[:, PLACE[f"{side}_shoulder"], 1] = -0.5
        world[:, PLACE[f"{side}_knee"], 1] = 0.4
        shin = torch.tensor([0.0, 0.4 * math.cos(bend), 0.4 * math.sin(bend)])
        world[:, PLACE[f"{side}_ankle"], :3] = world[:, PLACE[f"{side}_knee"], :3] + shin
    world[..., 3] = 1
    return world


def photos_of(bend, count=2):
    batch = tiny_samples(count)
    batch.body[:] = 0
    return batch._replace(world=legs(bend, count))


def bodies(knees, count=2):
    turns = torch.zeros(count, 24, 3)
    turns[:, [JOINT["left_knee"], JOINT["right_knee"]], 0] = knees
    return matrix_from_axis_angle(turns)


def test_a_point_within_the_slack_is_on_its_label():
    points = torch.tensor([[[0.0, 0.0], [0.5, 0.0]]])
    labels = torch.tensor([[[0.01, 0.0], [0.4, 0.0]]])
    moved = within_slack(points, labels, torch.tensor([[0.02]]))
    torch.testing.assert_close(moved, torch.tensor([[[0.01, 0.0], [0.48, 0.0]]]))
    torch.testing.assert_close(within_slack(points, labels, torch.zeros(1, 1)), points)


def test_only_people_without_exact_labels_are_photos():
    batch = tiny_samples(3)
    batch.body[1:] = 0
    batch.person[2] = 0
    assert of_photos(batch)[:, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(("bend", "low", "high"), [(0.0, 0.99, 1), (0.4, 0.5, 0.9), (1.6, 0, 0.05)])
def test_a_teachers_deep_bend_is_believed(bend, low, high):
    knees = straightness(legs(bend))[0, [0, 4]]
    assert low <= knees.min()
    assert knees.max() <= high


def test_what_the_teacher_does_not_know_is_not_straight():
    world = legs(0.0)
    world[:, PLACE["left_ankle"], 3] = 0
    knees = straightness(world)[0, [0, 4]]
    assert knees.tolist() == pytest.approx([0, 1])


def test_bent_knees_cost_where_the_teacher_sees_straight_ones():
    straight = bodies(0.0)[0]
    still = bends_of_straight_limbs(bodies(0.0), straight, photos_of(0.0))
    noisy = bends_of_straight_limbs(bodies(0.5), straight, photos_of(0.2))
    squatting = bends_of_straight_limbs(bodies(1.6), straight, photos_of(1.6))
    assert still < 0.02
    assert noisy > 0.1
    assert squatting < noisy / 4
    known = photos_of(0.0)
    known.body[:] = 1
    assert bends_of_straight_limbs(bodies(0.5), straight, known) == 0


def test_training_straightens_what_the_teacher_sees_straight():
    weights = LossWeights(photo_rest=30.0, photo_slack=0.02, rotations=0.0, world=0.0)
    trainer = tiny_trainer(tiny_config(dropout=0.0, loss=weights))
    samples = trainer.batches.sources[0][0].samples
    samples.body[:] = 0
    samples.world[:] = legs(0.1, len(samples.world))
    rows = [step(trainer)["photo_rest"] for _ in range(30)]
    assert sum(rows[-5:]) < 0.8 * sum(rows[:5])
