import threading
import time
from collections import namedtuple

import cv2
import numpy as np
import pytest

from hmr_live.core.errors import RecordingError
from hmr_live.core.state import Frame, FrameResult
from hmr_live.takes import recorder as recorder_module
from hmr_live.takes.container import read_take
from hmr_live.takes.pre_roll import PreRoll
from hmr_live.takes.recorder import TakeRecorder
from hmr_live.takes.records import TakeFrame
from tests.engine.takes.cases import INFO, result, take_frame

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def told():
    return []


def wait_until(condition, timeout=60.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_frames_and_markers_are_recorded(tmp_path):
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO)
    for number in range(20):
        recorder.add(take_frame(number, people=2))
        if number == 9:
            recorder.add_marker("jump")
    take = read_take(recorder.close())
    assert [len(motion.times) for motion in take.motions] == [20, 20]
    (marker,) = take.markers
    assert marker.label == "jump"
    assert marker.time == take.motions[0].times[9]
    assert take.info["dropped"] == 0


def test_a_frame_is_in_the_file_soon_and_not_only_at_the_end(tmp_path):
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO)
    recorder.add(take_frame(0))
    wait_until(lambda: read_take(tmp_path / "a.hmrtake").info["frames"] == 1)
    recorder.close()


def test_a_disk_that_stands_still_never_holds_the_pipeline_and_drops_are_counted(
    tmp_path, monkeypatch
):
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, queue_limit=10)
    moves = threading.Event()
    write = recorder._writer._write
    monkeypatch.setattr(recorder._writer, "_write", lambda *a: (moves.wait(120), write(*a)))
    start = time.monotonic()
    for number in range(50):
        recorder.add(take_frame(number))
    assert time.monotonic() - start < 60, "nobody waited for the disk"
    # Ten wait; one more may already have left the queue for the disk.
    assert recorder.dropped in (39, 40)
    moves.set()
    take = read_take(recorder.close())
    assert take.info["dropped"] == recorder.dropped
    assert take.info["frames"] == 50 - recorder.dropped


def test_a_full_disk_stops_the_recording_with_a_sentence_and_keeps_the_frames(small_disk, told):
    recorder = TakeRecorder(small_disk / "a.hmrtake", INFO, keep_free=0, on_error=told.append)
    for number in range(100):
        recorder.add(take_frame(number))
    wait_until(lambda: recorder.stopped)
    recorder.add(take_frame(100))  # told once; the live session goes on
    path = recorder.close()
    (sentence,) = told
    assert "had to stop (No space left" in sentence
    frames = read_take(path).info["frames"]
    assert f"its {frames} frames are kept" in sentence
    assert frames > 3


def test_a_recording_ends_before_the_disk_is_full(tmp_path, told, monkeypatch):
    monkeypatch.setattr(recorder_module, "_SYNC_EVERY_S", 0.02)
    free = [900_000_000]
    monkeypatch.setattr(recorder_module.shutil, "disk_usage", lambda _: Usage(10**9, 0, free[0]))
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, on_error=told.append)
    assert recorder.free_bytes == 900_000_000
    recorder.add(take_frame(0))
    wait_until(lambda: recorder.frames == 1)
    free[0] = 150_000_000
    wait_until(lambda: recorder.stopped)
    assert "only 150 MB left" in told[0]
    take = read_take(recorder.close())
    assert take.info["frames"] == 1
    assert take.info["complete"]


def test_a_nearly_full_disk_is_refused_at_once(tmp_path):
    with pytest.raises(RecordingError, match="make room"):
        TakeRecorder(tmp_path / "a.hmrtake", INFO, keep_free=1 << 62)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fails_to_sync_stops_the_recording_with_a_sentence(tmp_path, told, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(recorder_module, "_SYNC_EVERY_S", 0.02)
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, on_error=told.append)
    recorder.add(take_frame(0))
    wait_until(lambda: recorder.frames == 1)
    monkeypatch.setattr("hmr_live.takes.writer.os.fsync", fail)
    wait_until(lambda: recorder.stopped)
    assert "had to stop (Input/output error)" in told[0]
    assert read_take(recorder.close()).info["frames"] == 1


def test_an_empty_recording_says_so_and_leaves_nothing(tmp_path):
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO)
    recorder.add(take_frame(0, people=0))
    with pytest.raises(RecordingError, match="Nobody was in sight"):
        recorder.close()
    assert not list(tmp_path.iterdir())


def test_the_pre_roll_stands_in_front_without_gap_or_repetition(tmp_path):
    pre_roll = PreRoll(live=False, seconds=1.0)
    for number in range(100):
        pre_roll.add(result(number))
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO)
    pre_roll.attach(recorder)
    for number in range(100, 110):
        pre_roll.add(result(number))
    pre_roll.detach()
    pre_roll.add(result(110))
    (motion,) = read_take(recorder.close()).motions
    assert motion.frame_index.tolist() == list(range(70, 110))


def test_a_long_pre_roll_is_never_dropped(tmp_path):
    pre_roll = PreRoll(live=False, seconds=10)
    for number in range(200):
        pre_roll.add(result(number))
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, queue_limit=2)
    pre_roll.attach(recorder)
    recorder.add_marker("now")
    take = read_take(recorder.close())
    assert take.motions[0].frame_index.tolist() == list(range(200))
    assert take.markers[0].time == take.motions[0].times[-1]


def test_a_shorter_pre_roll_takes_effect_with_the_next_frame(tmp_path):
    pre_roll = PreRoll(live=False, seconds=10)
    for number in range(60):
        pre_roll.add(result(number))
    pre_roll.seconds = 1
    pre_roll.add(result(60))
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO)
    pre_roll.attach(recorder)
    assert read_take(recorder.close()).motions[0].frame_index.tolist() == list(range(31, 61))


def test_without_seconds_the_pre_roll_keeps_nothing(tmp_path):
    pre_roll = PreRoll(live=False, seconds=0)
    pre_roll.add(result(0))
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO)
    pre_roll.attach(recorder)
    pre_roll.add(result(1))
    assert read_take(recorder.close()).motions[0].frame_index.tolist() == [1]


def test_the_wall_clock_tells_the_moment_of_the_grab():
    grabbed = time.monotonic() - 0.5
    frame = TakeFrame.of(result(0, time=grabbed), live=True)
    assert frame.time == grabbed
    assert frame.unix_time == pytest.approx(time.time() - 0.5, abs=0.2)
    assert TakeFrame.of(result(0), live=False).unix_time == pytest.approx(time.time(), abs=0.2)


def grey_result(level, size=(64, 48)):
    image = np.full((size[1], size[0], 3), level, np.uint8)
    made = result(level)
    return FrameResult(Frame(image, made.frame.time, level), made.bodies)


def test_the_video_beside_the_take_has_its_clock(tmp_path):
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, video_fps=30)
    pre_roll = PreRoll(live=False)
    pre_roll.add(grey_result(1))  # the pre-roll has no pictures
    pre_roll.attach(recorder)
    levels = list(range(20, 240, 20))
    for level in levels:
        pre_roll.add(grey_result(level))
        wait_until(lambda: recorder._video._queue.empty())
    pre_roll.add(grey_result(250, size=(32, 24)))  # the camera has changed its mind
    take = read_take(recorder.close())
    assert take.video == tmp_path / "a.avi"
    assert take.info["video"] == "a.avi"
    np.testing.assert_array_equal(take.info["video_times"], [100 + k / 30 for k in levels])
    assert len(take.motions[0].times) == len(levels) + 2
    assert recorder.video_dropped == 1
    video = cv2.VideoCapture(str(take.video))
    for level in levels:
        ok, image = video.read()
        assert ok
        assert abs(float(image.mean()) - level) < 6
    assert not video.read()[0]


def test_a_video_that_cannot_be_written_does_not_end_the_take(tmp_path, told):
    (tmp_path / "a.avi").mkdir()
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, video_fps=30, on_error=told.append)
    for number in range(3):
        recorder.add(take_frame(number), result(number).frame)
    assert read_take(recorder.close()).info["frames"] == 3
    assert not recorder.stopped
    (sentence,) = told
    assert "continues without its video" in sentence


def test_pictures_that_find_the_video_busy_are_dropped_and_counted(tmp_path, monkeypatch):
    goes_on = threading.Event()

    class SlowWriter:
        def __init__(self, *_):
            goes_on.wait(10)

        def add(self, picture):
            pass

        def close(self):
            pass

    monkeypatch.setattr("hmr_live.takes.video.VideoFileWriter", SlowWriter)
    recorder = TakeRecorder(tmp_path / "a.hmrtake", INFO, video_fps=30)
    for number in range(40):
        recorder.add(take_frame(number), result(number).frame)
    assert recorder.video_dropped in (23, 24)
    goes_on.set()
    take = read_take(recorder.close())
    assert take.info["frames"] == 40
    assert len(take.info["video_times"]) == 40 - recorder.video_dropped
