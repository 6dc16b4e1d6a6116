import threading
import time

import cv2
import numpy as np
import pytest

from hmr_live.capture.sources import VideoFile, open_source, read_image
from hmr_live.core.errors import SourceError


def read_all(source, limit=1000):
    frames = []
    while len(frames) < limit and (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def test_a_video_gives_every_frame_with_its_own_time(make_video):
    frames = read_all(VideoFile(make_video(frames=20, fps=25)))
    assert [frame.index for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / 25, atol=1e-3)
    assert frames[0].size == (64, 48)


def test_a_looped_video_goes_on_with_growing_times(make_video):
    frames = read_all(VideoFile(make_video(frames=5, fps=25), loop=True), limit=12)
    times = [frame.time for frame in frames]
    assert len(frames) == 12
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=2e-3)
    assert frames[5].image.mean() == pytest.approx(frames[0].image.mean(), abs=1)


def test_a_video_in_real_time_keeps_its_pace_on_the_monotonic_clock(make_video):
    source = VideoFile(make_video(frames=11, fps=25), realtime=True)
    start = time.monotonic()
    frames = read_all(source)
    assert time.monotonic() - start > 0.35, "eleven frames at 25 a second last 0.4 s"
    assert start <= frames[0].time
    np.testing.assert_allclose(np.diff([f.time for f in frames]), 1 / 25, atol=5e-3)


def test_a_slow_reader_of_a_video_in_real_time_does_not_make_it_race(make_video):
    source = VideoFile(make_video(frames=20, fps=25), realtime=True)
    source.read()
    time.sleep(0.6)  # the reader is slow
    before = time.monotonic()
    for _ in range(5):
        frame = source.read()
        assert before <= frame.time <= time.monotonic(), "played on from here, none too early"


def test_closing_wakes_a_waiting_reader(make_video):
    source = VideoFile(make_video(frames=3, fps=1), realtime=True)
    source.read()
    source._started += 600  # the next frame is due in ten minutes
    frames = [source]
    reader = threading.Thread(target=lambda: frames.append(source.read()), daemon=True)
    reader.start()
    source.close()
    reader.join(60)
    assert frames == [source, None]


def test_a_truncated_video_says_that_it_ends_early(demo_clip, tmp_path, caplog):
    data = demo_clip.read_bytes()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data[: len(data) * 6 // 10])
    frames = read_all(VideoFile(broken))
    assert 10 < len(frames) < 90
    assert "ends after" in caplog.text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nothing.mp4", "There is no file"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: _write(folder / "text.mp4", b"not a video"), "not a readable video"),
        (lambda folder: _write(folder / "empty.mp4", b""), "not a readable video"),
        (lambda folder: _write(folder / "text.jpg", b"not an image"), "not a readable image"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(make, words, tmp_path):
    with pytest.raises(SourceError, match=words) as caught:
        open_source(make(tmp_path))
    assert str(caught.value).endswith(".")


def _write(path, data):
    path.write_bytes(data)
    return path


def test_a_picture_is_a_source_of_one_frame(tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((30, 40, 3), 99, np.uint8))
    source = open_source(path)
    frame = source.read()
    assert frame.size == (40, 30)
    assert (frame.image == read_image(path)).all()
    assert source.read() is None
