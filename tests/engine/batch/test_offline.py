"""The overlay is drawn in a thread of its own: all frames, in order, and its failures are told."""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest

from hmr_live.batch import offline, overlay_video
from hmr_live.batch.offline import run_offline
from hmr_live.core.errors import RecordingError, SourceError
from hmr_live.core.state import Frame
from tests.engine.batch.archive.fakes import BlindPipeline

SIZE = (64, 48)


class Source:
    """Twenty frames, each brighter than the one before; ``breaks`` makes it fail after them."""

    name, fps, size, live = "source", 30.0, SIZE, False

    def __init__(self, *, breaks=False):
        self._left, self._breaks = list(range(20)), breaks

    def read(self):
        if self._left:
            number = self._left.pop(0)
            picture = np.full((SIZE[1], SIZE[0], 3), 10 * number, np.uint8)
            return Frame(picture, number / self.fps, number)
        if self._breaks:
            raise SourceError("The source broke.")
        return None

    def close(self):
        pass


class SlowPainter:
    """Paints nothing, slowly; remembers who called."""

    threads: set[int]

    def __init__(self, body, notes):
        self.threads.clear()
        self.threads.add(threading.get_ident())

    def paint(self, frame, bodies):
        self.threads.add(threading.get_ident())
        time.sleep(0.005)
        return frame.image

    def close(self):
        self.threads.add(threading.get_ident())


@pytest.fixture
def painter(monkeypatch):
    SlowPainter.threads = set()
    monkeypatch.setattr(overlay_video, "_OverlayPainter", SlowPainter)
    return SlowPainter


def levels(path):
    """Mean brightness of the frames of a video."""
    video = cv2.VideoCapture(str(path))
    found = []
    while True:
        ok, picture = video.read()
        if not ok:
            return found
        found.append(float(picture.mean()))


def test_every_frame_is_drawn_in_order_and_counted(painter, tmp_path):
    summary = run_offline(Source(), BlindPipeline(), tmp_path)
    np.testing.assert_allclose(levels(tmp_path / "overlay.mp4"), 10 * np.arange(20), atol=4.9)
    assert summary.stages["draw"].count == summary.stages["write"].count == summary.frames == 20
    assert summary.files["overlay"] == "overlay.mp4"
    assert len(painter.threads) == 1
    assert threading.get_ident() not in painter.threads


def test_recovery_goes_on_while_a_frame_is_drawn(painter, tmp_path, monkeypatch):
    third = threading.Event()
    seen = []

    class Pipeline(BlindPipeline):
        def process(self, frame):
            if frame.index == 2:
                third.set()
            return super().process(frame)

    def paint(self, frame, bodies):
        seen.append(third.wait(20))  # the first frame is drawn once the third one is recovered
        return frame.image

    monkeypatch.setattr(painter, "paint", paint)
    run_offline(Source(), Pipeline(), tmp_path)
    assert seen == [True] * 20


def test_frames_that_wait_are_drawn_when_the_source_breaks(painter, tmp_path):
    with pytest.raises(SourceError, match="broke"):
        run_offline(Source(breaks=True), BlindPipeline(), tmp_path)
    assert len(levels(tmp_path / "overlay.mp4")) == 20


@pytest.mark.parametrize("fails_at", [3, 19], ids=["in the midst", "at the last frame"])
def test_a_video_that_cannot_be_written_ends_the_run_with_its_sentence(
    painter, tmp_path, monkeypatch, fails_at
):
    class Full(overlay_video.VideoFileWriter):
        left = fails_at

        def add(self, picture):
            self.left -= 1
            if self.left < 0:
                raise RecordingError("The disk is full: make room.")
            super().add(picture)

    monkeypatch.setattr(overlay_video, "VideoFileWriter", Full)
    taken = []
    original = offline.TakeWriter.add_frame
    monkeypatch.setattr(
        offline.TakeWriter,
        "add_frame",
        lambda self, *values: (taken.append(values[0]), original(self, *values)),
    )
    with pytest.raises(RecordingError, match="make room"):
        run_offline(Source(), BlindPipeline(), tmp_path)
    assert len(taken) >= fails_at
    assert (tmp_path / "summary.json").exists()
    assert not any(thread.name.startswith("overlay") for thread in threading.enumerate())
