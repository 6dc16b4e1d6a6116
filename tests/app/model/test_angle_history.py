"""Whose angles the plot remembers."""

import dataclasses
from functools import partial

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.core.state import Frame, FrameResult
from hmr_live_app.model.angle_history import AngleHistory
from tests.app.support import body_state

PICTURE = np.zeros((48, 64, 3), np.uint8)
BODY = body_state(BodyModel.default(), (64, 48))


def same_angles(degrees, _):
    return np.full_like(BODY.angles, degrees)


def result(time, angles, leader_id=None):
    """People with these angles (identity -> degrees) at ``time``."""
    bodies = tuple(
        dataclasses.replace(BODY, track_id=track_id, angles_of=partial(same_angles, degrees))
        for track_id, degrees in angles.items()
    )
    return FrameResult(Frame(PICTURE, time, 0), bodies, leader_id=leader_id)


def test_the_leader_is_remembered_wherever_they_stand_in_the_frame():
    history = AngleHistory()
    history.add(result(0.0, {3: 10, 5: 20}, leader_id=5))
    history.add(result(0.1, {5: 21, 3: 10}, leader_id=5))
    assert history.window()[1][:, 0].tolist() == [20, 21]


def test_a_leader_out_of_sight_leaves_a_gap_whoever_else_is_there():
    history = AngleHistory()
    history.add(result(0.0, {3: 10, 5: 20}, leader_id=5))
    history.add(result(0.1, {3: 10}, leader_id=5))
    assert np.isnan(history.latest()[0])


def test_another_leader_has_other_curves():
    history = AngleHistory()
    history.add(result(0.0, {3: 10, 5: 20}, leader_id=5))
    history.add(result(0.1, {3: 10, 5: 20}, leader_id=3))
    assert history.window()[1][:, 0].tolist() == [10]


def test_without_a_named_leader_the_first_body_counts():
    history = AngleHistory()
    history.add(result(0.0, {0: 10, 1: 20}))
    assert history.latest()[0] == 10
