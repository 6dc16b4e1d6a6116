"""Workers in processes, real ones."""

import sys
import time

import pytest

from hmr_live.batch.archive.processes import ProcessPool
from hmr_live.batch.archive.run import run_archive
from hmr_live.batch.archive.worker import JobProgress, State
from hmr_live.core.errors import ArchiveError, AssetError
from tests.engine.batch.archive.fakes import (
    SETTINGS,
    BlindPipeline,
    blind_job_spec,
    hidden_files,
    job_for,
    open_deadly,
    open_nothing,
    open_slowly,
)


def jobs_of(make_video, tmp_path, **frames):
    return [
        job_for(make_video(frames=count, name=f"{name}.mp4"), tmp_path / "out")
        for name, count in frames.items()
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process by a signal")
def test_a_file_that_kills_its_process_fails_and_the_others_are_done(make_video, tmp_path):
    # The frames of the longest get as bright as what kills the pipeline.
    jobs = jobs_of(make_video, tmp_path, first=5, deadly=45, last=6)
    report = run_archive(jobs, SETTINGS, ProcessPool(blind_job_spec(BlindPipeline), 2))
    states = {outcome.name: outcome.state for outcome in report.outcomes}
    assert states == {
        "first.mp4": State.DONE,
        "deadly.mp4": State.FAILED,
        "last.mp4": State.DONE,
    }
    assert "was killed by SIGKILL" in report.failed[0].problem
    left = hidden_files(tmp_path / "out")
    assert all(path.name.startswith(".deadly") for path in left), "the others left nothing"


def test_workers_that_are_stopped_drop_what_they_were_doing(make_video, tmp_path):
    jobs = jobs_of(make_video, tmp_path, long=40)
    pool = ProcessPool(blind_job_spec(open_slowly), 1)
    jobs[0].out.parent.mkdir()
    pool.submit(jobs[0])
    assert pool.free == 0
    give_up = time.monotonic() + 60
    while not pool.collect(1.0):
        assert time.monotonic() < give_up, "no progress was told"
    pool.stop()
    assert list(jobs[0].out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("open_pipeline", "error", "words"),
    [
        (open_nothing, AssetError, "There is no network"),
        (open_deadly, ArchiveError, "ended with code 3 before it could start"),
    ],
)
def test_workers_that_cannot_begin_end_the_run(make_video, tmp_path, open_pipeline, error, words):
    jobs = jobs_of(make_video, tmp_path, one=2)
    with pytest.raises(error, match=words):
        run_archive(jobs, SETTINGS, ProcessPool(blind_job_spec(open_pipeline), 1))
    assert list(jobs[0].out.parent.iterdir()) == []


def test_progress_is_told_while_a_file_is_worked_on(make_video, tmp_path):
    jobs = jobs_of(make_video, tmp_path, one=3)
    pool = ProcessPool(blind_job_spec(open_slowly), 1)
    jobs[0].out.parent.mkdir()
    pool.submit(jobs[0])
    news = []
    while not news or isinstance(news[-1], JobProgress):
        news += pool.collect(1.0)
    pool.stop()
    assert [at.total for at in news[:-1]] == [3] * len(news[:-1])
    assert news[0].frames == 1
    assert news[-1].state is State.DONE
