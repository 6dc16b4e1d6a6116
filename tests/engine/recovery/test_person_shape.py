"""One shape per person: it settles within seconds and then stays."""

import numpy as np
import pytest

from hmr_live.recovery.person_shape import SETTLED_S, PersonShape

SURE, UNSURE = np.ones(24, np.float32), np.full(24, 0.1, np.float32)


def noisy(count, seed=0):
    return np.random.default_rng(seed).normal(1.0, 0.5, (count, 10)).astype(np.float32)


@pytest.mark.parametrize("rate", [5, 30, 120])
def test_a_shape_settles_at_the_mean_and_stays_at_any_rate(rate):
    shape, betas = PersonShape(), noisy(8 * rate)
    shapes = [shape(each, SURE, k / rate) for k, each in enumerate(betas)]
    settled = int((SETTLED_S + 0.5) * rate)
    assert shape.settled
    assert np.ptp(shapes[settled:], axis=0).max() == 0
    assert np.abs(shapes[-1] - 1).max() < 3.5 * 0.5 / np.sqrt(SETTLED_S * rate)


def test_the_first_body_has_its_own_shape():
    betas = noisy(1)[0]
    np.testing.assert_array_equal(PersonShape()(betas, SURE, 12.0), betas)


def test_limbs_that_are_not_seen_say_little():
    shape = PersonShape()
    for k in range(60):
        found = shape(np.full(10, 2.0, np.float32), UNSURE, k / 30)
    for k in range(60, 180):
        found = shape(np.zeros(10, np.float32), SURE, k / 30)
    assert found.max() < 0.25


def test_a_gap_counts_no_longer_than_a_frame():
    shape = PersonShape()
    shape(np.zeros(10, np.float32), SURE, 0.0)
    shape(np.ones(10, np.float32), SURE, 600.0)
    assert not shape.settled


def test_time_that_runs_backwards_adds_nothing():
    shape = PersonShape()
    first = shape(np.zeros(10, np.float32), SURE, 5.0)
    np.testing.assert_array_equal(shape(np.ones(10, np.float32), SURE, 1.0), first)
