from __future__ import annotations

import numpy as np
import pytest

from hmr_live.angles import joint_angles
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live_app.model.takes.curves import angle_curves, decimate
from hmr_live_app.model.takes.formatting import clock, file_size, speed_text
from tests.engine.takes.streams import motion


def test_curves_of_a_take_are_its_angles_since_its_first_frame() -> None:
    stream = motion(50 + np.arange(40) / 30)
    curves = angle_curves(stream, 49.0)
    expected = joint_angles(matrix_from_axis_angle(stream.pose))
    np.testing.assert_allclose(curves.degrees, expected, atol=1e-4)
    assert curves.times[0] == pytest.approx(1.0)


def test_few_samples_are_drawn_as_they_are_and_broken_at_gaps() -> None:
    times = np.array([0.0, 0.1, 0.2, 2.0, 2.1])
    x, y, connect = decimate(times, times * 2, 0, 3, 10)
    np.testing.assert_array_equal(x, times)
    np.testing.assert_array_equal(y, times * 2)
    assert connect.tolist() == [1, 1, 0, 1, 0]


def test_an_hour_is_drawn_with_few_points_and_no_peak_is_lost() -> None:
    times = np.arange(108_000) / 30
    values = np.sin(times)
    values[70_001], values[3] = 9.0, -9.0
    x, y, connect = decimate(times, values, 0, 3600, 300)
    assert len(x) == len(y) == len(connect) == 600
    assert (y.max(), y.min()) == (9.0, -9.0)
    assert (np.diff(x) > 0).all()
    assert abs(float(x[np.argmax(y)]) - 70_001 / 30) < 3600 / 300
    near, _, _ = decimate(times, values, 100, 102, 300)
    assert 60 <= len(near) <= 64
    assert near[0] <= 100
    assert near[-1] >= 102


def test_gaps_of_a_long_take_are_seen() -> None:
    times = np.concatenate([np.arange(5000) / 30, 400 + np.arange(5000) / 30])
    x, _, connect = decimate(times, times, 0, times[-1], 300)
    jump = int(np.argmax(np.diff(x)))
    assert connect[jump] == 0
    assert (connect == 0).sum() == 2, "the gap and the end"


def test_times_and_sizes_read_as_people_say_them() -> None:
    assert [clock(s) for s in (0, 65.9, 3600)] == ["00:00", "01:05", "1:00:00"]
    assert clock(62.345, exact=True) == "01:02.34"
    assert [file_size(n) for n in (20, 15_300, 87_460_074)] == ["0.1 kB", "15.3 kB", "87.5 MB"]
    assert [speed_text(s) for s in (0.1, 1.0, 8.0)] == ["0.1×", "1×", "8×"]
