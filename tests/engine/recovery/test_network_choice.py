from pathlib import Path

import pytest

from hmr_live.backends.timing import Timings
from hmr_live.backends.timing_cache import TimingCache
from hmr_live.core.assets import asset_path
from hmr_live.core.timing import StageSummary
from hmr_live.recovery import network_choice
from hmr_live.recovery.network_choice import (
    FALLBACK,
    HEADROOM,
    NETWORKS,
    OTHER_MS,
    TIMING_VARIABLE,
    choose_network,
    machine_timings,
    network_ms,
    network_path,
)
from hmr_live.recovery.network_loader import NetworkLoader
from hmr_live.recovery.pipeline import Pipeline
from tests.engine.backends.timing_cases import TimedBackends

FULL = asset_path("networks", "full.onnx")
LITE = asset_path("networks", "lite.onnx")


def timings(backend="only", **milliseconds):
    return Timings({(name, backend): StageSummary(ms, ms, 5) for name, ms in milliseconds.items()})


def merged(*parts):
    return Timings({pair: t for part in parts for pair, t in part.times.items()})


#: At 30 frames a second the network may take 20 ms.
@pytest.mark.parametrize(
    ("lite", "full", "heavy", "fps", "live", "expected"),
    [
        (2, 5, 12, 30, True, "heavy"),
        (2, 5, 20, 30, True, "heavy"),
        (2, 5, 20.1, 30, True, "full"),
        (8, 16, 60, 30, True, "full"),
        (12, 21, 80, 30, True, "lite"),
        (40, 70, 300, 30, True, "lite"),
        (8, 16, 60, 15, True, "full"),
        (8, 16, 49, 15, True, "heavy"),
        (2, 4, 12, 60, True, "full"),
        (1, 2, 4, 60, True, "heavy"),
        (1, 2, 4, 120, True, "lite"),
        (8, 16, 20, 0, True, "heavy"),
        (8, 16, 20, 30, False, "heavy"),
        (8, 16, 60, 30, False, "full"),
        (40, 70, 300, 30, False, "full"),
        (40, 70, 300, 1, False, "heavy"),
    ],
)
def test_the_rule(lite, full, heavy, fps, live, expected):
    times = timings(lite=lite, full=full, heavy=heavy)
    choice = choose_network(times, fps=fps, live=live)
    assert choice.name == expected
    assert choice.reason


def test_the_budget_of_the_rule_is_what_the_docs_say():
    assert pytest.approx(20) == HEADROOM * 1000 / 30 - OTHER_MS


def test_the_fastest_need_not_be_the_smallest():
    assert choose_network(timings(lite=50, full=40, heavy=90)).name == "full"


def test_without_any_times_the_choice_is_the_same_everywhere():
    assert choose_network(Timings()).name == FALLBACK
    assert choose_network(timings(full=1), backend="another").name == FALLBACK


def test_a_named_back_end_counts_alone():
    times = merged(
        timings("fast", lite=1, full=2, heavy=8), timings("slow", lite=8, full=16, heavy=60)
    )
    assert choose_network(times).name == "heavy"
    assert choose_network(times, backend="slow").name == "full"
    assert choose_network(times, backend="slow:fp32").name == "full"
    assert network_ms(times, "full") == 2


@pytest.mark.parametrize(("full", "expected"), [(1.0, "heavy"), (5.1, "full"), (28.0, "lite")])
def test_a_network_that_was_not_timed_is_estimated(full, expected):
    assert choose_network(timings(full=full)).name == expected


def test_an_estimate_does_not_replace_a_time():
    assert network_ms(timings(full=10, heavy=11), "heavy") == 11
    assert network_ms(timings(lite=7), "full") == pytest.approx(10)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with two back ends on which nothing is measured yet."""
    monkeypatch.delenv(TIMING_VARIABLE)
    monkeypatch.setenv("HMR_LIVE_CACHE", str(tmp_path))
    timed = TimedBackends(monkeypatch)
    entries = [
        timed.add("slow", {"lite": 20.0, "full": 30.0, "heavy": 90.0}),
        timed.add("fast", {"lite": 4.0, "full": 8.0, "heavy": 25.0}),
    ]
    monkeypatch.setattr(network_choice, "candidates", lambda: entries)
    plain = network_choice.time_networks
    monkeypatch.setattr(
        network_choice,
        "time_networks",
        lambda *args, **options: plain(*args, clock=timed.clock, **options),
    )
    return timed


def test_the_machine_is_timed_once_and_says_so(machine):
    said = []
    first = machine_timings(2, announce=said.append)
    assert len(first.times) == 6
    assert len(said) == 1
    machine.opened.clear()
    assert machine_timings(2, announce=said.append) == first
    assert not machine.opened
    assert len(said) == 1


def test_it_is_timed_again_when_asked(machine):
    machine_timings(2)
    machine.opened.clear()
    found = machine_timings(2, again=True)
    assert len(machine.opened) == 6
    machine.opened.clear()
    assert machine_timings(2) == found
    assert not machine.opened


def test_nothing_is_timed_when_it_is_off(machine, monkeypatch, tmp_path):
    monkeypatch.setenv(TIMING_VARIABLE, "off")
    assert machine_timings(2, again=True) == Timings()
    assert not machine.opened
    assert not (tmp_path / "timings").exists()


def test_every_back_end_failing_is_no_error(machine, monkeypatch):
    bad = [machine.add("bad", {}, at_load=OSError("no driver"))]
    monkeypatch.setattr(network_choice, "candidates", lambda: bad)
    found = machine_timings(2)
    assert found.problems == {"bad": "no driver"}
    assert choose_network(found).name == FALLBACK


def test_another_cache_can_be_given(machine, tmp_path):
    cache = TimingCache(tmp_path / "other")
    machine_timings(2, cache=cache)
    assert list((tmp_path / "other").glob("*.json"))


def test_the_loader_chooses_by_the_rate(machine):
    loader = NetworkLoader()
    assert loader.choose("auto", fps=30) == FULL
    assert loader.choose("auto", fps=25).stem == "heavy"
    assert loader.choose("auto", fps=200) == LITE
    assert loader.choose("auto", fps=30, live=False) == FULL
    assert NetworkLoader(backend="slow").choose(fps=30) == LITE


@pytest.mark.parametrize("name", NETWORKS)
def test_a_named_network_times_nothing(name, machine):
    assert NetworkLoader().choose(name) == asset_path("networks", f"{name}.onnx")
    assert NetworkLoader().choose(Path("own.onnx")) == Path("own.onnx")
    assert not machine.opened


def test_names_and_paths_are_files():
    assert network_path("lite") == LITE
    assert network_path("folder/lite.onnx") == Path("folder/lite.onnx")
    assert network_path(Path("lite")) == Path("lite")


def test_a_pipeline_changes_its_network_and_only_then():
    pipeline = Pipeline.open(network="lite", backend="onnxruntime")
    first = pipeline.network
    assert "lite" in first.name
    pipeline.use_network(LITE)
    assert pipeline.network is first
    pipeline.use_network()
    assert "full" in pipeline.network.name
    second = pipeline.network
    pipeline.use_network("full", fps=60)
    assert pipeline.network is second
    pipeline.close()


def test_a_network_that_cannot_be_loaded_leaves_the_old_one(tmp_path):
    pipeline = Pipeline.open(network="lite", backend="onnxruntime")
    before = pipeline.network
    with pytest.raises(Exception, match="There is no network at"):
        pipeline.use_network(tmp_path / "none.onnx")
    assert pipeline.network is before
    pipeline.close()
