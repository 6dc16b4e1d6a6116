import threading
import time

import numpy as np
import pytest

from hmr_live.capture import camera_source as module
from hmr_live.capture.camera_source import CameraSource, FrozenFrameDetector
from hmr_live.core.errors import SourceError
from hmr_live.core.state import FrameResult
from hmr_live.live.session import LiveSession
from tests.engine.capture.cases import FakeCamera

#: Whatever else the machine does: a hanging reader would wait twice as long.
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """All waits are shorter here, in the same order."""
    monkeypatch.setattr(module, "LOST_S", 0.35)
    monkeypatch.setattr(module, "FROZEN_S", 0.35)
    monkeypatch.setattr(module, "_REOPEN_AFTER_S", 0.5)
    monkeypatch.setattr(module, "_RETRY_S", 0.1)
    monkeypatch.setattr(module, "_FIRST_FRAME_S", 0.3)


@pytest.fixture
def fake():
    camera = FakeCamera()
    yield camera
    camera.unblocked.set()


class Watcher:
    """Reads a camera in a thread and notes when its pictures came and what it said when."""

    def __init__(self, camera):
        self.camera = camera
        self.frames = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while (frame := self.camera.read()) is not None:
            self.frames.append(frame)

    def wait_for(self, condition, timeout=PATIENCE_S):
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < timeout, "it did not happen in time"
            time.sleep(0.01)

    def end(self):
        self.camera.close()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.mark.parametrize("fault", ["silent", "same picture", "blocked", "unplugged", "broken"])
def test_a_lost_camera_is_found_and_goes_on_by_itself(fake, fault, caplog):
    watcher = Watcher(CameraSource(fake, "Desk Cam"))
    camera = watcher.camera
    watcher.wait_for(lambda: len(watcher.frames) > 5)
    assert camera.problem is None
    fake.state = fault
    asked = fake.asked
    watcher.wait_for(lambda: camera.problem)
    assert camera.problem.startswith("Desk Cam ")
    assert camera.problem.endswith("the video resumes when it is back.")
    watcher.wait_for(lambda: fake.asked > asked)  # it is opened anew in vain
    seen = len(watcher.frames)
    fake.state = "well"
    fake.unblocked.set()
    watcher.wait_for(lambda: len(watcher.frames) > seen + 5)
    assert camera.problem is None
    assert "is back" in caplog.text
    times = [frame.time for frame in watcher.frames]
    assert times == sorted(times)
    assert [frame.index for frame in watcher.frames] == list(range(len(times)))
    watcher.end()


def test_frozen_pictures_are_noticed_as_soon_as_a_lost_camera(monkeypatch):
    monkeypatch.undo()
    assert module.FROZEN_S <= module.LOST_S


def test_frozen_pictures_are_not_passed_off_as_new_ones(fake):
    watcher = Watcher(CameraSource(fake, "Desk Cam"))
    watcher.wait_for(lambda: len(watcher.frames) > 5)
    fake.state = "same picture"
    watcher.wait_for(lambda: watcher.camera.problem)
    seen = len(watcher.frames)
    time.sleep(0.3)
    assert len(watcher.frames) == seen
    watcher.end()


def test_a_hanging_camera_holds_neither_reading_nor_closing_up(fake):
    watcher = Watcher(CameraSource(fake, "Desk Cam"))
    watcher.wait_for(lambda: len(watcher.frames) > 2)
    fake.state = "blocked"
    watcher.wait_for(lambda: watcher.camera.problem)
    watcher.end()


def test_few_threads_are_left_behind_however_long_a_camera_hangs(fake, monkeypatch):
    monkeypatch.setattr(module, "_MAX_PATIENCE_S", 0.1)
    before = threading.active_count()
    watcher = Watcher(CameraSource(fake, "Desk Cam"))
    watcher.wait_for(lambda: len(watcher.frames) > 2)
    fake.state = "blocked"
    watcher.wait_for(lambda: watcher.camera.problem)
    time.sleep(1.2)
    assert threading.active_count() - before <= 2 + module._MAX_ABANDONED
    fake.unblocked.set()
    fake.state = "well"
    seen = len(watcher.frames)
    watcher.wait_for(lambda: len(watcher.frames) > seen + 2)
    watcher.end()
    watcher.wait_for(lambda: fake.released == fake.opened)  # every device is given back


def test_a_hiccup_is_no_reason_to_open_the_camera_anew(fake):
    watcher = Watcher(CameraSource(fake, "Desk Cam"))
    watcher.wait_for(lambda: len(watcher.frames) > 2)
    fake.state = "silent"
    watcher.wait_for(lambda: watcher.camera.problem)
    fake.state = "well"
    watcher.wait_for(lambda: watcher.camera.problem is None)
    assert fake.opened == 1
    watcher.end()


def test_a_camera_that_never_answers_is_refused_with_a_sentence(fake, monkeypatch):
    monkeypatch.setattr(module, "OPEN_TIMEOUT_S", 0.2)
    fake.state = "blocked"
    with pytest.raises(SourceError, match="Desk Cam does not respond"):
        CameraSource(fake, "Desk Cam")


def test_a_camera_that_is_not_there_is_refused_with_its_own_sentence(fake):
    fake.state = "unplugged"
    with pytest.raises(SourceError, match="plug it in"):
        CameraSource(fake, "Desk Cam")


def test_a_closed_camera_gives_no_more_frames_and_is_released(fake):
    camera = CameraSource(fake, "Desk Cam")
    assert camera.read() is not None
    camera.close()
    assert camera.read() is None
    assert fake.released == 1


def test_a_slow_reader_gets_the_newest_picture(fake):
    camera = CameraSource(fake, "Desk Cam")
    first = camera.read()
    shown = fake.shown
    Watcher.wait_for(None, lambda: fake.shown > shown + 10)
    assert camera.read().time > first.time + 5 / fake.fps, "not the one after the first"
    camera.close()


def test_a_session_outlives_the_loss_of_its_camera(fake):
    class Watch:
        def process(self, frame):
            return FrameResult(frame, ())

        def reset(self):
            pass

    results, errors = [], []
    session = LiveSession(
        CameraSource(fake, "Desk Cam"), Watch(), on_result=results.append, on_error=errors.append
    )
    session.start()
    wait = Watcher.wait_for
    wait(None, lambda: len(results) > 5)
    fake.state = "blocked"
    wait(None, lambda: session.stats().problem)
    seen = len(results)
    fake.state = "well"
    fake.unblocked.set()
    wait(None, lambda: len(results) > seen + 5)
    assert session.stats().problem is None
    assert session.alive
    assert not errors
    session.stop()


def test_a_still_but_noisy_picture_is_not_frozen():
    rng = np.random.default_rng(0)
    picture = FrozenFrameDetector()
    dark = np.zeros((480, 640, 3), np.uint8)
    for number in range(60):
        dark[:] = 0
        dark[rng.integers(0, 480, 3000), rng.integers(0, 640, 3000)] = 1
        assert not picture.is_frozen(dark, number / 30)


def test_a_few_identical_pictures_of_a_slow_camera_are_not_frozen():
    picture = FrozenFrameDetector()
    still = np.zeros((48, 64, 3), np.uint8)
    assert not picture.is_frozen(still, 0.0)
    assert not picture.is_frozen(still, 0.5)
    assert not picture.is_frozen(still, 1.0)
