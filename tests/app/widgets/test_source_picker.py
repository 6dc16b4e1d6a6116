from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from hmr_live.capture.devices import CameraInfo
from hmr_live_app.model.source import SourceChoice
from hmr_live_app.widgets.main_thread import MainThreadInvoker
from hmr_live_app.widgets.source_picker import SourcePicker
from tests.app.support import CLIP

DEMO = SourceChoice(CLIP, "Demo clip", loop=True)
CAMERAS = [CameraInfo(0, "Front camera"), CameraInfo(2, "Logitech C920")]


@pytest.fixture
def make_picker(qtbot: QtBot) -> Callable[..., SourcePicker]:
    window = QWidget()
    qtbot.addWidget(window)

    def make(find_cameras: Callable[[], Sequence[CameraInfo]]) -> SourcePicker:
        return SourcePicker(DEMO, MainThreadInvoker(window), find_cameras, window)

    return make


def labels(picker: SourcePicker) -> list[str]:
    return [action.text() for action in picker.sources_menu.actions() if action.text()]


def choose(picker: SourcePicker, label: str) -> None:
    next(action for action in picker.sources_menu.actions() if action.text() == label).trigger()


def test_cameras_are_listed_by_name_beside_clip_and_file(
    make_picker: Callable[..., SourcePicker], qtbot: QtBot
) -> None:
    picker = make_picker(lambda: CAMERAS)
    qtbot.waitUntil(lambda: "Front camera" in labels(picker))
    assert labels(picker) == [
        "Front camera",
        "Logitech C920",
        "Demo clip",
        "Open a video, picture or take…",
    ]


def test_choosing_a_camera_gives_its_number(
    make_picker: Callable[..., SourcePicker], qtbot: QtBot
) -> None:
    picker = make_picker(lambda: CAMERAS)
    qtbot.waitUntil(lambda: "Logitech C920" in labels(picker))
    with qtbot.waitSignal(picker.chosen) as chosen:
        choose(picker, "Logitech C920")
    assert chosen.args[0] == SourceChoice(2, "Logitech C920")


def test_choosing_the_clip_loops_and_the_file_entry_asks(
    make_picker: Callable[..., SourcePicker], qtbot: QtBot
) -> None:
    picker = make_picker(lambda: CAMERAS)
    with qtbot.waitSignal(picker.chosen) as chosen:
        choose(picker, "Demo clip")
    assert chosen.args[0].loop
    with qtbot.waitSignal(picker.file_requested):
        choose(picker, "Open a video, picture or take…")


def test_no_camera_is_said(make_picker: Callable[..., SourcePicker], qtbot: QtBot) -> None:
    picker = make_picker(lambda: [])
    qtbot.waitUntil(lambda: "No camera found" in labels(picker))


def test_slow_camera_driver_does_not_hold_the_window(
    make_picker: Callable[..., SourcePicker], qtbot: QtBot
) -> None:
    answer = threading.Event()

    def slow() -> list[CameraInfo]:
        answer.wait(5)
        return CAMERAS

    picker = make_picker(slow)
    assert "Looking for cameras…" in labels(picker)
    answer.set()
    qtbot.waitUntil(lambda: "Front camera" in labels(picker))


def test_a_camera_that_is_plugged_in_later_appears_when_the_menu_opens(
    make_picker: Callable[..., SourcePicker], qtbot: QtBot
) -> None:
    found: list[CameraInfo] = []
    picker = make_picker(lambda: list(found))
    qtbot.waitUntil(lambda: "No camera found" in labels(picker))
    found.extend(CAMERAS)
    picker.sources_menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: "Front camera" in labels(picker))
