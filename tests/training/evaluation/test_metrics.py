"""Figures mean what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live_training.evaluation.metrics import (
    acceleration_errors,
    accelerations,
    hip_centred,
    intersection_over_union,
    jitter,
    mpjpe,
    pa_mpjpe,
    pck_hits,
    swapped,
    torso_length,
)
from hmr_live_training.evaluation.statistics import percent
from hmr_live_training.landmarks import LSP_MIRROR


def standing(count=3):
    rng = np.random.default_rng(0)
    labels = np.ones((count, 14, 3))
    labels[..., :2] = rng.uniform(-0.8, 0.8, (count, 14, 2))
    labels[:, 2, :2] = (-0.1, 0.2)
    labels[:, 9, :2] = (0.1, -0.3)
    return labels


def test_pck_counts_labelled_joints_within_a_fifth_of_the_torso():
    labels = standing(1)
    torso = np.hypot(0.2, 0.5)
    points = labels[:, :12, :2].copy()
    points[0, 0, 0] += 0.19 * torso
    points[0, 1, 0] += 0.21 * torso
    labels[0, 5, 2] = 0
    hits, counted = pck_hits(points, labels)
    assert counted.sum() == 11
    assert hits.sum() == 10
    assert hits[0, 0]
    assert not hits[0, 1]


def test_photos_without_a_torso_do_not_count():
    labels = standing(2)
    labels[0, 9, 2] = 0
    _, counted = pck_hits(labels[:, :12, :2], labels)
    assert counted[0].sum() == 0
    assert counted[1].sum() == 12


def test_swapped_sides_are_noticed():
    labels = standing(4)
    points = labels[:, :12, :2].copy()
    points[0] = points[0, list(LSP_MIRROR[:12])]
    exchanged, judged = swapped(points, labels)
    assert exchanged[judged].mean() == 0.25


def test_alignment_removes_scale_turn_and_place_but_no_mirror():
    rng = np.random.default_rng(1)
    true = rng.normal(size=(1, 12, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = 0.5 * true @ turn + 3
    assert pa_mpjpe(moved, true)[0] < 1e-6
    mirrored = moved * (-1, 1, 1)
    assert pa_mpjpe(mirrored, true)[0] > 100


def test_interval_holds_the_share():
    hits = np.zeros((200, 12), bool)
    hits[:, :9] = True
    figure = percent(hits, np.ones((200, 12), bool))
    assert figure.low == figure.high == pytest.approx(75)


def test_swapped_photos_are_named_one_by_one():
    labels = standing(3)
    labels[2, 9, 2] = 0
    points = labels[:, :12, :2].copy()
    points[1:] = points[1:, list(LSP_MIRROR[:12])]
    exchanged, judged = swapped(points, labels)
    assert exchanged.tolist() == [False, True, False]
    assert judged.tolist() == [True, True, False]


def test_a_known_torso_stands_in_for_hidden_ones():
    labels = standing(1)
    points = labels[:, :12, :2].copy()
    points[0, 0, 0] += 0.15
    labels[0, [2, 9], 2] = 0
    hits, counted = pck_hits(points, labels, torso=np.array([1.0]))
    assert counted.sum() == hits.sum() == 10
    assert pck_hits(points, labels, torso=np.array([0.5]))[0].sum() == 9
    assert torso_length(labels) == pytest.approx(np.hypot(0.2, 0.5))


def test_a_person_who_was_not_found_has_no_hits():
    labels = standing(2)
    points = labels[:, :12, :2].copy()
    points[1] = np.nan
    hits, counted = pck_hits(points, labels)
    assert counted.all()
    assert hits.sum(axis=1).tolist() == [12, 0]


def test_points_are_relative_to_the_midpoint_of_the_hips():
    limbs = np.random.default_rng(2).normal(size=(2, 12, 3))
    limbs[:, 2], limbs[:, 3] = (1, 0, 0), (3, 2, 0)
    centred = hip_centred(limbs)
    np.testing.assert_allclose(centred[:, 2] + centred[:, 3], 0)
    np.testing.assert_allclose(hip_centred(limbs, np.full((2, 1, 3), 5.0)), [[[3, 4, 5]]] * 2)


def test_mpjpe_is_a_mean_over_points_in_millimetres():
    true = np.zeros((2, 4, 3))
    predicted = true.copy()
    predicted[0, 1] = (0.003, 0, 0.004)
    predicted[1, :, 1] = -0.1
    np.testing.assert_allclose(mpjpe(predicted, true), [5 / 4, 100])


def test_acceleration_of_a_parabola_is_constant_and_steady_movement_has_none():
    time = np.arange(6.0)
    falling = np.zeros((6, 2, 3))
    falling[:, 0, 1] = 0.5 * 0.01 * time**2  # 10 mm a frame a frame
    falling[:, 1, 0] = 0.3 * time
    np.testing.assert_allclose(accelerations(falling)[:, 0, 1], 10)
    np.testing.assert_allclose(jitter(falling), 5)
    np.testing.assert_allclose(acceleration_errors(falling, falling * (1, 0, 1)), 5)
    np.testing.assert_allclose(acceleration_errors(falling, falling + 1), 0, atol=1e-9)


def test_intersection_over_union_of_masks():
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    first[:2], second[1:3] = True, True
    assert intersection_over_union(first, second) == pytest.approx(4 / 12)
    assert intersection_over_union(first, first) == 1
    assert intersection_over_union(first & False, second & False) == 0
