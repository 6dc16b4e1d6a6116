from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from hmr_live.core.errors import RecordingError
from hmr_live.takes.container import read_take
from hmr_live.takes.edit import free_path, keep_range, rename_take, save_take, split_at
from hmr_live.takes.summary import list_takes, summarise_take
from tests.engine.takes.cases import write_take
from tests.engine.takes.streams import motion, take

TIMES = 10 + np.arange(50) / 10


def test_a_range_holds_its_first_and_last_frame_and_the_markers_between():
    part = keep_range(take(motion(TIMES), markers=(10.5, 12, 14)), TIMES[10], TIMES[20])
    assert part.motions[0].times.tolist() == TIMES[10:21].tolist()
    assert [marker.time for marker in part.markers] == [12]
    assert part.info["kept_range"] == [TIMES[10], TIMES[20]]


def test_a_range_without_anybody_is_refused():
    with pytest.raises(RecordingError, match="Nobody is in sight in this range"):
        keep_range(take(motion(TIMES)), 2, 3)


def test_both_parts_of_a_split_make_the_whole():
    before, after = split_at(take(motion(TIMES)), float(TIMES[20]))
    assert before.motions[0].times.tolist() == TIMES[:20].tolist()
    assert after.motions[0].times.tolist() == TIMES[20:].tolist()


def test_a_take_of_two_people_comes_back_from_its_file_as_it_was(tmp_path):
    original = take(motion(TIMES), motion(TIMES[7:30], track_id=3), markers=(11,), dropped=4)
    done = []
    save_take(original, tmp_path / "a.hmrtake", done.append)
    again = read_take(tmp_path / "a.hmrtake")
    assert len(again.motions) == 2
    for written, read in zip(original.motions, again.motions, strict=True):
        for field in fields(read):
            if field.name != "frame_index":  # one number a frame, not one a person
                wanted, found = getattr(written, field.name), getattr(read, field.name)
                np.testing.assert_array_equal(wanted, found)
    assert again.markers == original.markers
    assert (again.info["source"], again.info["dropped"]) == ("test", 4)
    assert (again.info["frames"], again.info["complete"]) == (50, True)
    assert done[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["a.hmrtake"]


def test_a_file_that_exists_is_never_overwritten(tmp_path):
    path = tmp_path / "a.hmrtake"
    path.write_text("mine")
    with pytest.raises(RecordingError, match="exists already"):
        save_take(take(motion(TIMES)), path)
    assert path.read_text() == "mine"
    assert free_path(tmp_path, "a") == tmp_path / "a_2.hmrtake"
    (tmp_path / "b.avi").touch()
    assert free_path(tmp_path, "b") == tmp_path / "b_2.hmrtake"
    assert free_path(tmp_path, "c") == tmp_path / "c.hmrtake"


def test_a_full_disk_leaves_no_half_take(small_disk):
    with pytest.raises(RecordingError):
        save_take(take(motion(TIMES)), small_disk / "a.hmrtake")
    assert not list(small_disk.iterdir())


def test_a_part_keeps_the_video_and_shows_the_right_pictures_of_it(tmp_path):
    video = tmp_path / "a.avi"
    video.write_bytes(b"film")
    original = take(motion(TIMES), video=video, video_times=TIMES.tolist())
    part = keep_range(original, 11.25, 13.0)
    save_take(part, tmp_path / "b.hmrtake")
    again = read_take(tmp_path / "b.hmrtake")
    assert again.video == tmp_path / "b.avi"
    assert again.video.read_bytes() == b"film"
    times = np.array(again.info["video_times"])
    # The picture that is on show when the range begins was taken before it.
    assert times.tolist() == [TIMES[12]] * 13 + TIMES[13:31].tolist()
    video.unlink()
    assert read_take(tmp_path / "b.hmrtake").video is not None


def test_renaming_takes_the_video_along(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    (tmp_path / "a.avi").write_bytes(b"film")
    target = rename_take(path, " dance 1.hmrtake")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dance 1.avi", "dance 1.hmrtake"]
    assert rename_take(target, "dance 1") == target


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", ".hidden", "a:b", "nul\0"])
def test_what_is_no_name_for_a_file_is_refused(tmp_path, name):
    path = write_take(tmp_path / "a.hmrtake")
    with pytest.raises(RecordingError, match="cannot be the name of a file"):
        rename_take(path, name)
    assert path.exists()


def test_renaming_never_replaces_another_take_or_video(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    write_take(tmp_path / "b.hmrtake")
    (tmp_path / "a.avi").touch()
    (tmp_path / "c.avi").touch()
    for name in ("b", "c"):
        with pytest.raises(RecordingError, match="exists already"):
            rename_take(path, name)
    assert path.exists()
    assert (tmp_path / "a.avi").exists()


def test_the_list_tells_what_is_in_a_take_and_what_is_wrong_with_it(tmp_path):
    good = summarise_take(write_take(tmp_path / "good.hmrtake", frames=31, people=2))
    assert (good.frames, good.people, good.video, good.problem) == (31, 2, False, "")
    assert good.seconds == pytest.approx(1.0)
    assert good.complete
    data = good.path.read_bytes()
    bad = tmp_path / "bad.hmrtake"
    bad.write_bytes(data[:9000] + b"\0\0" + data[9002:])
    assert f"hmr-live repair {bad}" in summarise_take(bad).problem
    cut = tmp_path / "cut.hmrtake"
    cut.write_bytes(data[:-400])
    assert not summarise_take(cut).complete
    assert {path.name for path in list_takes(tmp_path)} == {"good.hmrtake", "bad.hmrtake", cut.name}
    assert list_takes(Path("/nowhere")) == []
