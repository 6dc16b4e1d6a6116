import dataclasses
import json
import re
import struct

import numpy as np
import pytest

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import RecordingError
from hmr_live.takes import chunks
from hmr_live.takes.chunks import chunk_at, leading_chunks, pack_chunk
from hmr_live.takes.container import TakeWriter, read_take
from hmr_live.takes.records import body_records
from hmr_live.takes.take import Marker
from tests.engine.takes.cases import INFO, body_state, write_frames, write_take


def test_a_take_holds_what_was_recorded(tmp_path):
    take = read_take(write_take(tmp_path / "a.hmrtake"))
    (motion,) = take.motions
    state = body_state(7)
    np.testing.assert_allclose(matrix_from_axis_angle(motion.pose[7]), state.rotmats, atol=1e-5)
    np.testing.assert_array_equal(motion.betas[7], state.betas)
    np.testing.assert_array_equal(motion.transl[7], state.transl)
    np.testing.assert_array_equal(motion.joints[7], state.joints)
    np.testing.assert_array_equal(motion.confidence[7], state.confidence)
    np.testing.assert_array_equal(motion.camera[7], state.camera)
    np.testing.assert_allclose(motion.crop_box[7], [320, 240, 300, 0.1], rtol=1e-6)
    assert motion.focal_length[7] == 900
    assert motion.score[7] == np.float32(0.9)
    assert motion.measured.all()
    assert motion.frame_index.tolist() == list(range(12))
    np.testing.assert_array_equal(motion.times, 100 + np.arange(12) / 30)
    assert take.info["complete"]
    assert take.info["source"] == "test"
    assert take.video is None


def test_every_person_has_a_stream_of_their_own(tmp_path):
    writer = TakeWriter(tmp_path / "a.hmrtake", INFO)
    write_frames(writer, range(3), people=2)
    write_frames(writer, range(3, 5), people=0)
    write_frames(writer, range(5, 8), people=1)
    writer.close()
    take = read_take(tmp_path / "a.hmrtake")
    first, second = take.motions
    assert (first.track_id, second.track_id) == (0, 1)
    assert first.frame_index.tolist() == [0, 1, 2, 5, 6, 7]
    assert second.frame_index.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(second.transl[2], body_state(1002).transl)
    assert take.info["frames"] == 8


def test_a_body_is_filed_under_its_person():
    predicted = dataclasses.replace(body_state(1), track_id=7, measured=False)
    records = body_records((predicted, dataclasses.replace(body_state(2), track_id=3)))
    assert records["person"].tolist() == [7, 3]
    assert records["measured"].tolist() == [False, True]


def test_markers_come_back_in_the_order_of_time(tmp_path):
    writer = TakeWriter(tmp_path / "a.hmrtake", INFO)
    write_frames(writer, range(2))
    writer.add_marker(Marker(100.5, "später"))
    writer.add_marker(Marker(100.1, "jump"))
    writer.close()
    take = read_take(tmp_path / "a.hmrtake")
    assert take.markers == (Marker(100.1, "jump"), Marker(100.5, "später"))


def test_a_take_cut_anywhere_keeps_every_whole_frame(tmp_path):
    data = write_take(tmp_path / "a.hmrtake", frames=4).read_bytes()
    found = list(leading_chunks(data))
    ends = [c.end for c in found if c.kind == chunks.FRAME]
    cut = tmp_path / "cut.hmrtake"
    for length in (*range(ends[2], ends[3] + 20), *range(found[-1].start - 20, len(data))):
        cut.write_bytes(data[:length])
        take = read_take(cut)
        assert take.info["frames"] == sum(end <= length for end in ends), length
        assert not take.info["complete"]


def test_a_tail_of_zeros_left_by_a_power_cut_is_passed_over(tmp_path):
    path = write_take(tmp_path / "a.hmrtake", frames=3)
    data = path.read_bytes()
    last = [c for c in leading_chunks(data) if c.kind == chunks.FRAME][-1]
    path.write_bytes(data[: last.start + 40] + bytes(4096))
    assert read_take(path).info["frames"] == 2


def test_a_running_take_can_be_read(tmp_path):
    writer = TakeWriter(tmp_path / "a.hmrtake", INFO)
    write_frames(writer, range(5))
    assert read_take(tmp_path / "a.hmrtake").info["frames"] == 5
    writer.close()


def test_a_take_without_frames_has_no_motion(tmp_path):
    take = read_take(write_take(tmp_path / "a.hmrtake", frames=0))
    assert take.motions == ()
    assert take.info["frames"] == 0


def test_the_index_tells_where_frames_begin(tmp_path):
    data = write_take(tmp_path / "a.hmrtake", frames=601).read_bytes()
    (end,) = [c for c in leading_chunks(data) if c.kind == chunks.END]
    told = json.loads(end.payload)
    assert told["frames"] == 601
    for k, start in enumerate(told["index"]):
        chunk = chunk_at(data, start)
        assert chunk.kind == chunks.FRAME
        assert struct.unpack_from("<I", chunk.payload) == (k * told["index_every"],)


def test_a_flipped_byte_in_the_middle_is_noticed(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=re.escape(f"is damaged: hmr-live repair {path} ")):
        read_take(path)


def test_a_frame_cut_out_cleanly_is_noticed(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    data = path.read_bytes()
    gone = [c for c in leading_chunks(data) if c.kind == chunks.FRAME][5]
    path.write_bytes(data[: gone.start] + data[gone.end :])
    with pytest.raises(RecordingError, match="is damaged"):
        read_take(path)


def edited_header(data, **changes):
    head = next(leading_chunks(data))
    header = {**json.loads(head.payload), **changes}
    return pack_chunk(chunks.HEADER, json.dumps(header).encode()) + data[head.end :]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "newer hmr-live .* update"),
        ({"version": "?"}, "another program"),
        ({"layout": {}}, "another program"),
        ({"layout": {"frame": [["number", "|O", []]]}}, "another program"),
        ({"info": 3}, "another program"),
    ],
)
def test_a_header_that_is_not_ours_is_refused(tmp_path, changes, words):
    data = write_take(tmp_path / "a.hmrtake").read_bytes()
    path = tmp_path / "b.hmrtake"
    path.write_bytes(edited_header(data, **changes))
    with pytest.raises(RecordingError, match=words):
        read_take(path)


def test_the_header_tells_units_and_the_layout_of_the_records(tmp_path):
    data = write_take(tmp_path / "a.hmrtake").read_bytes()
    header = json.loads(next(leading_chunks(data)).payload)
    named = {name for name, *_ in header["layout"]["body"]} - {"person", "measured", "betas"}
    assert named <= set(header["units"])
    assert header["format"] == "hmrtake"


def test_fields_added_by_another_program_are_passed_over(tmp_path):
    data = write_take(tmp_path / "a.hmrtake", frames=0).read_bytes()
    layout = json.loads(next(leading_chunks(data)).payload)["layout"]
    layout["frame"].append(["exposure", "<f4"])
    extended = edited_header(data, layout=layout)
    head = struct.pack("<Iqddf", 0, 42, 1.5, 2.5, 0.01)
    path = tmp_path / "b.hmrtake"
    path.write_bytes(
        extended[: next(leading_chunks(extended)).end]
        + pack_chunk(b"LENS", b"?")
        + pack_chunk(chunks.FRAME, head + body_records((body_state(3),)).tobytes())
    )
    (motion,) = read_take(path).motions
    assert motion.frame_index.tolist() == [42]
    np.testing.assert_array_equal(motion.transl, [body_state(3).transl])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 something else", "not an hmr-live take"),
        (chunks.MAGIC + b"HEAD\x00", "ends within its header"),
        (pack_chunk(chunks.FRAME, b"?"), "is damaged"),
    ],
)
def test_other_files_are_refused_with_a_sentence(tmp_path, content, words):
    path = tmp_path / "x.hmrtake"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=words):
        read_take(path)


def test_missing_files_and_folders_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(RecordingError, match="There is no take"):
        read_take(tmp_path / "x.hmrtake")
    with pytest.raises(RecordingError, match="cannot be read"):
        read_take(tmp_path)


def test_a_take_never_overwrites_a_file(tmp_path):
    path = write_take(tmp_path / "a.hmrtake")
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="exists already"):
        TakeWriter(path, INFO)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_to_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordingError, match="choose another folder"):
        TakeWriter(tmp_path / "file" / "a.hmrtake", INFO)
    # A folder on which the system allows nobody, not even root, to write.
    with pytest.raises(RecordingError, match="choose another folder"):
        TakeWriter(type(tmp_path)("/proc/a.hmrtake"), INFO)


def test_a_full_disk_leaves_whole_chunks_only(tmp_path, small_disk):
    path = small_disk / "a.hmrtake"
    writer = TakeWriter(path, INFO)
    with pytest.raises(RecordingError, match=r"had to stop \(No space left.*frames are kept"):
        write_frames(writer, range(10_000))
    writer.close()
    assert writer.frames > 3
    assert path.stat().st_size == list(leading_chunks(path.read_bytes()))[-1].end
    assert read_take(path).info["frames"] == writer.frames
