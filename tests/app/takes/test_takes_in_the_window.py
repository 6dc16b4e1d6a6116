"""Takes in the real window, by mouse and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.takes.container import read_take
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.source import Status
from hmr_live_app.model.takes.collection import TakeCollection
from tests.app.support import CLIP, PATIENCE, MovingPerson, difference, panes, picture_of
from tests.app.takes.cases import write_take


@pytest.fixture
def folder(tmp_path: Path, body: BodyModel) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    write_take(folder / "dance.hmrtake", body)
    return folder


@pytest.fixture
def idle_window(
    open_window: Callable[..., MainWindow], person: MovingPerson, folder: Path, qtbot: QtBot
) -> MainWindow:
    """A window with the list of takes, without a source."""
    window = open_window(lambda: person)
    window.preferences.recordings = folder
    QTest.keyClick(window, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: window.takes.list.tree.topLevelItemCount() == 1, timeout=PATIENCE)
    return window


@pytest.fixture
def playing(idle_window: MainWindow, folder: Path, qtbot: QtBot) -> MainWindow:
    """A window with an open take."""
    show(idle_window, folder / "dance.hmrtake", qtbot)
    return idle_window


def show(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    window.open(path)
    wait_for(window, path, qtbot)


def wait_for(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    def there() -> bool:
        player = window.takes.player
        return (
            player.current is not None
            and player.current.path == path
            and player.curves is not None
            and window.view.shown is not None
        )

    qtbot.waitUntil(there, timeout=PATIENCE)


def test_a_take_is_opened_from_the_list_and_shown_by_the_same_views(
    idle_window: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    window, tree = idle_window, idle_window.takes.list.tree
    row = tree.topLevelItem(0)
    assert row is not None
    texts = [row.text(column) for column in range(7)]
    assert texts[0] == "dance"
    assert texts[2:5] == ["00:01", "45", "1"]
    assert texts[6] == "–"
    tree.setCurrentItem(row)
    QTest.keyClick(tree, Qt.Key.Key_Return)
    wait_for(window, folder / "dance.hmrtake", qtbot)
    assert window.takes.transport.isVisible()
    assert "dance.hmrtake" in window.windowTitle()
    shown = window.view.shown
    assert shown is not None
    assert len(shown.bodies) == 1
    qtbot.waitUntil(
        lambda: all(len(item.getData()[0]) == 45 for item in window.takes.plot.curves.values())
    )
    video, view3d = panes(window, picture_of(window))
    assert video.std() > 10, "the body stands before the recorded camera"
    assert view3d.std() > 10


def test_keys_and_mouse_move_through_a_take(playing: MainWindow, qtbot: QtBot) -> None:
    window, player = playing, playing.takes.player
    playback = player.playback
    assert playback is not None
    QTest.keyClick(window, Qt.Key.Key_Right)
    QTest.keyClick(window, Qt.Key.Key_Right)
    QTest.keyClick(window, Qt.Key.Key_Left)
    assert playback.index == 1
    before = picture_of(window)
    scrubber = window.takes.transport.scrubber
    there = QPoint(round(scrubber.x_of(1.0)), scrubber.height() // 2)
    QTest.mouseClick(scrubber, Qt.MouseButton.LeftButton, pos=there)
    assert playback.time == pytest.approx(1.0, abs=0.02)
    assert window.view.shown is not None
    assert window.view.shown.frame.index == playback.index
    assert (difference(before, picture_of(window)) > 20).mean() > 0.01
    qtbot.waitUntil(lambda: window.takes.plot.time_cursor.value() == playback.time)
    window.takes.transport.speed.setCurrentIndex(window.takes.transport.speed.findText("4×"))
    window.takes.transport.speed.activated.emit(window.takes.transport.speed.currentIndex())
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert playback.playing
    assert window.commands.run.text() == "Pause"
    qtbot.waitUntil(lambda: not playback.playing, timeout=PATIENCE)
    assert playback.time == playback.duration
    assert window.commands.run.text() == "Continue"


def test_a_click_in_the_plot_goes_there(playing: MainWindow, qtbot: QtBot) -> None:
    plot, playback = playing.takes.plot, playing.takes.player.playback
    assert playback is not None
    box = plot.getPlotItem().getViewBox()
    scene_point = box.mapViewToScene(QPointF(0.7, 50))
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.mapFromScene(scene_point))
    qtbot.waitUntil(lambda: playback.time == pytest.approx(0.7, abs=0.03), timeout=PATIENCE)


def test_the_range_is_saved_as_a_new_take(playing: MainWindow, folder: Path, qtbot: QtBot) -> None:
    window, playback = playing, playing.takes.player.playback
    assert playback is not None
    for step, key in ((10, Qt.Key.Key_I), (20, Qt.Key.Key_O)):
        playback.step(step)
        QTest.keyClick(window, key)
    window.takes.transport.trim.trigger()
    qtbot.waitUntil(lambda: "Saved as" in window.banner.text, timeout=PATIENCE)
    part = read_take(folder / "dance_trimmed.hmrtake")
    whole = read_take(folder / "dance.hmrtake")
    np.testing.assert_array_equal(part.motions[0].pose, whole.motions[0].pose[10:31])
    qtbot.waitUntil(lambda: window.takes.list.tree.topLevelItemCount() == 2, timeout=PATIENCE)


def test_smoothing_is_compared_and_kept(playing: MainWindow, folder: Path, qtbot: QtBot) -> None:
    window, player = playing, playing.takes.player
    window.takes.transport.cutoff.setValue(1.0)
    window.takes.transport.smooth.trigger()
    qtbot.waitUntil(lambda: player.raw_curves is not None, timeout=PATIENCE)
    assert len(window.view.ghosts) == 1
    compared = picture_of(window)
    window.takes.transport.compare.trigger()
    assert window.view.ghosts == ()
    _, view3d = panes(window, difference(compared, picture_of(window))[..., None])
    assert (view3d > 20).mean() > 0.01, "the ghost was seen"
    window.takes.transport.keep.trigger()
    qtbot.waitUntil(lambda: "Saved as" in window.banner.text, timeout=PATIENCE)
    kept = read_take(folder / "dance_smoothed.hmrtake")
    assert kept.info["smoothed"]["cutoff_hz"] == 1.0
    window.takes.transport.smooth.trigger()
    qtbot.waitUntil(lambda: player.raw_curves is None, timeout=PATIENCE)


def test_a_take_is_renamed_in_the_list_and_goes_to_the_trash(
    playing: MainWindow, folder: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    window, tree = playing, playing.takes.list.tree
    tree.setCurrentItem(tree.topLevelItem(0))
    window.takes.list.rename_action.trigger()
    editor = tree.findChild(QLineEdit)
    assert editor is not None
    editor.setText("walk 1")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil((folder / "walk 1.hmrtake").exists, timeout=PATIENCE)
    assert window.takes.player.current is not None
    assert window.takes.player.current.path.name == "walk 1.hmrtake"
    qtbot.waitUntil(
        lambda: [summary.path.stem for summary in window.takes.collection.takes] == ["walk 1"],
        timeout=PATIENCE,
    )
    # The tests must not fill anybody's trash.
    trashed: list[Path] = []

    def to_trash(path: Path) -> bool:
        trashed.append(path)
        path.unlink()
        return True

    monkeypatch.setattr(window.takes.collection, "_to_trash", to_trash)
    assert isinstance(window.takes.collection, TakeCollection)
    tree.setCurrentItem(tree.topLevelItem(0))
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert trashed == [folder / "walk 1.hmrtake"]
    assert not window.takes.is_open
    qtbot.waitUntil(lambda: tree.topLevelItemCount() == 0, timeout=PATIENCE)


def test_a_take_is_exported(playing: MainWindow, folder: Path, qtbot: QtBot) -> None:
    QTest.keyClick(playing, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = playing.takes.export_dialog
    assert dialog is not None
    dialog.format.setCurrentIndex(dialog.format.findText("csv", Qt.MatchFlag.MatchContains))
    assert dialog.target.text() == str(folder / "dance.csv")
    dialog.rate.setValue(60)
    dialog.start.click()
    qtbot.waitUntil(lambda: "Written" in dialog.message.text(), timeout=PATIENCE)
    assert len((folder / "dance.csv").read_text().splitlines()) > 88
    dialog.start.click()
    qtbot.waitUntil(lambda: "exists already" in dialog.message.text(), timeout=PATIENCE)
    dialog.overwrite.setChecked(True)
    dialog.start.click()
    dialog.cancel.click()  # at the next step
    qtbot.waitUntil(lambda: dialog.cancel.text() == "Close", timeout=PATIENCE)
    dialog.cancel.click()
    assert not dialog.isVisible()


def test_the_video_with_the_mesh_gets_the_name_and_the_video_that_somebody_chose(
    idle_window: MainWindow, folder: Path, body: BodyModel, qtbot: QtBot
) -> None:
    window = idle_window
    show(window, write_take(folder / "film.hmrtake", body, 8, video=True), qtbot)
    window.takes.transport.export.trigger()
    dialog = window.takes.export_dialog
    assert dialog is not None
    assert not dialog.video.isEnabled()
    dialog.format.setCurrentIndex(dialog.format.findText("mp4", Qt.MatchFlag.MatchContains))
    assert dialog.video.isEnabled()
    assert dialog.video.text() == str(folder / "film.avi")
    dialog.target.setText(str(folder / "for the talk.mp4"))
    dialog.start.click()
    qtbot.waitUntil(lambda: "Written" in dialog.message.text(), timeout=PATIENCE)
    assert VideoFile(folder / "for the talk.mp4").frame_count == 8
    dialog.video.setText(str(folder / "gone.avi"))
    dialog.overwrite.setChecked(True)
    dialog.start.click()
    qtbot.waitUntil(lambda: "gone.avi" in dialog.message.text(), timeout=PATIENCE)
    assert VideoFile(folder / "for the talk.mp4").frame_count == 8, "the old one is still there"


def test_a_dropped_take_replaces_the_live_picture_and_back_to_live_brings_it_back(
    window: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder / "dance.hmrtake"))])
    window.dropEvent(
        QDropEvent(
            QPointF(10, 10),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    wait_for(window, folder / "dance.hmrtake", qtbot)
    assert window.model.status is Status.IDLE
    assert not window.commands.record.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.model.status is Status.RUNNING, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=PATIENCE)
    assert not window.takes.transport.isVisible()
    assert window.model.source is not None
    assert window.model.source.spec == CLIP
    assert window.commands.record.isEnabled()


def test_a_damaged_take_is_told_while_the_live_picture_goes_on_and_can_be_repaired(
    window: MainWindow, person: MovingPerson, folder: Path, qtbot: QtBot
) -> None:
    path = folder / "dance.hmrtake"
    data = path.read_bytes()
    path.write_bytes(data[:9000] + b"\0\0" + data[9002:])
    window.preferences.recordings = folder
    window.open(path)
    qtbot.waitUntil(window.banner.isVisible, timeout=PATIENCE)
    assert "damaged" in window.banner.text
    count = person.processed
    qtbot.waitUntil(lambda: person.processed > count + 2, timeout=PATIENCE)
    window.commands.takes.trigger()
    tree = window.takes.list.tree
    qtbot.waitUntil(lambda: tree.topLevelItemCount() == 1, timeout=PATIENCE)
    row = tree.topLevelItem(0)
    assert row is not None
    assert row.text(2) == "damaged"
    tree.setCurrentItem(row)
    window.takes.list.repair_action.trigger()
    qtbot.waitUntil((folder / "dance_repaired.hmrtake").exists, timeout=PATIENCE)
