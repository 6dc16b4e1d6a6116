"""Which files an archive holds and where the results of each go."""

import os

import pytest

from hmr_live.batch.archive.inputs import ArchiveShard, find_jobs, read_list
from hmr_live.core.errors import ArchiveError


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A tree of empty files, and the current folder in it."""
    for name in (
        "rec/mon/cam.mp4",
        "rec/tue/cam.MOV",
        "rec/tue/notes.txt",
        "rec/._cam.mp4",
        "rec/.trash/old.mp4",
        "rec/out/cam.mp4/overlay.mp4",
        "other/walk[1].mp4",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(jobs):
    return [job.name for job in jobs]


def test_a_folder_gives_its_videos_but_neither_hidden_files_nor_results(archive):
    jobs = find_jobs(["rec"], archive / "rec" / "out")
    assert names(jobs) == ["mon/cam.mp4", "tue/cam.MOV"]
    assert jobs[0].source == archive / "rec/mon/cam.mp4"
    assert jobs[0].out == archive / "rec/out/mon/cam.mp4"
    assert jobs[0].size == 5


@pytest.mark.parametrize("pattern", ["rec/*/cam.*", "rec/**/cam.*"])
def test_a_pattern_keeps_the_tree_beneath_its_fixed_part(archive, pattern):
    assert names(find_jobs([pattern], archive / "rec/out")) == ["mon/cam.mp4", "tue/cam.MOV"]


def test_files_of_one_name_get_folders_of_their_own(archive):
    jobs = find_jobs(["rec/mon/cam.mp4", "rec/mon", "other/walk[1].mp4"], archive / "out")
    assert names(jobs) == ["other/walk[1].mp4", "rec/mon/cam.mp4"]
    assert len({job.out for job in jobs}) == len(jobs)


def test_a_missing_file_is_a_job_that_will_fail(archive):
    assert [(job.name, job.size) for job in find_jobs(["gone.mp4"], archive / "out")] == [
        ("gone.mp4", 0)
    ]


def test_lists_skip_empty_lines_and_remarks():
    assert read_list(["a b.mp4\n", "\n", "# old\n", "  c.mp4  \n"]) == ["a b.mp4", "c.mp4"]


def test_every_file_is_in_exactly_one_shard_and_stays_there(archive):
    (archive / "many").mkdir()
    for number in range(200):
        (archive / "many" / f"{number}.mp4").touch()
    shards = [ArchiveShard(number, 4) for number in (1, 2, 3, 4)]
    jobs = find_jobs(["many"], archive / "out")
    homes = {job.name: [shard for shard in shards if shard.holds(job)] for job in jobs}
    assert all(len(home) == 1 for home in homes.values())
    assert all(sum(home == [shard] for home in homes.values()) > 30 for shard in shards)
    (archive / "many" / "0a.mp4").touch()
    for job in find_jobs(["many"], archive / "out"):
        if job.name in homes:
            assert homes[job.name][0].holds(job)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(ArchiveError, match="--shard 2/8"):
        ArchiveShard.parse(text)
    assert ArchiveShard.parse("2/8") == ArchiveShard(2, 8)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "nothing to process"),
        (["empty"], "a folder without videos"),
        (["rec/*.avi"], r"No file matches rec/\*\.avi"),
    ],
)
def test_inputs_that_hold_nothing_are_told(archive, inputs, words):
    os.mkdir("empty")  # noqa: PTH102
    with pytest.raises(ArchiveError, match=words):
        find_jobs(inputs, archive / "out")
