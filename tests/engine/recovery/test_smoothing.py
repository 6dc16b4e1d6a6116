import numpy as np
import pytest

from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.recovery.smoothing import (
    MAX_GAP_S,
    BodySmoother,
    OneEuroRotation,
    OneEuroSettings,
    OneEuroVector,
)


def uneven_times(count, seed=0):
    """Moments of a webcam that promises 30 frames a second and does not keep it."""
    return np.cumsum(np.random.default_rng(seed).choice([1 / 30, 1 / 15, 1 / 60], size=count))


def test_a_still_pose_jitters_less():
    rng = np.random.default_rng(0)
    clean = matrix_from_axis_angle(rng.normal(size=(24, 3)).astype(np.float32) * 0.5)
    smooth = OneEuroRotation(OneEuroSettings(min_cutoff=1.0, beta=0.1))
    raw_error, smooth_error = [], []
    for _ in range(150):
        noise = matrix_from_axis_angle(rng.normal(size=(24, 3)).astype(np.float32) * 0.05)
        noisy = clean @ noise
        filtered = smooth(noisy, 1 / 30)
        raw_error.append(angle_between(clean, noisy).mean())
        smooth_error.append(angle_between(clean, filtered).mean())
    assert np.mean(smooth_error[30:]) < 0.5 * np.mean(raw_error[30:])


def test_filtered_rotations_stay_rotations():
    rng = np.random.default_rng(1)
    smooth = OneEuroRotation(OneEuroSettings(min_cutoff=1.0, beta=0.5))
    for _ in range(200):
        value = smooth(matrix_from_axis_angle(rng.normal(size=(24, 3)).astype(np.float32)), 1 / 30)
    product = value @ np.swapaxes(value, 1, 2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-4)


def test_fast_movement_lags_less_than_a_plain_low_pass():
    times = np.arange(0, 1, 1 / 30)
    adaptive = OneEuroVector(OneEuroSettings(min_cutoff=0.5, beta=1.0))
    plain = OneEuroVector(OneEuroSettings(min_cutoff=0.5, beta=0.0))
    lag = {}
    for name, filter_ in (("adaptive", adaptive), ("plain", plain)):
        lag[name] = [
            float(5 * t - filter_(np.array([5 * t], np.float32), 1 / 30)[0]) for t in times
        ]
    assert max(lag["adaptive"][5:]) < 0.35 * max(lag["plain"][5:])


def test_real_time_steps_decide_not_the_number_of_frames():
    """The same half second of signal, sampled at 30 and at 60 Hz, ends at about the same value."""
    ends = []
    for rate in (30, 60):
        filter_ = OneEuroVector(OneEuroSettings(min_cutoff=1.0, beta=0.0))
        filter_(np.zeros(1, np.float32), 1 / rate)
        for _ in range(rate // 2):
            value = filter_(np.ones(1, np.float32), 1 / rate)
        ends.append(float(value[0]))
    assert ends[0] == pytest.approx(ends[1], abs=0.02)


def body_at(x, z=3.0):
    return (
        np.broadcast_to(np.eye(3, dtype=np.float32), (24, 3, 3)),
        np.array([x, 0, z], np.float32),
    )


def test_a_gap_starts_the_filters_anew():
    smoother = BodySmoother()
    for k in range(10):
        smoother(*body_at(0.0), time=k / 30)
    _, transl = smoother(*body_at(2.0), time=10 / 30 + MAX_GAP_S + 0.1)
    assert transl[0] == pytest.approx(2.0), "after a gap the new place must be taken at once"


def test_a_clock_that_runs_backwards_starts_the_filters_anew():
    smoother = BodySmoother()
    smoother(*body_at(0.0), time=5.0)
    _, transl = smoother(*body_at(1.0), time=1.0)
    assert transl[0] == pytest.approx(1.0)


def test_place_in_the_picture_is_kept_while_depth_jitters():
    """Noise in depth must not move the person across the picture."""
    rng = np.random.default_rng(2)
    smoother = BodySmoother()
    rotmats, _ = body_at(0.0)
    depths = []
    for moment in uneven_times(120):
        z = 3.0 * np.exp(rng.normal() * 0.03)
        transl = np.array([0.2 * z, -0.1 * z, z], np.float32)
        _, out = smoother(rotmats, transl, moment)
        np.testing.assert_allclose(out[:2] / out[2], [0.2, -0.1], atol=1e-5)
        depths.append(out[2])
    assert np.std(depths[30:]) < 0.5 * 3.0 * 0.03
