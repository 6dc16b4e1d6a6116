import json

import numpy as np
import pytest

from hmr_live.live.latency import RECENT, SEGMENTS, FrameTimestamps, LatencyMeter


def shown(at, *parts):
    """A frame grabbed at ``at`` seconds whose segments took these milliseconds."""
    return FrameTimestamps(at, *(at + np.cumsum(parts) / 1000).tolist())


def test_the_latency_is_that_from_grab_to_swap():
    meter = LatencyMeter()
    for k in range(100):
        meter.add(shown(k / 30, 5, 10, 1, 4 + k / 10))
    report = meter.report()
    assert report.frames == 100
    assert report.p50 == pytest.approx(20 + 4.95)
    assert report.p95 == pytest.approx(20 + 9.405)
    assert report.longest == pytest.approx(29.9)
    assert report.segments["recovery"].p50 == pytest.approx(10)
    assert sum(report.shares.values()) == pytest.approx(1)


def test_the_live_figures_look_back_on_recent_frames_only():
    meter = LatencyMeter()
    assert meter.recent() is None
    meter.add(shown(0, 500, 0, 0, 0))
    for k in range(RECENT):
        meter.add(shown(k, 20, 0, 0, 0))
    assert meter.recent().p95 == pytest.approx(20)
    assert meter.report().longest == pytest.approx(500)


def test_every_frame_stands_in_the_histogram_the_slowest_in_the_last_bar():
    meter = LatencyMeter()
    for latency in (1, 11, 12, 5000):
        meter.add(shown(7, latency, 0, 0, 0))
    report = meter.report()
    assert sum(report.bars) == 4
    assert report.bars[0] == 1
    assert report.bars[int(11 / report.bar_ms)] == 2
    assert report.bars[-1] == 1


def test_a_report_is_told_as_a_table_and_as_json():
    meter = LatencyMeter()
    meter.add(shown(7, 5, 10, 1, 4))
    report = meter.report()
    assert all(segment in report.as_text() for segment in SEGMENTS)
    told = json.loads(report.as_json())
    assert told["frames"] == 1
    assert told["segments"]["drawing"]["p50"] == pytest.approx(4)


def test_a_cleared_meter_knows_nothing():
    meter = LatencyMeter()
    meter.add(shown(7, 5, 10, 1, 4))
    meter.clear()
    assert meter.report() is None
