"""Who works on which file, where several runs share a folder."""

import json
import os
import subprocess
import sys
import time

import pytest

from hmr_live.batch.archive import leases as claims_module
from hmr_live.batch.archive.leases import DEAD_AFTER_S, Claims, claim_path, holder_of
from hmr_live.core.errors import ArchiveError
from tests.engine.batch.archive.fakes import hidden_files, job_for


class Clock:
    """The watcher's clock, which only a test moves."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(claims_module, "time", clock)
    return clock


@pytest.fixture
def job(tmp_path):
    return job_for(tmp_path / "a.mp4", tmp_path / "out")


def write_claim(job, number=0, *, machine="elsewhere", process=1):
    path = claim_path(job, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "process": process}))
    return path


def test_only_one_run_holds_a_job_until_it_gives_it_back(job):
    with Claims() as first, Claims() as second:
        assert first.take(job)
        assert not second.take(job)
        assert holder_of(job) == os.uname().nodename
        first.release(job)
        assert second.take(job)
    assert not hidden_files(job.out.parent)


def test_the_claim_of_a_process_of_this_machine_that_is_gone_is_free_at_once(job):
    with Claims() as mine:
        mine.take(job)
        machine = json.loads(claim_path(job, 0).read_text())["machine"]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_claim(job, machine=machine, process=gone.pid)
    with Claims() as claims:
        assert claims.take(job)
        assert claim_path(job, 1).exists()
    assert not hidden_files(job.out.parent)


def test_a_claim_that_another_machine_no_longer_renews_is_taken_over_by_one_only(job, clock):
    write_claim(job)
    with Claims() as first, Claims() as second:
        assert not first.take(job)
        assert not second.take(job)
        assert holder_of(job) == "elsewhere"
        clock.now += DEAD_AFTER_S - 1
        assert not first.take(job)
        clock.now += 2
        assert first.take(job)
        assert not second.take(job)


def test_a_claim_that_is_renewed_is_respected_however_old_its_time(job, clock):
    path = write_claim(job)
    with Claims() as claims:
        for renewed in range(1, 6):
            os.utime(path, (renewed, renewed))
            assert not claims.take(job)
            clock.now += 0.9 * DEAD_AFTER_S


def test_a_run_renews_what_it_holds(job):
    with Claims(beat_s=0.01) as claims:
        claims.take(job)
        os.utime(claim_path(job, 0), (1, 1))
        give_up = time.monotonic() + 20
        while claim_path(job, 0).stat().st_mtime == 1:
            assert time.monotonic() < give_up
            time.sleep(0.01)


def test_a_holder_that_was_only_asleep_leaves_the_claim_of_who_took_over(job, clock):
    with Claims() as asleep, Claims() as other, Claims() as third:
        assert asleep.take(job)
        assert not other.take(job)
        clock.now += DEAD_AFTER_S + 1
        assert other.take(job)
        asleep.release(job)
        assert not third.take(job)
    assert not hidden_files(job.out.parent)


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "out").write_text("in the way")
    job = job_for(tmp_path / "a.mp4", tmp_path / "out")
    with Claims() as claims, pytest.raises(ArchiveError, match="choose another folder with --out"):
        claims.take(job)
