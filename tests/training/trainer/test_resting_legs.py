"""Legs that no picture shows rest."""

from __future__ import annotations

import torch

from hmr_live.body.skeleton import JOINT
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.trainer.objective import straight_legs, with_resting_legs
from tests.training.cases import rest_body, tiny_samples

LEFT = [JOINT[f"left_{name}"] for name in ("hip", "knee", "ankle", "foot")]


def test_stretched_legs_hang_straight_down():
    body = BodyLandmarks(rest_body())
    straight = straight_legs(body)
    joints, _ = body.tree(straight[None], torch.zeros(1, 10))
    for side in ("left", "right"):
        hip, knee, ankle = (joints[0, JOINT[f"{side}_{n}"]] for n in ("hip", "knee", "ankle"))
        for bone in (knee - hip, ankle - knee):
            torch.testing.assert_close(
                bone / bone.norm(), torch.tensor([0.0, -1.0, 0.0]), atol=1e-5, rtol=0
            )


def test_only_hidden_legs_of_drawn_people_are_relabelled():
    batch = tiny_samples(4)
    names = ("left_knee", "left_ankle", "left_heel", "left_toe")
    landmarks = [k for k, each in enumerate(BODY_LANDMARKS[:27]) if each.name in names]
    # A drawn person cut off, a photo cut off, one whose foot is seen, one who is seen whole.
    for person in (0, 1):
        batch.visible[person, landmarks, 1] = 0
    batch.visible[2, landmarks[:2], 1] = 0
    batch.body[1] = 0
    straight = straight_legs(BodyLandmarks(rest_body()))
    rested = with_resting_legs(batch, straight)
    torch.testing.assert_close(rested.rotmats[0, LEFT], straight[LEFT])
    torch.testing.assert_close(rested.rotmats[1:], batch.rotmats[1:])
    right = [j for j in range(24) if j not in LEFT]
    torch.testing.assert_close(rested.rotmats[0, right], batch.rotmats[0, right])
    assert rested.world[0, landmarks, 3].max() == 0
    assert rested.world[1:, :, 3].min() == 1
