"""A constant rate from uneven frames; gaps are not bridged."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.rotations import matrix_from_axis_angle, slerp
from hmr_live.core.errors import ExportError
from hmr_live.export.resampling import LONGEST_BRIDGE_S, natural_rate, resampling_grid
from tests.engine.export.takes import even_times, uneven_times


def about_z(angles):
    return matrix_from_axis_angle(np.stack([np.zeros_like(angles)] * 2 + [angles], axis=-1))


def test_even_frames_are_kept_as_they_are():
    times = even_times(50, fps=29.97)
    clock = resampling_grid(times)
    values = np.random.default_rng(0).normal(size=(50, 3))
    assert clock.rate == pytest.approx(29.97, abs=1e-5)
    np.testing.assert_array_equal(clock.linear(values), values)
    assert clock.seen.all()


def test_times_rounded_to_milliseconds_are_even():
    assert natural_rate(np.round(even_times(90, fps=30), 3)) == pytest.approx(30, abs=1e-3)


def test_an_uneven_webcam_gets_a_whole_rate():
    assert natural_rate(uneven_times(200, fps=29.6)) == 30


def test_a_single_frame_is_a_clip_of_one_frame():
    clock = resampling_grid(np.array([5.0]))
    assert clock.rate == 30
    assert clock.linear(np.array([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]


def test_positions_are_linear_between_frames():
    times = uneven_times(40)
    clock = resampling_grid(times, rate=100)
    moments = times[0] + np.arange(len(clock.before)) / 100
    np.testing.assert_allclose(clock.linear(times[:, None])[:, 0], moments, atol=2e-4)


def test_rotations_turn_at_constant_speed_between_frames():
    times = uneven_times(40)
    clock = resampling_grid(times, rate=77)
    moments = times[0] + np.arange(len(clock.before)) / 77
    turned = clock.rotations(about_z(times - 100)[:, None])[:, 0]
    np.testing.assert_allclose(turned, about_z(moments - 100), atol=2e-4)


def test_rotations_are_slerp_of_their_neighbours():
    rng = np.random.default_rng(1)
    rotations = matrix_from_axis_angle(rng.normal(size=(2, 24, 3)))
    clock = resampling_grid(np.array([0.0, 0.4]), rate=10)
    middle = clock.rotations(rotations)[1]
    np.testing.assert_allclose(middle, slerp(*rotations, 0.25), atol=1e-12)


def test_gaps_hold_the_last_pose_and_are_marked():
    times = np.array([0.0, 0.1, 0.2, 1.0, 1.1])
    clock = resampling_grid(times, rate=10)
    held = clock.linear(np.arange(5.0)[:, None])[:, 0]
    assert held.tolist() == [0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4]
    assert (~clock.seen).tolist() == [False] * 3 + [True] * 7 + [False] * 2


def test_short_gaps_are_bridged():
    clock = resampling_grid(np.array([0.0, LONGEST_BRIDGE_S]), rate=10)
    assert clock.seen.all()
    np.testing.assert_allclose(clock.linear(np.array([[0.0], [5.0]]))[:, 0], np.arange(6))


def test_flags_are_those_of_the_nearer_frame():
    clock = resampling_grid(np.array([0.0, 0.3]), rate=10)
    assert clock.nearest(np.array([True, False])).tolist() == [True, True, False, False]


@pytest.mark.parametrize("rate", [0, -5, 2000, float("nan")])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ExportError, match="is not a frame rate"):
        resampling_grid(even_times(5), rate=rate)


def test_times_that_run_backwards_are_refused():
    with pytest.raises(ExportError, match="run backwards"):
        resampling_grid(np.array([0.0, 0.2, 0.1]))


def test_a_take_of_a_century_is_refused():
    with pytest.raises(ExportError, match="lower --rate"):
        resampling_grid(np.array([0.0, 3e9]))
