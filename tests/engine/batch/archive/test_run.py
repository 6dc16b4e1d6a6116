"""Handing files out and collecting what becomes of them, with workers that need no time."""

import json
from dataclasses import replace

import pytest

from hmr_live.batch.archive import run as run_module
from hmr_live.batch.archive.inputs import ArchiveShard
from hmr_live.batch.archive.leases import Leases
from hmr_live.batch.archive.run import run_archive
from hmr_live.batch.archive.worker import JobProgress, Outcome, State, Worker
from tests.engine.batch.archive.fakes import SETTINGS, blind_job_spec, hidden_files, job_for


class InstantPool:
    """Does a job when the outcome is asked for, in this thread; may be told to interrupt."""

    def __init__(self, *, interrupt_at=None):
        self.worker = Worker(blind_job_spec())
        self.submitted, self.stopped = [], False
        self._job = None
        self._interrupt_at = interrupt_at

    @property
    def free(self):
        return self._job is None

    def submit(self, job):
        self._job = job
        self.submitted.append(job.name)

    def collect(self, _seconds):
        if len(self.submitted) == self._interrupt_at:
            raise KeyboardInterrupt
        if self._job is None:
            return []
        news = []
        news.append(self.worker.process(self._job, news.append))
        self._job = None
        return news

    def stop(self):
        self.stopped = True


@pytest.fixture
def jobs(make_video, tmp_path, monkeypatch):
    """Three videos; what others hold is looked at again at once."""
    monkeypatch.setattr(run_module, "CHECK_AGAIN_S", 0.0)
    sources = [make_video(frames=count, name=f"{count}.mp4") for count in (2, 30, 10)]
    return [job_for(source, tmp_path / "out") for source in sources]


@pytest.fixture
def with_broken(jobs, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    return [*jobs, job_for(tmp_path / "broken.mp4", tmp_path / "out")]


def test_all_files_but_the_broken_one_are_done_the_longest_first(with_broken, tmp_path):
    pool, told, shown = InstantPool(), [], []
    report = run_archive(
        with_broken,
        SETTINGS,
        pool,
        on_outcome=told.append,
        on_progress=lambda progress: shown.append(replace(progress)),
    )
    assert pool.submitted == ["30.mp4", "10.mp4", "2.mp4", "broken.mp4"]
    assert pool.stopped
    assert [outcome.name for outcome in report.failed] == ["broken.mp4"]
    assert len(told) == 4
    assert report.frames == shown[-1].frames == 42
    assert [progress.bytes_done for progress in shown] == sorted(
        progress.bytes_done for progress in shown
    )
    assert shown[-1].bytes_done == shown[-1].bytes == sum(job.size for job in with_broken)
    text = report.as_text()
    assert "3 of 4 files done, 1 failed" in text
    assert "failed: broken.mp4: broken.mp4 is not a readable video" in text
    assert not hidden_files(tmp_path)


def test_started_again_only_what_is_not_finished_is_given_to_workers(with_broken):
    run_archive(with_broken, SETTINGS, InstantPool())
    pool, told = InstantPool(), []
    report = run_archive(with_broken, SETTINGS, pool, on_outcome=told.append)
    assert pool.submitted == [outcome.name for outcome in told] == ["broken.mp4"]
    assert "0 of 4 files done, 3 were finished before, 1 failed; 0 frames" in report.as_text()


def test_an_interrupted_run_says_what_is_left_and_releases_its_leases(jobs, tmp_path):
    pool = InstantPool(interrupt_at=2)
    report = run_archive(jobs, SETTINGS, pool)
    assert report.interrupted
    assert pool.stopped
    assert report.not_done == ("2.mp4", "10.mp4")
    assert "1 of 3 files done, 2 left to do" in report.as_text()
    assert "start the same command again and it goes on" in report.as_text()
    assert not hidden_files(tmp_path)


def test_a_run_that_is_asked_to_stop_ends_before_it_leases_another_file(jobs, tmp_path):
    pool = InstantPool()
    report = run_archive(jobs, SETTINGS, pool, stopped=lambda: len(pool.submitted) == 2)
    assert report.interrupted
    assert pool.stopped
    assert report.not_done == ("2.mp4",)
    assert not hidden_files(tmp_path)


def test_a_run_whose_last_file_is_through_was_not_interrupted(jobs):
    pool = InstantPool()
    assert not run_archive(
        jobs, SETTINGS, pool, stopped=lambda: len(pool.submitted) == 3
    ).interrupted


def test_files_in_the_hands_of_another_run_are_waited_for_and_not_done_twice(jobs):
    pool, waits = InstantPool(), []
    with Leases() as others:
        assert others.acquire(jobs[1])

        def finish_elsewhere(progress):
            if progress.waiting_for:
                waits.append(progress.waiting_for)
                if len(waits) == 3:
                    Worker(blind_job_spec()).process(jobs[1], lambda _: None)
                    others.release(jobs[1])

        report = run_archive(jobs, SETTINGS, pool, on_progress=finish_elsewhere)
    assert len(waits) >= 3
    assert pool.submitted == ["10.mp4", "2.mp4"]
    states = {outcome.name: outcome.state for outcome in report.outcomes}
    assert states["30.mp4"] is State.FINISHED_BEFORE
    assert states["2.mp4"] is states["10.mp4"] is State.DONE


def test_a_file_whose_holder_died_after_finishing_it_is_not_waited_for(jobs):
    with Leases() as others:
        assert others.acquire(jobs[0])

        def finish_elsewhere(progress):
            if progress.waiting_for:
                Worker(blind_job_spec()).process(jobs[0], lambda _: None)

        report = run_archive(jobs, SETTINGS, InstantPool(), on_progress=finish_elsewhere)
    assert len(report.outcomes) == 3


def test_the_report_is_written_as_json_one_for_each_shard(with_broken, tmp_path):
    report = run_archive(with_broken, SETTINGS, InstantPool())
    path = report.write(tmp_path / "out")
    assert path.name == "archive.json"
    content = json.loads(path.read_text())
    assert {file["name"]: file["state"] for file in content["files"]} == {
        "2.mp4": "done",
        "10.mp4": "done",
        "30.mp4": "done",
        "broken.mp4": "failed",
    }
    assert content["failed"] == 1
    assert content["settings"] == SETTINGS
    assert report.write(tmp_path / "out", ArchiveShard(2, 8)).name == "archive-2-of-8.json"


def test_progress_counts_the_share_of_files_that_are_being_worked_on(jobs):
    class Halfway(InstantPool):
        def collect(self, seconds):
            if len(self.submitted) == 1 and not shown:
                return [JobProgress("30.mp4", 15, 30)]
            return super().collect(seconds)

    shown = []

    def show(progress):
        if progress.frames == 15:
            shown.append(progress.bytes_done)

    run_archive(jobs, SETTINGS, Halfway(), on_progress=show)
    assert shown == [jobs[1].size / 2]


def test_outcomes_of_finished_files_tell_what_the_record_says(jobs):
    run_archive(jobs, SETTINGS, InstantPool())
    report = run_archive(jobs, SETTINGS, InstantPool())
    found = {outcome.name: outcome for outcome in report.outcomes}
    assert isinstance(found["2.mp4"], Outcome)
    assert found["2.mp4"].frames == 2
    assert "Nobody was in sight" in found["2.mp4"].notes[0]
