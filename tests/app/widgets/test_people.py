"""Several people in the real window: chosen in the menu, locked by a click, let go again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from hmr_live.angles import joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.core.state import BodyState, Frame, FrameResult
from hmr_live.recovery.frame_camera import project
from hmr_live.recovery.tracking import MAX_PEOPLE
from hmr_live.render.image_plane import Rectangle
from hmr_live.render.palette import PALETTE, body_color
from hmr_live_app.cli.main import main
from hmr_live_app.main_window import MainWindow
from hmr_live_app.scene.picking import joints_in_video, person_at
from hmr_live_app.widgets.preferences import load_preferences
from tests.app.support import (
    CLIP,
    MovingPerson,
    body_state,
    difference,
    hold,
    panes,
    picture_of,
    video_place,
    view3d_point,
)

SPINE = 6


class Crowd(MovingPerson):
    """Two people beside each other, as many of them as are asked for; the left one is larger."""

    def process(self, frame: Frame) -> FrameResult:
        bodies = [moved(body_state(self.body, frame.size), track_id) for track_id in range(2)]
        bodies = bodies[: self.people]
        locked = self.locked is not None and self.locked < len(bodies)
        leader = self.locked if locked else 0
        bodies.sort(key=lambda body: body.track_id != leader)
        return FrameResult(frame, tuple(bodies), {"network": 1.0}, leader_id=leader, locked=locked)


def moved(body: BodyState, track_id: int) -> BodyState:
    """Person 0 at the left, person 1 at the right, both farther away."""
    step = np.array([0.75 * (2 * track_id - 1), 0, 1.5 + 0.2 * track_id], np.float32)
    joints, transl = body.joints + step, body.transl + step
    crop_box = body.crop_box
    size = (round(2 * crop_box.cx), round(2 * crop_box.cy))
    return replace(
        body,
        track_id=track_id,
        transl=transl,
        joints=joints,
        joints_2d=project(joints, body.focal_length, size),
        angles_of=lambda rotmats: joint_angles(rotmats) + 10 * track_id,
    )


@pytest.fixture
def crowd(body: BodyModel) -> Crowd:
    return Crowd(body)


@pytest.fixture
def booth(open_window: Callable[..., MainWindow], crowd: Crowd, qtbot: QtBot) -> MainWindow:
    """A window that follows two people."""
    window = open_window(lambda: crowd, people=4)
    window.open(CLIP)
    until(qtbot, lambda: bool(window.view.shown and len(window.view.shown.bodies) == 2))
    return window


def until(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=20_000)


def in_video(window: MainWindow, track_id: int) -> QPoint:
    """Where somebody's spine is over the video, in points of the view."""
    shown = window.view.shown
    assert shown is not None
    body = next(body for body in shown.bodies if body.track_id == track_id)
    place = video_place(window)
    x, y = joints_in_video(body, shown.frame.size, place)[SPINE]
    ratio = window.view.devicePixelRatio()
    return QPoint(round(x / ratio), window.view.height() - round(y / ratio))


def click(window: MainWindow, at: QPoint) -> None:
    none = Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(window.view, Qt.MouseButton.LeftButton, none, at)


def is_locked(window: MainWindow, track_id: int | None) -> bool:
    shown = window.view.shown
    return shown is not None and (shown.leader_id if shown.locked else None) == track_id


def test_click_locks_on_a_person_and_beside_everybody_lets_go(
    booth: MainWindow, crowd: Crowd, qtbot: QtBot
) -> None:
    click(booth, in_video(booth, 1))
    assert crowd.locked == 1
    until(qtbot, lambda: is_locked(booth, 1))
    until(qtbot, lambda: "PERSON 2" in booth.panel.heading.text())
    place = video_place(booth)
    ratio = booth.view.devicePixelRatio()
    click(booth, QPoint(round((place.x + 4) / ratio), booth.view.height() // 2))
    assert crowd.locked is None
    until(qtbot, lambda: is_locked(booth, None))


def test_angles_of_the_locked_person_are_plotted(booth: MainWindow, qtbot: QtBot) -> None:
    def plotted() -> float:
        return float(booth.panel.history.latest()[0])

    until(qtbot, lambda: np.isfinite(plotted()))
    before = plotted()
    click(booth, in_video(booth, 1))
    until(qtbot, lambda: abs(plotted() - before - 10) < 0.1)


def test_esc_lets_go_first_and_leaves_full_screen_then(
    booth: MainWindow, crowd: Crowd, qtbot: QtBot
) -> None:
    before = booth.view.height()
    booth.commands.full_screen.setChecked(True)
    until(qtbot, lambda: booth.isFullScreen() and booth.view.height() > before)
    click(booth, in_video(booth, 0))
    until(qtbot, lambda: is_locked(booth, 0))
    booth.commands.leave_full_screen.trigger()
    assert crowd.locked is None
    assert booth.commands.full_screen.isChecked()
    until(qtbot, lambda: is_locked(booth, None))
    booth.commands.leave_full_screen.trigger()
    assert not booth.commands.full_screen.isChecked()


def test_lock_is_seen_in_both_panes_at_once_even_while_paused(
    booth: MainWindow, qtbot: QtBot
) -> None:
    hold(booth, qtbot)
    before = panes(booth, picture_of(booth))
    click(booth, in_video(booth, 0))
    after = panes(booth, picture_of(booth))
    for first, second in zip(before, after, strict=True):
        # The corners' colour; nothing else in the view is that orange.
        orange = (np.abs(second.astype(int) - [255, 156, 87]).max(axis=2) < 12).sum()
        assert orange > 100
        assert (difference(first, second) > 30).sum() > 100
    booth.people_controller.release()
    for first, second in zip(before, panes(booth, picture_of(booth)), strict=True):
        assert (difference(first, second) > 30).mean() < 0.001


def test_click_in_the_3d_pane_locks_and_a_drag_does_not(
    booth: MainWindow, crowd: Crowd, qtbot: QtBot
) -> None:
    hold(booth, qtbot)
    scene = booth.view._scene
    assert scene is not None
    size = booth.view._pixels()
    view3d = booth.view.panes.view3d
    points = [(x, y) for x in np.linspace(0.02, 0.98, 49) for y in np.linspace(0.3, 0.7, 5)]
    hit = next(
        (x, y)
        for x, y in points
        if scene.person_at((view3d.x + x * view3d.width, y * view3d.height), size) == 1
    )
    start = view3d_point(booth, *hit)
    none, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    QTest.mousePress(booth.view, left, none, start)
    QTest.mouseRelease(booth.view, left, none, start + QPoint(30, 0))
    assert crowd.locked is None
    click(booth, start)
    assert crowd.locked == 1


def test_people_have_colours_of_their_own(booth: MainWindow, qtbot: QtBot) -> None:
    assert (
        len({body_color(track_id) for track_id in range(MAX_PEOPLE)}) == len(PALETTE) == MAX_PEOPLE
    )
    hold(booth, qtbot)
    video = panes(booth, picture_of(booth))[0]
    height = video.shape[0]

    def colour(track_id: int) -> np.ndarray:
        at = in_video(booth, track_id) * booth.view.devicePixelRatio()
        part = video[max(at.y() - 3, 0) : min(at.y() + 3, height), at.x() - 3 : at.x() + 3]
        return part.reshape(-1, 3).mean(axis=0)

    first, second = colour(0), colour(1)
    assert first.argmax() == 2, "the first one is blue"
    assert second.argmax() != 2


def test_one_person_cannot_be_locked(booth: MainWindow, crowd: Crowd, qtbot: QtBot) -> None:
    click(booth, in_video(booth, 0))
    assert crowd.locked == 0
    booth.people_controller.menu.actions()[0].trigger()
    assert crowd.people == 1
    assert crowd.locked is None
    until(qtbot, lambda: bool(booth.view.shown and len(booth.view.shown.bodies) == 1))
    click(booth, in_video(booth, 0))
    assert crowd.locked is None
    assert booth.panel.heading.text() == "JOINT ANGLES"


def test_number_of_people_is_remembered_only_when_it_was_chosen_in_the_menu(
    open_window: Callable[..., MainWindow], crowd: Crowd
) -> None:
    window = open_window(lambda: crowd, people=4)
    assert [a.data() for a in window.people_controller.menu.actions() if a.isChecked()] == [4]
    window.close()
    assert load_preferences().people == 1
    window = open_window(lambda: crowd)
    window.people_controller.menu.actions()[2].trigger()
    window.close()
    assert load_preferences().people == 3


def test_the_nearest_person_is_picked_and_only_near_their_bones() -> None:
    standing = np.zeros((24, 2))
    standing[:, 1] = np.linspace(100, 300, 24)
    people = {7: standing + np.array([50, 0]), 8: standing + np.array([90, 0])}
    assert person_at((55, 200), people) == 7
    assert person_at((80, 200), people) == 8
    assert person_at((140, 200), people) is None
    assert person_at((50, 200), {}) is None


def test_joints_over_the_video_lie_where_the_video_does(body: BodyModel) -> None:
    state = body_state(body, (640, 480))
    place = Rectangle(10, 20, 320, 240)
    joints = joints_in_video(state, (640, 480), place)
    np.testing.assert_allclose(joints[:, 0], 10 + state.joints_2d[:, 0] / 2, atol=1e-4)
    np.testing.assert_allclose(joints[:, 1], 20 + 240 - state.joints_2d[:, 1] / 2, atol=1e-4)


def test_a_number_of_people_out_of_range_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--people", "9"])
    assert "--people" in capsys.readouterr().err
