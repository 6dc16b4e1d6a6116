from pathlib import Path

import pytest

from hmr_live.backends import open_backend
from hmr_live.backends.base import BackendUnavailableError
from hmr_live.backends.registry import candidates
from hmr_live.backends.timing import MAX_RUNS, MIN_RUNS, Timings, time_networks
from hmr_live.core.errors import BackendError
from hmr_live.core.timing import StageSummary
from tests.engine.backends.backend_cases import ScriptedBackends, tiny_network
from tests.engine.backends.timing_cases import TimedBackends

NETWORKS = {name: Path(f"{name}.onnx") for name in ("full", "lite", "heavy")}
FAST = {"full": 10.0, "lite": 6.0, "heavy": 30.0}
SLOW = {"full": 20.0, "lite": 12.0, "heavy": 60.0}


@pytest.fixture
def timed(monkeypatch):
    return TimedBackends(monkeypatch)


def times_of(timed, *entries, **options):
    return time_networks(NETWORKS, entries, threads=1, clock=timed.clock, **options)


def summary(milliseconds):
    return StageSummary(milliseconds, milliseconds, 3)


def test_every_pair_is_timed_and_closed(timed):
    found = times_of(timed, timed.add("slow", SLOW), timed.add("fast", FAST))
    assert {pair: round(t.p50, 6) for pair, t in found.times.items()} == {
        (network, name): times[network]
        for name, times in (("slow", SLOW), ("fast", FAST))
        for network in NETWORKS
    }
    assert not found.problems
    assert all(backend.closed for backend in timed.backends)


def test_the_number_of_runs_follows_the_time_of_one(timed):
    quick, slow = dict.fromkeys(NETWORKS, 0.001), dict.fromkeys(NETWORKS, 500.0)
    entries = timed.add("quick", quick), timed.add("slow", slow)
    found = times_of(timed, *entries, limit_s=None)
    assert found.times["full", "quick"].count == MAX_RUNS
    assert found.times["full", "slow"].count == MIN_RUNS


def test_out_of_time_the_fastest_back_end_has_more_networks(timed):
    entries = timed.add("slow", SLOW, loading_s=0.8), timed.add("fast", FAST, loading_s=0.8)
    found = times_of(timed, *entries, limit_s=2.0)
    assert timed.opened == [("full", "slow"), ("full", "fast"), ("lite", "fast")]
    assert list(found.times) == timed.opened
    times_of(timed, *entries, limit_s=None)
    assert len(timed.opened) == 3 + 6


def test_one_pair_is_timed_however_long_it_takes_to_begin(timed):
    found = times_of(timed, timed.add("only", FAST, loading_s=60), limit_s=0.0)
    assert found.backends == ["only"]


@pytest.mark.parametrize("error", [BackendError("it broke."), RuntimeError("it broke")])
def test_a_back_end_that_fails_is_left_out_with_its_reason(error, timed):
    found = times_of(timed, timed.add("bad", FAST, at_load=error), timed.add("good", SLOW))
    assert found.problems == {"bad": "it broke"}
    assert found.backends == ["good"]


def test_a_back_end_that_fails_with_one_network_keeps_no_times(timed):
    bad = {"full": 1.0, "lite": 1.0}
    found = times_of(timed, timed.add("bad", bad), timed.add("good", SLOW))
    assert list(found.problems) == ["bad"]
    assert found.backends == ["good"]


@pytest.mark.parametrize("error", [ImportError("no package"), BackendUnavailableError("no GPU")])
def test_what_is_not_there_is_no_problem(error, timed):
    found = times_of(timed, timed.add("absent", FAST, at_load=error), timed.add("good", SLOW))
    assert not found.problems
    assert found.backends == ["good"]


def test_what_would_compile_for_minutes_is_not_timed_before_it_has(timed):
    entry = timed.add("compiler", FAST)
    module = timed.module(entry)
    module.prepare = None
    module.is_prepared = lambda model, *, name: model.stem == "full"
    found = times_of(timed, entry, timed.add("good", SLOW))
    assert found.pending == ("compiler",)
    assert [pair for pair in found.times if pair[1] == "compiler"] == [("full", "compiler")]


def names(timings, entries, network="full"):
    return [entry.name for entry in timings.in_order(entries, network)]


def test_the_order_is_by_time_and_what_failed_comes_last(timed):
    entries = [timed.add(name, FAST) for name in ("bad", "absent", "a", "b", "compiler")]
    timings = Timings(
        {("full", "a"): summary(20), ("full", "b"): summary(10)},
        {"bad": "it broke"},
        ("compiler",),
    )
    assert names(timings, entries) == ["compiler", "b", "a", "absent", "bad"]
    assert names(timings, entries, "person_detector") == ["compiler", "b", "a", "absent", "bad"]


def test_a_network_that_was_timed_has_its_own_order(timed):
    entries = [timed.add(name, FAST) for name in ("a", "b")]
    times = {("full", "a"): 10, ("full", "b"): 20, ("lite", "a"): 9, ("lite", "b"): 8}
    timings = Timings({pair: summary(ms) for pair, ms in times.items()})
    assert names(timings, entries, "full") == ["a", "b"]
    assert names(timings, entries, "lite") == ["b", "a"]


def test_without_times_the_order_of_preference_holds():
    assert Timings().in_order(candidates(), "full") == list(candidates())


def test_auto_opens_the_fastest(monkeypatch, tmp_path):
    scripted = ScriptedBackends(monkeypatch)
    entries = [scripted.add("preferred"), scripted.add("fastest")]
    monkeypatch.setattr("hmr_live.backends.candidates", lambda: entries)
    model = tiny_network(tmp_path / "tiny.onnx")
    timings = Timings({("full", "preferred"): summary(9), ("full", "fastest"): summary(5)})
    assert open_backend(model, timings=timings).name == "fastest"
    assert open_backend(model).name == "preferred"
