import numpy as np
import pytest

from hmr_live.core.errors import RecordingError
from hmr_live.takes import chunks
from hmr_live.takes.chunks import leading_chunks
from hmr_live.takes.container import TakeWriter, read_take
from hmr_live.takes.repair import repair_take
from hmr_live.takes.take import Marker
from tests.engine.takes.cases import INFO, body_state, write_frames, write_take


def chunks_of(data, kind):
    return [chunk for chunk in leading_chunks(data) if chunk.kind == kind]


def damage(path, *places):
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 0xFF
    path.write_bytes(data)
    return bytes(data)


def test_a_damaged_take_is_saved_but_for_the_damaged_frames(tmp_path):
    path = write_take(tmp_path / "a.hmrtake", frames=20, people=2)
    frames = chunks_of(path.read_bytes(), chunks.FRAME)
    # One byte within a frame, and the length of another chunk, which then points anywhere.
    damaged = damage(path, frames[5].start + 100, frames[11].start + 10)
    report = repair_take(path)
    assert (report.saved, report.lost) == (18, 2)
    assert "18 frames saved, 2 lost." in report.as_text()
    take = read_take(report.path)
    first, second = take.motions
    kept = [n for n in range(20) if n not in (5, 11)]
    assert first.frame_index.tolist() == kept
    np.testing.assert_array_equal(second.transl[5], body_state(1006).transl)
    assert take.info["complete"]
    assert path.read_bytes() == damaged, "the damaged file stays as it is"


def test_the_first_header_may_be_lost(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    damage(path, 0, 30)
    with pytest.raises(RecordingError, match="is damaged"):
        read_take(path)
    report = repair_take(path)
    assert (report.saved, report.lost) == (12, 0)
    assert read_take(report.path).info["source"] == "test"


def test_a_hole_of_many_frames_is_counted(tmp_path):
    path = write_take(tmp_path / "a.hmrtake", frames=30)
    data = path.read_bytes()
    frames = chunks_of(data, chunks.FRAME)
    path.write_bytes(data[: frames[10].start] + bytes(512) + data[frames[20].start :])
    report = repair_take(path)
    assert (report.saved, report.lost) == (20, 10)


def test_frames_lost_before_a_surviving_end_are_counted(tmp_path):
    path = write_take(tmp_path / "a.hmrtake", frames=10)
    damage(path, chunks_of(path.read_bytes(), chunks.FRAME)[9].start + 50)
    assert repair_take(path).lost == 1


def test_a_killed_take_gets_its_end(tmp_path):
    writer = TakeWriter(tmp_path / "a.hmrtake", INFO)
    write_frames(writer, range(5))
    report = repair_take(tmp_path / "a.hmrtake")
    assert report.saved == 5
    assert "end is missing" in report.as_text()
    assert read_take(report.path).info["complete"]
    writer.close()


def test_markers_and_video_times_are_saved(tmp_path):
    writer = TakeWriter(tmp_path / "a.hmrtake", {**INFO, "video": "a.avi"})
    for number in range(6):
        write_frames(writer, range(number, number + 1))
        writer.add_video_frame(number, 100 + number / 10)
    writer.add_marker(Marker(100.2, "here"))
    writer.close(dropped=4)
    (tmp_path / "a.avi").write_bytes(b"a video")
    damage(
        tmp_path / "a.hmrtake",
        chunks_of((tmp_path / "a.hmrtake").read_bytes(), chunks.VIDEO)[2].start + 18,
    )
    take = read_take(repair_take(tmp_path / "a.hmrtake", tmp_path / "b.hmrtake").path)
    assert take.markers == (Marker(100.2, "here"),)
    assert take.info["dropped"] == 4
    np.testing.assert_allclose(take.info["video_times"], 100 + np.arange(6) / 10)
    assert take.video == tmp_path / "a.avi"


def test_a_whole_take_is_told_to_be_whole(tmp_path):
    report = repair_take(write_take(tmp_path / "a.hmrtake"))
    assert report.as_text().startswith("Nothing was wrong; a copy with all 12 frames")


def test_nothing_is_ever_overwritten(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    before = path.read_bytes()
    for target in (path, repair_take(path).path):
        with pytest.raises(RecordingError, match="exists already"):
            repair_take(path, target)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing to save"),
        (b"a letter to somebody", "not an hmr-live take"),
        (chunks.pack_chunk(chunks.FRAME, bytes(800)), "every copy of its header"),
    ],
)
def test_what_cannot_be_saved_is_told(tmp_path, content, words):
    path = tmp_path / "x.hmrtake"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=words):
        repair_take(path)


def test_a_take_without_a_whole_frame_is_told(tmp_path):
    with pytest.raises(RecordingError, match="holds no whole frame"):
        repair_take(write_take(tmp_path / "a.hmrtake", frames=0))
    assert not (tmp_path / "a_repaired.hmrtake").exists()
