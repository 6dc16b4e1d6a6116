from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from hmr_live.capture import sources
from hmr_live.core.state import Frame, FrameResult
from hmr_live.live.latency import SEGMENTS, LatencyReport
from hmr_live.live.quality import Load, QualityReduction
from hmr_live.takes.container import read_take
from hmr_live_app.main_window import _NUMBERS_EVERY_MS, MainWindow
from hmr_live_app.model.source import Status
from tests.app.support import CLIP, PATIENCE, MovingPerson, difference, hold, picture_of
from tests.engine.capture.cases import FakeCamera
from tests.test_end_to_end import run_cli

SIMULATED = f"simulated:{CLIP}"


@pytest.fixture
def window(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """The window on a clip that does not end."""
    window.open(window.picker.demo)
    qtbot.waitUntil(lambda: window.model.status is Status.RUNNING, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=PATIENCE)
    return window


@pytest.fixture
def desk_cam(monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    """Camera 0 of this machine, which does what the test tells it."""
    fake = FakeCamera()

    def port(_: int) -> FakeCamera:
        return fake

    fake.name = "Desk Cam"  # type: ignore[attr-defined]
    monkeypatch.setattr(sources, "CameraPort", port)
    monkeypatch.setattr("hmr_live.capture.camera_source._REOPEN_AFTER_S", 0.8)
    monkeypatch.setattr("hmr_live.capture.camera_source._FIRST_FRAME_S", 0.8)
    return fake


def test_a_lost_camera_is_told_within_a_second_and_its_take_goes_on(
    window: MainWindow, desk_cam: FakeCamera, qtbot: QtBot, tmp_path: Path
) -> None:
    saved: list[Path] = []
    window.model.recording_saved.connect(saved.append)
    window.open(0)
    qtbot.waitUntil(lambda: window.model.status is Status.RUNNING, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=PATIENCE)
    window.toggle_recording()
    qtbot.wait(300)
    desk_cam.state = "blocked"
    # Within a second, as the waits add up; a busy machine may take longer.
    assert _NUMBERS_EVERY_MS <= 250
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=PATIENCE)
    assert "Desk Cam has stopped sending frames: check its cable" in window.banner.text
    assert "Camera lost" in window.status_line.person.text()
    assert "waiting for the camera" in window.view.hint
    assert window.model.recording is not None
    qtbot.wait(500)
    desk_cam.state = "well"
    desk_cam.unblocked.set()
    qtbot.waitUntil(lambda: window.banner.text == "Desk Cam is back.", timeout=PATIENCE)
    assert window.view.hint == ""
    qtbot.wait(300)
    window.toggle_recording()
    qtbot.waitUntil(lambda: bool(saved), timeout=PATIENCE)
    times = read_take(saved[0]).motions[0].times
    gap = int(np.diff(times).argmax())
    assert np.diff(times)[gap] > 0.8
    assert gap > 3, "what was recorded before is kept"
    assert len(times) - gap > 3, "and what comes after it is recorded too"
    assert window.model.status is Status.RUNNING


def test_another_source_puts_an_end_to_the_words_about_the_camera(
    window: MainWindow, desk_cam: FakeCamera, qtbot: QtBot
) -> None:
    window.open(0)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=PATIENCE)
    desk_cam.state = "silent"
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=PATIENCE)
    window.open(CLIP)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=PATIENCE)
    qtbot.wait(400)
    assert not window.banner.isVisible()


def test_every_shown_frame_is_measured_from_grab_to_swap(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    process = person.process

    def slow(frame: Frame) -> FrameResult:
        time.sleep(0.02)
        return process(frame)

    person.process = slow  # type: ignore[method-assign]
    window.open(SIMULATED)
    qtbot.waitUntil(lambda: (r := _report(window)) is not None and r.frames > 20, timeout=PATIENCE)
    report = _report(window)
    assert report is not None
    assert report.segments["recovery"].p50 >= 20
    assert report.p50 > report.segments["recovery"].p50
    assert set(report.segments) == set(SEGMENTS)
    assert "latency" in window.status_line.latency.text()
    assert "ms" in window.status_line.latency.text()


def _report(window: MainWindow) -> LatencyReport | None:
    return window.performance.latency.report()


def test_the_latency_of_another_source_is_not_mixed_in(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: _report(window) is not None, timeout=PATIENCE)
    window.open(SIMULATED)
    assert _report(window) is None


def test_a_picture_has_no_latency(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((90, 120, 3), 99, np.uint8))
    window.open(path)
    qtbot.waitUntil(lambda: window.model.status is Status.ENDED, timeout=PATIENCE)
    qtbot.wait(200)
    assert _report(window) is None
    shown = window.status_line.latency
    qtbot.waitUntil(lambda: shown.text() == "latency –")


def test_the_histogram_is_shown_on_request_and_can_begin_again(
    window: MainWindow, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: _report(window) is not None, timeout=PATIENCE)
    window.commands.latency.trigger()
    dialog = window.latency
    assert dialog.isVisible()
    assert "95 % within" in dialog.heading.text()
    assert all(segment in dialog.table.text() for segment in SEGMENTS)
    hold(window, qtbot)
    dialog._measure_again()
    assert "No frame" in dialog.heading.text()


def test_answers_without_numbers_are_counted_in_the_status_bar(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    qtbot.wait(300)
    assert not window.status_line.invalid.isVisible()
    process = person.process

    def broken(frame: Frame) -> FrameResult:
        return replace(process(frame), bodies=(), invalid_outputs=1)

    person.process = broken  # type: ignore[method-assign]
    qtbot.waitUntil(window.status_line.invalid.isVisible, timeout=PATIENCE)
    assert int(window.status_line.invalid.text().removeprefix("invalid ")) > 0


SLOW = Load(frame_ms=90, source_fps=30, recovery_ms=10, drawing_ms=60)


def take_reductions(window: MainWindow, count: int) -> None:
    """Let the window believe that it is slow for long enough."""
    governor, now = window.performance._governor, time.monotonic()
    for second in range(0, 60 * count, 2):
        governor.update(SLOW, now + second)
        if len(governor.reductions) == count:
            break
    window.performance._apply()


def test_reduced_quality_is_told_and_can_be_switched_off(window: MainWindow, qtbot: QtBot) -> None:
    assert not window.status_line.quality.isVisible()
    hold(window, qtbot)
    take_reductions(window, 3)
    window._show_numbers()
    assert window.status_line.quality.isVisible()
    assert all(
        reduction.value in window.status_line.quality.toolTip() for reduction in QualityReduction
    )
    window.commands.adaptive.setChecked(False)
    window._show_numbers()
    assert not window.status_line.quality.isVisible()
    assert window.performance.reductions == ()


def test_a_machine_that_is_too_slow_gets_reduced_quality(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    process = person.process

    def slow(frame: Frame) -> FrameResult:
        time.sleep(0.08)
        return process(frame)

    person.process = slow  # type: ignore[method-assign]
    window.performance.set_adaptive(True)
    qtbot.waitUntil(lambda: len(window.performance.reductions) > 0, timeout=PATIENCE)
    assert window.performance.reductions[0] is QualityReduction.PLOTS
    qtbot.waitUntil(window.status_line.quality.isVisible, timeout=PATIENCE)


def test_a_narrow_window_goes_without_the_stages_but_not_without_the_rest(
    window: MainWindow, qtbot: QtBot
) -> None:
    status = window.status_line
    window.resize(1500, 700)
    qtbot.waitUntil(lambda: status.stages["network"].isVisible(), timeout=PATIENCE)
    window.panel.hide()
    window.resize(820, 600)
    qtbot.waitUntil(lambda: not status.stages["network"].isVisible(), timeout=PATIENCE)
    assert window.width() < 1000, "the numbers do not keep the window wide"
    for part in (status.person, status.dropped, status.latency, status.fps):
        assert part.isVisible()
        assert part.width() >= part.sizeHint().width()


def test_a_coarse_picture_shows_the_same_with_fewer_pixels(
    window: MainWindow, qtbot: QtBot
) -> None:
    hold(window, qtbot)
    fine = picture_of(window)
    window.view.set_coarse(True)
    coarse = picture_of(window)
    assert fine.shape == coarse.shape
    assert difference(fine, coarse).max() > 20, "the edges are softer"
    small = [cv2.resize(p, (64, 36), interpolation=cv2.INTER_AREA) for p in (fine, coarse)]
    # A shifted or mirrored picture differs by tens of levels here; captions are drawn anew.
    assert difference(small[0], small[1]).mean() < 4
    window.view.set_coarse(False)
    assert difference(fine, picture_of(window)).max() == 0


def test_predicted_frames_are_shown_like_the_others(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    measured: list[bool] = []
    window.model.set_frame_skip(True)
    window.model.result_ready.connect(lambda r: measured.extend(b.measured for b in r.bodies))
    qtbot.waitUntil(lambda: True in measured and False in measured, timeout=PATIENCE)


def test_whether_quality_adapts_is_remembered(
    open_window: Callable[..., MainWindow], person: MovingPerson
) -> None:
    first = open_window(lambda: person)
    assert first.commands.adaptive.isChecked()
    first.commands.adaptive.setChecked(False)
    first.close()
    assert not open_window(lambda: person).commands.adaptive.isChecked()


@pytest.mark.usefixtures("qapp")
def test_the_command_measures_the_real_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "preferences"))
    out = tmp_path / "latency.json"
    ended = run_cli("latency", "--frames", "20", "--out", out, display=True)
    assert ended.returncode == 0, ended.stderr
    assert "Capture to screen over" in ended.stdout
    reported = json.loads(out.read_text())
    assert reported["frames"] >= 20
    assert set(reported["segments"]) == set(SEGMENTS)
    assert sum(reported["bars"]) == reported["frames"]
    assert "Simulated camera" in reported["source"]
