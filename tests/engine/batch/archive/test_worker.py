"""One file, from the video to the finished folder."""

import json
import os

import pytest

from hmr_live.batch.archive.job_record import RECORD, finished_record
from hmr_live.batch.archive.worker import State, StopWork, Worker
from hmr_live.core.errors import ArchiveError, AssetError
from tests.engine.batch.archive.fakes import (
    SETTINGS,
    BlindPipeline,
    blind_job_spec,
    hidden_files,
    job_for,
    open_nothing,
)


@pytest.fixture
def job(make_video, tmp_path):
    return job_for(make_video(frames=6), tmp_path / "out")


def do(job, job_spec=None, on_frame=lambda _: None):
    return Worker(job_spec or blind_job_spec()).process(job, on_frame)


def is_finished(job, settings=SETTINGS):
    return finished_record(job.source, job.out, settings) is not None


def test_a_finished_folder_holds_results_and_a_record_and_nothing_is_left_beside_it(job):
    progress = []
    outcome = do(job, on_frame=progress.append)
    assert (outcome.state, outcome.frames, outcome.frames_with_body) == (State.DONE, 6, 0)
    assert "Nobody was in sight" in outcome.notes[0]
    assert [(at.frames, at.total) for at in progress] == [(n, 6) for n in range(1, 7)]
    assert is_finished(job)
    summary = json.loads((job.out / "summary.json").read_text())
    assert all((job.out / name).is_file() for name in summary["files"].values())
    assert not hidden_files(job.out.parent)


def test_a_folder_is_not_finished_for_other_settings_or_another_input(job, make_video):
    do(job)
    assert not is_finished(job, {**SETTINGS, "network": "other"})
    make_video(frames=7)
    assert not is_finished(job)
    assert do(job).frames == 7
    assert is_finished(job)


@pytest.mark.parametrize("harm", ["missing result", "torn record", "record of an older program"])
def test_a_damaged_folder_is_not_finished_and_is_made_again(job, harm):
    do(job)
    record = job.out / RECORD
    if harm == "missing result":
        (job.out / "summary.json").unlink()
    elif harm == "torn record":
        record.write_text(record.read_text()[:40])
    else:
        record.write_text(json.dumps(json.loads(record.read_text()) | {"format": 0}))
    assert not is_finished(job)
    assert do(job).state is State.DONE
    assert is_finished(job)
    assert not hidden_files(job.out.parent)


def test_a_copy_with_another_time_is_told_by_its_content_and_remembered(job):
    do(job)
    os.utime(job.source, (1, 1))
    assert not is_finished(job)
    outcome = do(job)
    assert (outcome.state, outcome.frames) == (State.FINISHED_BEFORE, 6)
    assert is_finished(job)


def test_a_job_that_is_stopped_leaves_nothing(job):
    def stop(_progress):
        raise StopWork

    with pytest.raises(StopWork):
        do(job, on_frame=stop)
    assert list(job.out.parent.iterdir()) == []


def test_what_a_killed_run_left_is_removed(job):
    left = job.out.with_name(f".{job.out.name}.dead-1.part")
    left.mkdir(parents=True)
    (left / "summary.json").touch()
    do(job)
    assert [path.name for path in job.out.parent.iterdir()] == [job.out.name]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (b"no video at all", "not a readable video"),
    ],
)
def test_a_broken_file_fails_with_its_sentence_and_the_next_is_done(job, tmp_path, content, words):
    broken = tmp_path / "broken.mp4"
    if content is not None:
        broken.write_bytes(content)
    worker = Worker(blind_job_spec())
    outcome = worker.process(job_for(broken, tmp_path / "out"), lambda _: None)
    assert outcome.state is State.FAILED
    assert words in outcome.problem
    assert worker.process(job, lambda _: None).state is State.DONE
    assert [path.name for path in job.out.parent.iterdir()] == [job.out.name]


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_done(job):
    def grow(progress):
        if progress.frames == 3:
            with job.source.open("ab") as file:
                file.write(b"more")

    outcome = do(job, on_frame=grow)
    assert outcome.state is State.FAILED
    assert "changed while it was being read" in outcome.problem
    assert list(job.out.parent.iterdir()) == []


def test_a_video_that_ends_early_is_done_with_a_note(job, caplog):
    content = job.source.read_bytes()
    # Without its last frames: the index at the end of the file is kept.
    first, last = content.index(b"mdat"), content.index(b"moov")
    middle = (first + last) // 2
    job.source.write_bytes(content[:middle] + bytes(last - 8 - middle) + content[last - 8 :])
    outcome = do(job)
    assert outcome.state is State.DONE
    assert outcome.frames < 6
    assert any("the rest is damaged or missing" in note for note in outcome.notes)


def test_a_full_disk_ends_the_run_with_a_sentence(job):
    with pytest.raises(ArchiveError, match="make room, then start the same command again"):
        do(job, blind_job_spec(keep_free=1 << 62))


def test_an_unexpected_error_costs_only_its_own_file(job, caplog):
    def fail(_progress):
        raise ZeroDivisionError("by nobody")

    outcome = do(job, on_frame=fail)
    assert outcome.state is State.FAILED
    assert "by nobody" in outcome.problem
    assert "has failed" in caplog.text


def test_after_a_lost_device_the_pipeline_is_opened_again(job):
    opened = []

    def open_pipeline():
        opened.append(BlindPipeline())
        opened[-1].breaks = len(opened) == 1
        return opened[-1]

    worker = Worker(blind_job_spec(open_pipeline))
    outcome = worker.process(job, lambda _: None)
    assert (outcome.state, outcome.problem) == (State.FAILED, "The device is lost.")
    assert [pipeline.closed for pipeline in opened] == [True, False]
    assert worker.process(job, lambda _: None).state is State.DONE


def test_a_pipeline_that_cannot_be_opened_is_told_at_once():
    with pytest.raises(AssetError, match="There is no network"):
        Worker(blind_job_spec(open_nothing))
