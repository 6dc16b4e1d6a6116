from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from hmr_live.body.model import BodyModel
from hmr_live.capture import camera_source
from hmr_live.capture.sources import VideoFile
from hmr_live.core.errors import AssetError
from hmr_live.render.offscreen import OffscreenRenderer
from hmr_live.takes.container import read_take
from hmr_live_app.main_window import _NUMBERS_EVERY_MS, MainWindow
from hmr_live_app.model.source import Status
from hmr_live_app.widgets.preferences import load_preferences, save_preferences
from tests.app.support import (
    CLIP,
    MovingPerson,
    body_mask,
    difference,
    drag,
    hold,
    panes,
    picture_of,
    table_row,
    video_place,
    view3d_point,
    wheel,
)


def test_mesh_is_drawn_over_the_video_where_the_body_is(
    window: MainWindow, body: BodyModel, qtbot: QtBot
) -> None:
    hold(window, qtbot)
    result = window.view.shown
    assert result is not None
    mask = body_mask(window, qtbot)
    pane = window.view.panes.video
    place = video_place(window)
    top = mask.shape[0] - place.y - place.height
    inside = mask[top : top + place.height, place.x : place.x + place.width]
    renderer = OffscreenRenderer(body)
    enlarged = place.width / result.frame.size[0]
    person = result.bodies[0]
    expected = renderer.silhouette(
        place.size, replace(person, focal_length=person.focal_length * enlarged)
    )
    renderer.close()
    overlap = (inside & expected).sum() / (inside | expected).sum()
    # Edge pixels and spots where body and video happen to have one colour are all that differs.
    assert overlap > 0.93
    assert not mask[:, pane.width + 2 :].any()


def test_dragging_turns_the_3d_view_and_leaves_the_video_alone(
    window: MainWindow, qtbot: QtBot
) -> None:
    hold(window, qtbot)
    before = panes(window, picture_of(window))
    drag(window, QPoint(90, 20))
    after = panes(window, picture_of(window))
    assert (difference(before[1], after[1]) > 20).mean() > 0.02
    np.testing.assert_array_equal(before[0], after[0])


def test_dragging_in_the_video_turns_nothing(window: MainWindow, qtbot: QtBot) -> None:
    hold(window, qtbot)
    before = picture_of(window)
    drag(window, QPoint(120, 40), start=QPoint(50, 200))
    np.testing.assert_array_equal(picture_of(window), before)


@pytest.mark.parametrize(
    ("button", "modifier"),
    [
        (Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier),
        (Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier),
        (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier),
    ],
    ids=["right", "middle", "shift"],
)
def test_other_drags_shift_the_view_without_turning_it(
    window: MainWindow,
    qtbot: QtBot,
    button: Qt.MouseButton,
    modifier: Qt.KeyboardModifier,
) -> None:
    hold(window, qtbot)
    before = window.view.orbit.target.copy(), window.view.orbit.azimuth
    drag(window, QPoint(60, 0), button, modifier)
    assert np.linalg.norm(window.view.orbit.target - before[0]) > 0.05
    assert window.view.orbit.azimuth == before[1]


def test_wheel_brings_the_body_nearer_and_double_click_resets(
    window: MainWindow, qtbot: QtBot
) -> None:
    hold(window, qtbot)
    before = picture_of(window)
    wheel(window, 4)
    near = picture_of(window)
    assert window.view.orbit.distance < 3
    assert (difference(before, near) > 20).mean() > 0.02
    QTest.mouseDClick(
        window.view,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        view3d_point(window),
    )
    qtbot.wait(50)
    np.testing.assert_array_equal(picture_of(window), before)


@pytest.mark.parametrize("where", ["window", "graphics area"])
def test_space_pauses_and_goes_on(
    window: MainWindow, person: MovingPerson, qtbot: QtBot, where: str
) -> None:
    target = window if where == "window" else window.view
    QTest.keyClick(target, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.model.status is Status.PAUSED)
    qtbot.wait(200)
    still = person.processed
    qtbot.wait(200)
    assert person.processed == still
    assert window.commands.run.text() == "Continue"
    QTest.keyClick(target, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: person.processed > still + 2)
    assert window.commands.run.text() == "Pause"


def test_record_button_writes_a_file_that_opens_again(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    QTest.keyClick(window, Qt.Key.Key_R)
    assert window.model.recording is not None
    start = person.processed
    qtbot.waitUntil(lambda: person.processed > start + 10)
    qtbot.waitUntil(lambda: "00:0" in window.recording_label.text())
    assert window.commands.record.text() == "Stop"
    with qtbot.waitCallback() as saved:
        window.model.recording_saved.connect(saved)
        window.commands.record.trigger()
    path = saved.args[0]
    assert read_take(path).info["frames"] >= 10
    assert str(path) in window.banner.text
    assert window.commands.record.text() == "Record"
    assert window.recording_label.text() == ""


def test_recording_tells_how_it_is_doing_and_k_sets_a_marker(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    assert not window.commands.marker.isEnabled()
    window.commands.record_video.setChecked(True)
    QTest.keyClick(window, Qt.Key.Key_R)
    for _ in range(2):
        QTest.keyClick(window, Qt.Key.Key_K)
    label, start = window.recording_label, person.processed
    qtbot.waitUntil(lambda: person.processed > start + 5)
    qtbot.waitUntil(lambda: all(w in label.text() for w in (" frames", "2 markers", "GB free")))
    with qtbot.waitCallback() as saved:
        window.model.recording_saved.connect(saved)
        QTest.keyClick(window, Qt.Key.Key_R)
    take = read_take(saved.args[0])
    assert [marker.label for marker in take.markers] == ["marker 1", "marker 2"]
    assert take.video is not None
    assert VideoFile(take.video).size == tuple(take.info["frame_size"])


def test_recording_into_an_impossible_place_is_told_and_the_window_goes_on(
    window: MainWindow, person: MovingPerson, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "file").write_text("not a folder")
    window.preferences.recordings = tmp_path / "file"
    window.commands.record.trigger()
    assert window.banner.isVisible()
    assert "choose another folder" in window.banner.text
    assert window.model.recording is None
    assert not window.commands.record.isChecked()
    count = person.processed
    qtbot.waitUntil(lambda: person.processed > count + 2)


def test_unreadable_video_is_told_in_a_banner_and_another_source_still_works(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all" * 100)
    window.open(broken)
    qtbot.waitUntil(lambda: window.model.status is Status.FAILED, timeout=5000)
    assert window.banner.isVisible()
    assert "broken.mp4" in window.banner.text
    assert window.commands.run.text() == "Try again"
    window.open(CLIP)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=5000)
    assert not window.banner.isVisible()


def test_absent_camera_is_told_in_a_banner(window: MainWindow, qtbot: QtBot) -> None:
    window.open(97)
    qtbot.waitUntil(lambda: window.model.status is Status.FAILED, timeout=8000)
    assert "camera 97" in window.banner.text
    assert window.isVisible()


def test_pipeline_that_cannot_load_is_told_and_may_be_tried_again(
    open_window: Callable[..., MainWindow], person: MovingPerson, qtbot: QtBot
) -> None:
    attempts: list[int] = []

    def load() -> MovingPerson:
        attempts.append(1)
        if len(attempts) == 1:
            raise AssetError("The network is missing: install the program again.")
        return person

    window = open_window(load)
    window.open(CLIP)
    qtbot.waitUntil(lambda: window.model.status is Status.FAILED)
    assert window.banner.text == "The network is missing: install the program again."
    window.commands.run.trigger()
    qtbot.waitUntil(lambda: window.view.shown is not None)


def test_plots_move_and_show_what_is_chosen(window: MainWindow, qtbot: QtBot) -> None:
    window.panel.table.choose(["knee flexion"])
    knee = next(iter(window.panel.plot.curves.values()))
    assert len(window.panel.plot.curves) == 2
    qtbot.waitUntil(lambda: knee.getData()[0] is not None and len(knee.getData()[0]) > 20)
    values = knee.getData()[1]
    assert values.max() - values.min() > 5
    first = window.panel.plot.grab().toImage()
    qtbot.wait(400)
    assert window.panel.plot.grab().toImage() != first


def test_table_shows_present_values(window: MainWindow, qtbot: QtBot) -> None:
    knee = table_row(window.panel.table, "Knee", "Flexion")
    # The right knee rests as the body's file has it, not quite straight.
    qtbot.waitUntil(lambda: knee.text(1) not in ("–", "") and knee.text(2) == "5°")
    assert int(knee.text(1).removesuffix("°")) > 5


def test_nobody_in_sight_is_said_and_the_mesh_disappears(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: "Person found" in window.status_line.person.text())
    person.nobody = True
    qtbot.waitUntil(lambda: "Looking" in window.status_line.person.text())
    hold(window, qtbot)
    assert not body_mask(window, qtbot).any()


def test_status_bar_tells_rate_stages_and_drops(window: MainWindow, qtbot: QtBot) -> None:
    line = window.status_line
    qtbot.waitUntil(lambda: "ms" in line.stages["draw"].text(), timeout=5000)
    qtbot.waitUntil(lambda: line.stages["network"].text() == "network 2.0 ms", timeout=5000)
    assert line.stages["detect"].text() == "detect –"
    assert line.fps.text().endswith("fps")
    assert line.dropped.text().startswith("dropped ")


def test_smoothing_switch_reaches_the_pipeline(window: MainWindow, person: MovingPerson) -> None:
    assert person.smoothing
    QTest.keyClick(window, Qt.Key.Key_S)
    assert not person.smoothing
    QTest.keyClick(window, Qt.Key.Key_S)
    assert person.smoothing


def test_preferences_come_back_in_the_next_window(
    window: MainWindow,
    open_window: Callable[..., MainWindow],
    person: MovingPerson,
) -> None:
    window.panel.table.choose(["hip flexion"])
    window.panel.set_seconds(20)
    window.commands.mesh.setChecked(False)
    window.commands.smoothing.setChecked(False)
    window.commands.record_video.setChecked(True)
    next(action for action in window.pre_roll.actions() if action.text() == "10 s").trigger()
    assert "begins 10 s earlier" in window.commands.record.toolTip()
    next(action for action in window.network_menu.actions() if action.data() == "lite").trigger()
    window.close()
    again = open_window(lambda: person)
    assert again.preferences.pre_roll == 10
    assert [a.text() for a in again.pre_roll.actions() if a.isChecked()] == ["10 s"]
    assert "begins 10 s earlier" in again.commands.record.toolTip()
    assert again.model.network == "lite"
    assert chosen_networks(again) == ["lite"]
    assert again.panel.table.choice == ("hip flexion",)
    assert again.panel.seconds == 20
    assert not again.commands.mesh.isChecked()
    assert again.commands.record_video.isChecked()
    assert not again.model.smoothing
    assert again.preferences.recordings == window.preferences.recordings


def chosen_networks(window: MainWindow) -> list[str]:
    return [action.data() for action in window.network_menu.actions() if action.isChecked()]


def test_the_network_is_automatic_until_another_is_chosen(
    window: MainWindow, person: MovingPerson, qtbot: QtBot
) -> None:
    assert chosen_networks(window) == ["auto"]
    assert person.networks == [("auto", 30.0)]
    next(action for action in window.network_menu.actions() if action.data() == "heavy").trigger()
    qtbot.waitUntil(lambda: window.model.status is Status.RUNNING)
    assert person.networks == [("auto", 30.0), ("heavy", 30.0)]
    assert chosen_networks(window) == ["heavy"]


def test_the_network_cannot_be_changed_during_a_recording(window: MainWindow) -> None:
    window.toggle_recording()
    assert not window.network_menu.isEnabled()
    window.toggle_recording()
    assert window.network_menu.isEnabled()


def test_a_network_for_this_run_leaves_the_preferences(
    open_window: Callable[..., MainWindow], person: MovingPerson, tmp_path: Path
) -> None:
    own = tmp_path / "own.onnx"
    window = open_window(lambda: person, network=own)
    assert window.model.network == own
    assert chosen_networks(window) == []
    window.close()
    assert load_preferences().network == "auto"


def test_an_unknown_network_in_the_preferences_is_automatic() -> None:
    preferences = load_preferences()
    preferences.network = "huge"
    save_preferences(preferences)
    assert load_preferences().network == "auto"


def test_an_announcement_is_shown_in_the_status_bar(window: MainWindow, qtbot: QtBot) -> None:
    window.announce("Timing the networks.")
    qtbot.waitUntil(lambda: window.status_line.currentMessage() == "Timing the networks.")


def test_full_screen_shows_the_panes_alone_and_escape_comes_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    QTest.keyClick(window, Qt.Key.Key_F)
    qtbot.waitUntil(window.isFullScreen)
    assert not window.panel.isVisible()
    assert not window.status_line.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen())
    assert window.panel.isVisible()


def test_result_of_the_source_before_is_never_shown(window: MainWindow, qtbot: QtBot) -> None:
    for _ in range(3):
        window.open(CLIP)
    assert window.view.shown is None
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=8000)
    assert window.model.status is Status.RUNNING


def test_graphics_failure_is_told_and_the_rest_goes_on(
    window: MainWindow, person: MovingPerson, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("context lost")

    monkeypatch.setattr(window.view._scene, "paint", break_down)
    qtbot.waitUntil(window.banner.isVisible)
    assert "OpenGL 3.3" in window.banner.text
    count = person.processed
    qtbot.waitUntil(lambda: person.processed > count + 3)


def test_scene_comes_back_when_qt_makes_a_new_context(window: MainWindow, qtbot: QtBot) -> None:
    hold(window, qtbot)
    before = picture_of(window)
    window.view.makeCurrent()
    window.view.initializeGL()
    window.view.update()
    np.testing.assert_array_equal(picture_of(window), before)


def test_picture_stays_with_its_mesh_and_without_any_words(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((240, 320, 3), 120, np.uint8))
    window.open(photo)
    qtbot.waitUntil(lambda: window.model.status is Status.ENDED)
    assert window.view.shown is not None
    assert window.view.shown.frame.size == (320, 240)
    assert window.view.hint == ""
    assert body_mask(window, qtbot).mean() > 0.02


def test_a_lost_camera_is_reported_within_a_second() -> None:
    window_s = _NUMBERS_EVERY_MS / 1000
    assert camera_source.LOST_S + camera_source._POLL_S + window_s <= 1.0
