import json
import os
import threading
import time

import pytest

from hmr_live.backends import timing_cache
from hmr_live.backends.gpu import NvidiaGpu
from hmr_live.backends.timing import Timings
from hmr_live.backends.timing_cache import STALE_LOCK_S, TimingCache, timing_key
from hmr_live.core.cache_folder import FOLDER_VARIABLE
from hmr_live.core.timing import StageSummary
from tests.engine.backends.timing_cases import TimedBackends

KEY = {"processor": "abacus", "gpus": [], "threads": 2, "program": "1.0"}
TIMES = Timings(
    {("full", "fast"): StageSummary(10.5, 12.0, 7), ("lite", "fast"): StageSummary(6.0, 6.5, 9)},
    {"bad": "it broke"},
    ("compiler",),
)


@pytest.fixture
def cache(tmp_path):
    return TimingCache(tmp_path / "timings")


def measured_by(cache, key=KEY):
    """Whether these times had to be measured."""
    calls = []

    def measure():
        calls.append(1)
        return TIMES

    assert cache.read_or_measure(key, measure) == TIMES
    return bool(calls)


def test_times_are_measured_once(cache):
    assert measured_by(cache)
    assert not measured_by(cache)
    assert not measured_by(TimingCache(cache.folder))
    assert [path.suffix for path in cache.folder.iterdir()] == [".json"]


def test_another_machine_or_number_of_threads_has_a_file_of_its_own(cache):
    measured_by(cache)
    others = [{**KEY, "threads": 4}, {**KEY, "gpus": ["card"]}, {**KEY, "processor": "other"}]
    assert all(measured_by(cache, key) for key in others)
    assert not measured_by(cache)
    assert len(list(cache.folder.glob("*.json"))) == 4


def test_another_version_replaces_the_file(cache):
    measured_by(cache)
    assert measured_by(cache, {**KEY, "program": "2.0"})
    assert len(list(cache.folder.glob("*.json"))) == 1
    assert measured_by(cache)


def content(**changes):
    row = {"network": "full", "backend": "fast", "p50": 1.0, "p95": 2.0, "count": 3}
    plain = {"key": KEY, "times": [row], "problems": {}, "pending": []}
    return json.dumps({**plain, **changes}).encode()


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff\xfe not text",
        b"[1, 2",
        b"[]",
        b"7",
        b"[" * 100_000,
        content(key=None),
        content(times=None),
        content(times=[{"network": "full"}]),
        content(times=[{"network": "a", "backend": "b", "p50": "fast", "p95": 1, "count": 1}]),
        content(times=[{"network": "a", "backend": "b", "p50": -1, "p95": 1, "count": 1}]),
        content(times=[{"network": "a", "backend": "b", "p50": 2, "p95": 1, "count": 1}]),
        content(times=[{"network": "a", "backend": "b", "p50": 1, "p95": 1e999, "count": 1}]),
        content(problems=3),
        content(pending=3),
    ],
)
def test_a_damaged_or_foreign_file_is_rewritten(damaged, cache):
    measured_by(cache)
    cache.path(KEY).write_bytes(damaged)
    assert measured_by(cache)
    assert not measured_by(cache)


def test_the_cases_of_damage_begin_with_a_file_that_can_be_read(cache):
    measured_by(cache)
    cache.path(KEY).write_bytes(content())
    assert cache.read(KEY).backends == ["fast"]


def test_a_folder_that_cannot_be_made_costs_a_warning_alone(tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = TimingCache(tmp_path / "file" / "timings")
    assert measured_by(cache)
    assert FOLDER_VARIABLE in caplog.text
    assert measured_by(cache)


def test_of_two_at_once_one_measures_and_the_other_waits(cache):
    started, release, found = threading.Event(), threading.Event(), []

    def measure():
        started.set()
        release.wait(60)
        return TIMES

    def not_again():
        raise AssertionError("measured twice")

    first = threading.Thread(target=lambda: found.append(cache.read_or_measure(KEY, measure)))
    first.start()
    assert started.wait(60)
    second = threading.Thread(target=lambda: found.append(cache.read_or_measure(KEY, not_again)))
    second.start()
    release.set()
    first.join()
    second.join()
    assert found == [TIMES, TIMES]


def test_the_lock_of_a_program_that_crashed_is_taken_over(cache):
    cache.folder.mkdir()
    lock = cache.path(KEY).with_suffix(".lock")
    lock.touch()
    long_ago = time.time() - 2 * STALE_LOCK_S
    os.utime(lock, (long_ago, long_ago))
    assert measured_by(cache)
    assert not lock.exists()


def test_measuring_that_fails_leaves_no_lock(cache):
    def fail():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        cache.read_or_measure(KEY, fail)
    assert measured_by(cache)


def test_the_cache_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert TimingCache().folder == tmp_path / "timings"


def test_the_key_changes_with_everything_that_times_depend_on(monkeypatch, tmp_path):
    timed = TimedBackends(monkeypatch)
    entry = timed.add("fast", {})
    module = timed.module(entry)
    network = tmp_path / "full.onnx"
    network.with_suffix(".json").write_text('{"sha256": "abc"}')
    keys = []

    def note():
        keys.append(json.dumps(timing_key({"full": network}, [entry], threads=len(keys) // 8)))

    note()
    monkeypatch.setattr(timing_cache, "__version__", "9.9")
    note()
    monkeypatch.setattr(timing_cache, "processor", lambda: "abacus")
    note()
    card = NvidiaGpu("card", "580", "8 MiB", "8.9")
    monkeypatch.setattr(timing_cache, "nvidia_gpus", lambda: (card,))
    note()
    module.version = lambda name: "2.0"
    note()
    module.version = lambda name: 1 // 0
    note()
    network.with_suffix(".json").write_text('{"sha256": "def"}')
    note()
    module.prepare, module.is_prepared = None, lambda model, *, name: True
    note()
    note()  # with another number of threads
    assert len(set(keys)) == len(keys) == 9
