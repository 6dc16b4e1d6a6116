from __future__ import annotations

from pathlib import Path

import pytest

from hmr_live_app import application as window
from hmr_live_app.cli.main import main
from hmr_live_app.model.takes.file_types import is_take


def test_what_is_no_take_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "film.mp4"]) == 1
    assert "film.mp4 is not a take: choose a .hmrtake" in capsys.readouterr().err


def test_without_a_screen_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main(["play", "dance.hmrtake"]) == 1
    assert "no screen" in capsys.readouterr().err


def test_the_window_opens_on_the_take_with_the_body_that_was_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[object, object]] = []

    def run_window(source: object, **options: object) -> int:
        asked.append((source, options["body"]))
        return 0

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(window, "run_window", run_window)
    assert main(["play", "walk.bvh", "--body", "smpl.pkl"]) == 0
    assert asked == [("walk.bvh", Path("smpl.pkl"))]


def test_takes_are_known_by_their_suffix() -> None:
    assert all(is_take(name) for name in ("a.hmrtake", Path("b.NPZ"), "c.bvh"))
    assert not any(is_take(name) for name in (0, "a.mp4", Path("npz"), None))
