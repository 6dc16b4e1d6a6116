"""Figures and their intervals, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live_training.evaluation.statistics import (
    Figure,
    correlation,
    mean,
    median,
    percent,
    ratio,
    reliability,
    square_root,
    variance_ratio,
)


def test_a_ratio_is_of_sums_and_leaves_out_units_without_denominator():
    figure = ratio(np.array([1.0, 5.0, 9.0]), np.array([2.0, 8.0, 0.0]))
    assert figure.value == pytest.approx(0.6)
    assert figure.count == 2
    assert (figure.low, figure.high) == pytest.approx((0.5, 0.625))  # one of both, drawn twice
    assert ratio(np.zeros(3), np.zeros(3)) is None


def test_a_share_counts_joints_and_draws_people():
    hits = np.array([[True, True, False], [False, True, True]])
    counted = np.array([[True, True, True], [True, False, False]])
    figure = percent(hits, counted)
    assert figure.value == pytest.approx(50)
    assert figure.count == 2
    assert figure.unit == "%"
    assert percent(np.array([True, False, False, False])).value == 25


def test_intervals_are_those_of_the_normal_distribution_for_many_people():
    values = np.random.default_rng(1).normal(80, 20, 1000)
    figure = mean(values, "mm")
    error = values.std() / np.sqrt(len(values))
    assert figure.value == pytest.approx(values.mean())
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert figure.low < figure.value < figure.high
    assert mean(values, "mm") == figure  # the same draws every time


def test_a_square_root_keeps_count_and_order():
    assert square_root(Figure(4, 1, 9, 7, "mm")) == Figure(2, 1, 3, 7, "mm")
    assert square_root(None) is None


def test_a_median_is_of_all_values_and_draws_people():
    figure = median(np.array([[1.0, 9.0], [4.0, np.nan], [np.nan, np.nan]]), "deg")
    assert (figure.value, figure.count, figure.unit) == (4, 2, "deg")
    assert (figure.low, figure.high) == (4, 5)  # the first person twice, or the second one
    assert median(np.array([[1.0], [2.0]])).value == 1.5
    assert median(np.full((3, 2), np.nan)) is None


def test_the_interval_of_a_median_is_that_of_the_normal_distribution_for_many_people():
    values = np.random.default_rng(1).normal(80, 20, (1000, 1))
    figure = median(values)
    error = np.sqrt(np.pi / 2) * values.std() / np.sqrt(len(values))
    assert figure.value == pytest.approx(np.median(values))
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_predictions_that_regress_to_the_mean_vary_less():
    true = np.random.default_rng(0).normal(size=(400, 6, 3))
    half = true.mean(axis=0) + 0.5 * (true - true.mean(axis=0))
    figure = variance_ratio(half, true)
    assert figure.value == pytest.approx(0.25)
    assert (figure.low, figure.high) == pytest.approx((0.25, 0.25), abs=1e-6)
    frozen = np.broadcast_to(true.mean(axis=0), true.shape)
    assert variance_ratio(frozen, true).value == pytest.approx(0, abs=1e-12)
    assert variance_ratio(true + 7, true).value == pytest.approx(1)
    assert variance_ratio(true[:1], true[:1]) is None


def test_calibration_error_weighs_each_bins_gap_by_its_size():
    # Three statements of 0.9, two come true; one of 0.2 and it does not happen.
    stated = np.array([0.9, 0.9, 0.9, 0.2])
    happened = np.array([True, True, False, False])
    table, error = reliability(stated, happened)
    assert error.value == pytest.approx(100 * (abs(2.7 - 2) + 0.2) / 4)
    assert [b.count for b in table] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 3]
    assert table[9].happened == pytest.approx(2 / 3)
    assert table[9].stated == pytest.approx(0.9)
    assert table[0].happened is None
    assert (table[2].low, table[2].high) == pytest.approx((0.2, 0.3))


def test_predictions_that_do_not_count_change_nothing_and_one_is_in_the_last_bin():
    stated = np.array([[1.0, 0.5], [1.0, 0.5]])
    happened = np.array([[True, False], [True, True]])
    counted = np.array([[True, False], [True, False]])
    table, error = reliability(stated, happened, counted)
    assert error.value == 0
    assert (table[9].count, table[5].count) == (2, 0)
    assert reliability(stated, happened, np.zeros_like(counted))[1] is None


def test_correlation_is_pearsons_and_draws_people():
    rng = np.random.default_rng(3)
    true = np.repeat(rng.normal(1.7, 0.1, (30, 1)), 2, axis=1)
    predicted = true + rng.normal(0, 0.1, (30, 2))
    figure = correlation(predicted, true)
    assert figure.value == pytest.approx(np.corrcoef(predicted.ravel(), true.ravel())[0, 1])
    assert figure.low < figure.value < figure.high
    assert figure.count == 30
    assert correlation(2 * true + 1, true).low == pytest.approx(1)
    assert correlation(-true, true).value == pytest.approx(-1)


def test_who_says_the_same_of_everybody_correlates_with_nobody():
    true = np.linspace(1, 2, 5)[:, None]
    assert correlation(np.full((5, 1), 1.7), true).value == 0
    assert correlation(true[:1], true[:1]) is None
