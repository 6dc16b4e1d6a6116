from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import QSettings
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from hmr_live.body.model import BodyModel
from hmr_live.render.offscreen import leave_context
from hmr_live_app.application import make_application
from hmr_live_app.cli.main import has_display
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.app_model import LivePipeline
from hmr_live_app.model.source import SourceChoice
from tests.app.support import CLIP, PATIENCE, MainLoop, MovingPerson


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The program's own application, with its surface format and theme."""
    if not has_display():
        pytest.skip("the window needs a screen: run under xvfb-run, as make test does")
    # Whoever runs all tests in one process: torch's compiler must be loaded before Qt makes Mesa's
    # LLVM visible to it.
    if "torch" in sys.modules and importlib.util.find_spec("triton"):
        importlib.import_module("triton")
    return make_application()


@pytest.fixture(autouse=True)
def _own_preferences(tmp_path: Path) -> None:
    """Tests neither read nor change the preferences of whoever runs them."""
    for scope in QSettings.Scope:
        QSettings.setPath(QSettings.Format.IniFormat, scope, str(tmp_path / "preferences"))


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends when its condition holds; on a busy machine that may take long."""
    patient = partialmethod(QtBot.waitUntil, timeout=PATIENCE)
    monkeypatch.setattr(QtBot, "waitUntil", patient)


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return BodyModel.default()


@pytest.fixture
def main_loop() -> MainLoop:
    return MainLoop()


@pytest.fixture
def person(body: BodyModel) -> MovingPerson:
    return MovingPerson(body)


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[Callable[..., MainWindow]]:
    """Opens real windows and closes them after the test."""
    windows: list[MainWindow] = []
    leave_context()  # of tests before this one that draw without a window

    def opened(open_pipeline: Callable[[], LivePipeline], **options: Any) -> MainWindow:
        window = MainWindow(open_pipeline, SourceChoice(CLIP, "Demo clip", loop=True), **options)
        # Pictures are compared here, also on machines that are busy with something else.
        window.performance.set_adaptive(False)
        windows.append(window)
        qtbot.addWidget(window)
        window.resize(1100, 700)
        window.show()
        qtbot.waitUntil(lambda: bool(window.view.renderer), timeout=PATIENCE)
        # Shortcuts belong to the active window, and a virtual screen has nobody who activates one.
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE)
        return window

    yield opened
    for window in windows:
        window.close()


@pytest.fixture
def window(
    open_window: Callable[..., MainWindow], person: MovingPerson, tmp_path: Path, qtbot: QtBot
) -> MainWindow:
    """A window that shows the demo clip and the moving person."""
    window = open_window(lambda: person)
    window.preferences.recordings = tmp_path / "recordings"
    window.open(CLIP)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=PATIENCE)
    return window
