"""Who works on which file, where several runs share a folder."""

import json
import os
import subprocess
import sys
import time

import pytest

from hmr_live.batch.archive import leases as leases_module
from hmr_live.batch.archive.leases import EXPIRES_AFTER_S, Leases, holder_of, lease_path
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
    monkeypatch.setattr(leases_module, "time", clock)
    return clock


@pytest.fixture
def job(tmp_path):
    return job_for(tmp_path / "a.mp4", tmp_path / "out")


def write_lease(job, number=0, *, machine="elsewhere", process=1):
    path = lease_path(job, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "process": process}))
    return path


def test_only_one_run_holds_a_job_until_it_gives_it_back(job):
    with Leases() as first, Leases() as second:
        assert first.acquire(job)
        assert not second.acquire(job)
        assert holder_of(job) == os.uname().nodename
        first.release(job)
        assert second.acquire(job)
    assert not hidden_files(job.out.parent)


def test_the_lease_of_a_process_of_this_machine_that_is_gone_is_free_at_once(job):
    with Leases() as mine:
        mine.acquire(job)
        machine = json.loads(lease_path(job, 0).read_text())["machine"]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_lease(job, machine=machine, process=gone.pid)
    with Leases() as leases:
        assert leases.acquire(job)
        assert lease_path(job, 1).exists()
    assert not hidden_files(job.out.parent)


def test_a_lease_that_another_machine_no_longer_renews_is_taken_over_by_one_only(job, clock):
    write_lease(job)
    with Leases() as first, Leases() as second:
        assert not first.acquire(job)
        assert not second.acquire(job)
        assert holder_of(job) == "elsewhere"
        clock.now += EXPIRES_AFTER_S - 1
        assert not first.acquire(job)
        clock.now += 2
        assert first.acquire(job)
        assert not second.acquire(job)


def test_a_lease_that_is_renewed_is_respected_however_old_its_time(job, clock):
    path = write_lease(job)
    with Leases() as leases:
        for renewed in range(1, 6):
            os.utime(path, (renewed, renewed))
            assert not leases.acquire(job)
            clock.now += 0.9 * EXPIRES_AFTER_S


def test_a_run_renews_what_it_holds(job):
    with Leases(heartbeat_s=0.01) as leases:
        leases.acquire(job)
        os.utime(lease_path(job, 0), (1, 1))
        give_up = time.monotonic() + 20
        while lease_path(job, 0).stat().st_mtime == 1:
            assert time.monotonic() < give_up
            time.sleep(0.01)


def test_a_holder_that_was_only_asleep_leaves_the_lease_of_who_took_over(job, clock):
    with Leases() as asleep, Leases() as other, Leases() as third:
        assert asleep.acquire(job)
        assert not other.acquire(job)
        clock.now += EXPIRES_AFTER_S + 1
        assert other.acquire(job)
        asleep.release(job)
        assert not third.acquire(job)
    assert not hidden_files(job.out.parent)


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "out").write_text("in the way")
    job = job_for(tmp_path / "a.mp4", tmp_path / "out")
    with Leases() as leases, pytest.raises(ArchiveError, match="choose another folder with --out"):
        leases.acquire(job)
