"""The window as a program: with the real networks, on other screens, without OpenGL 3.3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import FrameResult
from hmr_live.recovery.pipeline import Pipeline
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.source import Status
from tests.app.support import CLIP, body_mask, video_place

ROOT = Path(__file__).resolve().parents[2]
MASKS = ROOT / "tests" / "data" / "masks"

#: Opens the window on the demo clip with the moving person, reports what it looks like, ends.
_SCRIPT = """
import json, sys
from PyQt6.QtCore import QTimer
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.source import Status
from hmr_live_app.application import make_application
from hmr_live_app.model.source import SourceChoice
from hmr_live.body.model import BodyModel
from tests.app.support import CLIP, MovingPerson

application = make_application()
person = MovingPerson(BodyModel.default())
window = MainWindow(lambda: person, SourceChoice(CLIP, "Demo clip", loop=True))
window.resize(900, 600)
window.show()
window.open(CLIP)

def report():
    if not window.view.renderer:
        text = window.banner.text if window.banner.isVisible() else ""
        print(json.dumps({"banner": text, "processed": person.processed}))
        window.close()
        return
    image = window.view.grabFramebuffer()
    colors = {image.pixelColor(x, image.height() // 2).rgb() for x in range(0, image.width(), 7)}
    print(json.dumps({
        "banner": window.banner.text if window.banner.isVisible() else "",
        "processed": person.processed,
        "framebuffer": [image.width(), image.height()],
        "points": [window.view.width(), window.view.height()],
        "colors": len(colors),
        "top_right": image.pixelColor(image.width() - 4, 4).getRgb()[:3],
    }))
    window.close()

QTimer.singleShot(2500, report)
sys.exit(application.exec())
"""


def report_of_window(tmp_path: Path, **environment: str) -> dict[str, object]:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    settings = {"XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": path, **environment}
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    report: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return report


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize(
    "environment",
    [
        {"MESA_GL_VERSION_OVERRIDE": "3.0", "LIBGL_ALWAYS_SOFTWARE": "1"},
        {"QT_XCB_GL_INTEGRATION": "none"},
    ],
    ids=["older OpenGL", "no OpenGL"],
)
def test_without_opengl_3_3_the_window_says_so_and_stays_alive(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    report = report_of_window(tmp_path, **environment)
    assert "OpenGL 3.3" in str(report["banner"])
    assert int(str(report["processed"])) > 5


@pytest.mark.usefixtures("qapp")
def test_on_a_high_density_screen_every_pixel_is_used(tmp_path: Path) -> None:
    report = report_of_window(tmp_path, QT_SCALE_FACTOR="2")
    points, pixels = report["points"], report["framebuffer"]
    assert pixels == [2 * length for length in points]  # type: ignore[attr-defined]
    assert report["banner"] == ""
    assert int(str(report["colors"])) > 20
    assert report["top_right"] == [27, 31, 37], "the 3D view's backdrop reaches the corner"


def test_the_mesh_covers_the_person_of_the_playing_clip(
    open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    masks = {
        int(path.stem[-3:]): cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127
        for path in MASKS.glob("balancing_*.png")
    }
    count = VideoFile(CLIP).frame_count
    window = open_window(Pipeline.open)
    overlaps: dict[int, float] = {}

    def near_mask(result: FrameResult) -> int | None:
        """Mask of the moment shown; within two frames a body moves by a few pixels only."""
        index = result.frame.index % count
        return next((number for number in masks if abs(number - index) <= 2), None)

    def stop_at_masks(result: FrameResult) -> None:
        number = near_mask(result)
        running = window.model.status is Status.RUNNING
        if running and result.bodies and number is not None and number not in overlaps:
            window.model.toggle_running()

    window.model.result_ready.connect(stop_at_masks)
    window.open(window.picker.demo)
    while len(overlaps) < 3:
        qtbot.waitUntil(lambda: window.model.status is Status.PAUSED, timeout=60_000)
        qtbot.wait(150)  # one more result may have been on its way
        shown = window.view.shown
        assert shown is not None
        number = near_mask(shown)
        if number is not None:
            overlaps[number] = _overlap(window, qtbot, masks[number])
        window.model.toggle_running()
    # Thresholds as for the silhouettes in test_end_to_end: the same body is drawn here.
    assert np.mean(list(overlaps.values())) > 0.55, overlaps


def _overlap(window: MainWindow, qtbot: QtBot, person: np.ndarray) -> float:
    """Intersection over union of the drawn mesh and the person's pixels."""
    drawn = body_mask(window, qtbot)
    place = video_place(window)
    top = drawn.shape[0] - place.y - place.height
    inside = drawn[top : top + place.height, place.x : place.x + place.width]
    scaled = cv2.resize(person.astype(np.uint8), place.size) > 0
    return float((inside & scaled).sum() / (inside | scaled).sum())
