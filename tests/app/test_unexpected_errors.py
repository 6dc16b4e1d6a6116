"""Bugs in slots, threads and painting: the window says so and goes on, and the log has them."""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from hmr_live.core.version import __version__
from hmr_live.takes.container import read_take
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.error_reports import ErrorReports
from tests.app.support import CLIP, MovingPerson

ROOT = Path(__file__).resolve().parents[2]

#: The program on the demo clip with the moving person; bugs begin when the first frame is shown.
_PROGRAM = """
import json, sys, threading
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QGuiApplication
from hmr_live.body.model import BodyModel
from hmr_live_app import pipeline_options
from hmr_live_app.application import run_window
from hmr_live_app.model.log_file import logging_to_file
from tests.app.support import CLIP, MovingPerson

person = MovingPerson(BodyModel.default())
pipeline_options.open_pipeline = lambda *_, **__: person

def fail():
    raise ZeroDivisionError("bug in a slot")

def fail_in_thread():
    raise LookupError("bug in a thread")

def fail_to_paint():
    fail_to_paint.count += 1
    raise ValueError("bug in painting")

fail_to_paint.count = 0

def begin(window):
    steps = []

    def look():
        if not steps and window.view.shown is not None and window.view.renderer:
            steps.append(person.processed)
            QTimer.singleShot(0, fail)
            threading.Thread(target=fail_in_thread, name="worker").start()
            window.view._pixels = fail_to_paint
            window.view.update()
        elif steps and fail_to_paint.count > 3 and person.processed > steps[0] + 5:
            window.error_notice.action_button.click()
            print(json.dumps({
                "visible": window.error_notice.isVisible(),
                "text": window.error_notice.text,
                "copied": QGuiApplication.clipboard().text(),
            }))
            window.close()

    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(50)

with logging_to_file():
    sys.exit(run_window(None, demo_clip=CLIP, on_open=begin))
"""


def run_program(code: str, state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    environment = {"XDG_CONFIG_HOME": str(state), "XDG_STATE_HOME": str(state), "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def watched(window: MainWindow) -> Iterator[MainWindow]:
    """A window on the clip that catches every error, as the program does."""
    with window.errors.catching():
        yield window


def fail_in_slot(message: str = "bug in a slot") -> None:
    def fail() -> None:
        raise ZeroDivisionError(message)

    QTimer.singleShot(0, fail)


@pytest.mark.usefixtures("qapp")
@pytest.mark.skipif(sys.platform != "linux", reason="the log folder is set as on Linux")
def test_the_program_outlives_bugs_in_slots_threads_and_painting(tmp_path: Path) -> None:
    ended = run_program(_PROGRAM, tmp_path)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout.splitlines()[-1])
    assert report["visible"]
    assert "An unexpected error occurred" in report["text"]
    log = (tmp_path / "hmr-live" / "log" / "hmr-live.log").read_text()
    for message in ("bug in a slot", "bug in a thread", "bug in painting"):
        assert message in report["copied"]
        assert log.count("Unexpected error in") == 3, "an error on every frame is logged once"
        assert message in log
    assert "in thread worker, once" in report["copied"]
    assert "Traceback" in log
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "hmr-live" / "log" / "crash.txt").exists()


def test_a_bug_in_a_slot_is_shown_once_and_its_report_copied(
    watched: MainWindow, qtbot: QtBot
) -> None:
    notice = watched.error_notice
    fail_in_slot()
    qtbot.waitUntil(notice.isVisible)
    assert "ZeroDivisionError: bug in a slot" in notice.text
    assert "Everything else keeps running" in notice.text
    assert "send it to the developers" in notice.text
    assert notice.action_button.text() == "Copy report"
    notice.action_button.click()
    assert notice.action_button.text() == "Copied"
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    report = clipboard.text()
    for part in (
        f"hmr-live {__version__}",
        f"Python {sys.version_info.major}.{sys.version_info.minor}",
        "PyQt6 ",
        "network: no network on none",
        f"open: a file ({CLIP.suffix}), running",
        "recording: no",
        "the main thread, once",
        "ZeroDivisionError: bug in a slot",
    ):
        assert part in report
    assert watched.view.renderer in report
    assert CLIP.name not in report, "what is open stays private"
    notice.hide()
    fail_in_slot()
    qtbot.waitUntil(lambda: "2 times" in watched.errors.text())
    qtbot.wait(100)
    assert not notice.isVisible()


def test_another_kind_of_error_is_shown_again_and_joins_the_report(
    watched: MainWindow, qtbot: QtBot
) -> None:
    fail_in_slot()
    qtbot.waitUntil(watched.error_notice.isVisible)

    def fail() -> None:
        raise LookupError("bug in a thread")

    threading.Thread(target=fail, name="worker").start()
    qtbot.waitUntil(lambda: "LookupError: bug in a thread" in watched.error_notice.text)
    assert "all 2 errors of this run" in watched.error_notice.text
    report = watched.errors.text()
    assert report.index("bug in a slot") < report.index("in thread worker, once")


def test_frames_and_a_recording_go_on_after_a_bug_on_every_frame(
    watched: MainWindow, person: MovingPerson, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.toggle_recording()
    recording = watched.model.recording
    assert recording is not None

    def fail(_: object) -> None:
        raise KeyError("bug on every frame")

    monkeypatch.setattr(watched.panel, "add", fail)
    qtbot.waitUntil(watched.error_notice.isVisible)
    count = recording.frames
    qtbot.waitUntil(lambda: recording.frames > count + 5)
    assert person.processed > count
    with qtbot.waitCallback() as saved:
        watched.model.recording_saved.connect(saved)
        watched.toggle_recording()
    assert read_take(saved.args[0]).info["frames"] >= count + 5
    assert watched.errors.count == 1


def test_an_error_that_was_caught_and_logged_can_be_reported_too(
    watched: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("context lost")

    monkeypatch.setattr(watched.view._scene, "paint", break_down)
    qtbot.waitUntil(watched.error_notice.isVisible)
    assert "RuntimeError: context lost" in watched.error_notice.text
    assert "OpenGL 3.3" in watched.banner.text
    assert "drawing failed" in watched.errors.text()


def test_a_finaliser_that_fails_is_reported(watched: MainWindow, qtbot: QtBot) -> None:
    class Failing:
        def __del__(self) -> None:
            raise OSError("bug in a finaliser")

    Failing()
    qtbot.waitUntil(lambda: "bug in a finaliser" in watched.error_notice.text)


def test_a_crash_of_the_run_before_is_reported(window: MainWindow, qtbot: QtBot) -> None:
    window.errors.add_crash("Fatal Python error: Segmentation fault")
    qtbot.waitUntil(window.error_notice.isVisible)
    assert "crashed the last time it ran" in window.error_notice.text
    assert "Segmentation fault" in window.errors.text()


def test_the_hooks_of_before_come_back() -> None:
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    with ErrorReports().catching():
        assert sys.excepthook is not before[0]
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_a_report_comes_even_if_the_circumstances_fail() -> None:
    def circumstances() -> dict[str, str]:
        raise AttributeError("half open")

    reports = ErrorReports(circumstances)
    reports.add(ValueError("bug"), "the main thread")
    assert "circumstances: unknown (AttributeError: half open)" in reports.text()
    assert "ValueError: bug" in reports.text()


_CRASH = """
import faulthandler, sys
from hmr_live_app.model.log_file import crash_dump
with crash_dump() as before:
    print(before)
    if sys.argv[1] == "crash":
        faulthandler._sigsegv()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the log folder is set as on Linux")
@pytest.mark.skipif(not hasattr(faulthandler, "_sigsegv"), reason="nothing to crash with")
def test_a_hard_crash_leaves_the_stacks_for_the_next_run(tmp_path: Path) -> None:
    crashed = run_program(_CRASH, tmp_path, "crash")
    assert crashed.returncode < 0
    after = run_program(_CRASH, tmp_path, "well")
    assert after.returncode == 0
    assert "Segmentation fault" in after.stdout
    assert "<string>" in after.stdout
    assert run_program(_CRASH, tmp_path, "well").stdout.strip() == ""


_COMMAND = """
import sys
from hmr_live_app.cli import main

def fail(_):
    raise ZeroDivisionError("bug in a command")

main._angles = fail
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the log folder is set as on Linux")
def test_a_bug_in_a_command_ends_with_one_message_and_a_log(tmp_path: Path) -> None:
    ended = run_program(_COMMAND, tmp_path, "angles")
    assert ended.returncode == 1
    log = tmp_path / "hmr-live" / "log" / "hmr-live.log"
    assert ended.stderr.strip() == (
        "hmr-live: an unexpected error occurred (ZeroDivisionError: bug in a command): send the "
        f"developers the log in {log}."
    )
    assert "Traceback" in log.read_text()
    assert "Traceback" in run_program(_COMMAND, tmp_path, "-v", "angles").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the log folder is set as on Linux")
def test_without_a_place_for_the_log_the_message_names_verbose(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ended = run_program(_COMMAND, tmp_path / "file", "angles")
    assert ended.returncode == 1
    assert "bug in a command): send the developers what hmr-live -v prints" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "/shut/x.mp4"), "/shut/x.mp4 cannot be opened"),
        (BrokenPipeError(32, "Broken pipe"), ""),
    ],
    ids=["shut folder", "closed pipe"],
)
def test_what_is_no_bug_is_not_reported_as_one(
    error: OSError, message: str, tmp_path: Path
) -> None:
    command = _COMMAND.replace('ZeroDivisionError("bug in a command")', repr_of(error))
    ended = run_program(command, tmp_path, "angles")
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "unexpected" not in ended.stderr
    assert "Traceback" not in ended.stderr


def repr_of(error: OSError) -> str:
    """The expression that makes this error, with its file name."""
    arguments = [error.errno, error.strerror, *([error.filename] if error.filename else [])]
    return f"{type(error).__name__}({', '.join(map(repr, arguments))})"
