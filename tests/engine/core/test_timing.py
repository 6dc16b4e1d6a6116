import pytest

from hmr_live.core.timing import RateMeter, StageStatistics, StageTimer


def test_a_stage_entered_twice_adds_up(monkeypatch):
    clock = iter([1.0, 1.01, 5.0, 5.03])
    monkeypatch.setattr("hmr_live.core.timing.time.perf_counter", lambda: next(clock))
    timer = StageTimer()
    for _ in range(2):
        with timer("network"):
            pass
    assert timer.milliseconds["network"] == pytest.approx(40)


def test_a_stage_that_fails_is_timed_all_the_same():
    timer = StageTimer()
    with pytest.raises(ValueError, match="no"), timer("detect"):
        raise ValueError("no")
    assert "detect" in timer.milliseconds


def test_percentiles_are_those_of_the_window():
    statistics = StageStatistics(window=100)
    for value in range(1000):
        statistics.add({"body": float(value)})
    summary = statistics.summary()["body"]
    assert summary.p50 == pytest.approx(949.5)
    assert summary.p95 == pytest.approx(994, abs=1)
    assert summary.count == 100


def test_the_rate_counts_recent_events_only():
    meter = RateMeter(span=2.0)
    for k in range(100):
        meter.tick(k * 0.1)
    assert meter.rate(9.9) == pytest.approx(10)
    assert meter.rate(20.0) == 0
