"""Errors of joint angles, against rotations whose error is known."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.angles import ANGLE_INDEX, ANGLES, joint_angles
from hmr_live.angles.frames import shipped_frames
from hmr_live.angles.splits import ROWS
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.evaluation.joint_angles import (
    ANGLE_COLUMNS,
    angle_errors,
    angle_figures,
    straight_legs,
)


def turn(axis, degrees):
    return matrix_from_axis_angle(np.radians(degrees) * np.eye(3)["xyz".index(axis)])


def posed(**joints):
    """Everything neutral, and named joints turned in their anatomical frames; right as left."""
    frames = shipped_frames()
    rotmats = np.tile(np.eye(3), (1, 24, 1, 1))
    for row, name in enumerate(ROWS):
        if name in joints or ("wrist" not in name and name != "pelvis"):
            local = joints.get(name, np.eye(3))
            rotmats[0, JOINT[name]] = frames.before[row].T @ local @ frames.after[row].T
    return rotmats


def errors_by_name(found, true):
    (errors,) = angle_errors(found, true)
    return {angle.name: errors[ANGLE_INDEX[angle.name]] for angle in ANGLES}


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_knee_bent_by_10_degrees_too_much_has_an_error_of_10(side):
    found, true = (posed(**{f"{side}_knee": turn("x", k)}) for k in (50, 40))
    errors = errors_by_name(found, true)
    assert errors.pop(f"{side} knee flexion") == pytest.approx(10.0, abs=1e-3)
    assert max(map(abs, errors.values())) < 1e-3
    assert errors_by_name(true, found)[f"{side} knee flexion"] == pytest.approx(-10.0, abs=1e-3)


def test_errors_go_the_short_way_round():
    found, true = (posed(), posed())
    level = np.diag([1.0, -1, -1])
    found[0, 0], true[0, 0] = level @ turn("y", 170), level @ turn("y", -170)
    assert errors_by_name(found, true)["pelvis rotation"] == pytest.approx(-20, abs=1e-3)


@pytest.mark.parametrize("singular", ["found", "true"])
def test_a_plane_that_is_undefined_has_no_error(singular):
    """An arm that hangs, 2 degrees forward, has no plane; raised to 30 it has one, of 90."""
    hanging, raised = (posed(left_shoulder=turn("x", -k)) for k in (2, 30))
    pair = (hanging, raised) if singular == "found" else (raised, hanging)
    plane = ANGLE_INDEX["left shoulder plane"]
    assert joint_angles(hanging)[0, plane] == 0
    assert joint_angles(raised)[0, plane] == pytest.approx(90, abs=1e-3)
    errors = errors_by_name(*pair)
    assert errors["left shoulder plane"] == 0
    assert abs(errors["left shoulder elevation"]) == pytest.approx(28, abs=1e-3)
    assert abs(errors["left shoulder flexion"]) == pytest.approx(28, abs=1e-3)


def test_what_two_angles_make_together_has_an_error_where_they_cannot_be_told_apart():
    """A trunk bent sideways by 90 degrees: flexion holds what flexion and rotation make."""
    found, true = (posed(spine1=turn("x", k) @ turn("z", -90)) for k in (25, 10))
    errors = errors_by_name(found, true)
    assert errors["trunk flexion"] == pytest.approx(15, abs=1e-2)
    assert errors["trunk rotation"] == 0


def test_who_was_not_found_has_no_error():
    true = np.concatenate([posed(), posed()])
    found = true.copy()
    found[0] = np.nan
    errors = angle_errors(found, true)
    assert np.isnan(errors[0]).all()
    assert errors[1] == pytest.approx(0)
    assert np.isnan(angle_errors(found[:1], true[:1])).all()


def test_figures_are_of_absolute_and_of_signed_errors():
    figures = angle_figures(np.array([[10.0, np.nan], [-4.0, 6.0], [np.nan, np.nan]]))
    values = {name: figure.value for name, figure in figures.items()}
    assert values == {
        "mean absolute error": pytest.approx(20 / 3),
        "median": 6,
        "bias": pytest.approx(4),
    }
    assert {figure.count for figure in figures.values()} == {2}


def test_the_tables_hold_every_angle_once():
    columns = [column for angle in ANGLE_COLUMNS for column in angle.columns]
    assert sorted(columns) == list(range(len(ANGLES)))
    assert [angle.name for angle in ANGLE_COLUMNS[:4]] == [
        "knee flexion",
        "knee varus",
        "knee rotation",
        "hip flexion",
    ]


def test_legs_are_straight_when_both_knees_are():
    poses = [
        posed(),
        posed(left_knee=turn("x", 19)),
        posed(left_knee=turn("x", 19), right_knee=turn("x", 21)),
    ]
    assert straight_legs(np.concatenate(poses)).tolist() == [True, True, False]
