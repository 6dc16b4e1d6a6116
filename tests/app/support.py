"""A person without networks, and looking at what a window shows."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QImage, QMouseEvent, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QTreeWidgetItem
from pytestqt.qtbot import QtBot

from hmr_live.angles import joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.assets import asset_path
from hmr_live.core.state import Array, BodyState, CropBox, Frame, FrameResult, Image
from hmr_live.recovery.frame_camera import project
from hmr_live.render.image_plane import Rectangle, letterbox
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.source import Status
from hmr_live_app.widgets.angle_table import AngleTable

CLIP = asset_path("clips", "balancing.mp4")
#: Milliseconds; the machine may be busy.  Where it is not, nobody waits this long.
PATIENCE = 60_000


def body_state(body: BodyModel, size: tuple[int, int], bend: float = 0.5) -> BodyState:
    """A person who fills most of the frame and lifts both arms and one knee by ``bend`` radians."""
    theta = np.zeros((NUM_JOINTS, 3), np.float32)
    theta[JOINT["left_shoulder"]] = [0, 0, bend - 1.2]
    theta[JOINT["right_shoulder"]] = [0, 0, 1.2 - bend]
    theta[JOINT["left_hip"]] = [-bend, 0, 0]
    theta[JOINT["left_knee"]] = [2 * bend, 0, 0]
    rotmats = np.asarray(matrix_from_axis_angle(theta))
    rotmats[0] = np.diag([1, -1, -1])
    betas = np.zeros(10, np.float32)
    focal = size[0] / 2 / np.tan(np.pi / 6)
    transl = np.array([0, -0.1, 2.4 * focal / size[1]], np.float32)
    joints = np.asarray(body.joints(rotmats, betas) + transl)
    return BodyState(
        rotmats=rotmats,
        betas=betas,
        transl=transl,
        focal_length=float(focal),
        camera=np.array([1, 0, 0], np.float32),
        crop_box=CropBox(size[0] / 2, size[1] / 2, size[1]),
        joints=joints,
        joints_2d=project(joints, float(focal), size),
        confidence=np.ones(NUM_JOINTS, np.float32),
        score=0.9,
        angles_of=joint_angles,
    )


class MainLoop:
    """A main thread that runs what the workers ask of it, when the test lets it."""

    def __init__(self) -> None:
        self.asked: queue.Queue[Callable[[], None]] = queue.Queue()
        self.longest = 0

    def __call__(self, function: Callable[[], None]) -> None:
        self.asked.put(function)
        self.longest = max(self.longest, self.asked.qsize())

    def let_run_until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        """Wait without running anything, like a main thread that is busy with something else."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.005)

    def run_until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            try:
                self.asked.get(timeout=0.02)()
            except queue.Empty:
                continue


class NoNetwork:
    """What a recording tells of a network and its back end, where there is none."""

    name = "no network"
    manifest: ClassVar[dict[str, str]] = {"sha256": "0" * 64}

    @property
    def backend(self) -> NoNetwork:
        return self

    def describe(self) -> str:
        return "none"


class MovingPerson:
    """A pipeline without networks: somebody who moves with the frames' time."""

    def __init__(self, body: BodyModel) -> None:
        self.body = body
        self.network = NoNetwork()
        self.smoothing = True
        self.people = 1
        self.locked: int | None = None
        self.nobody = False
        self.networks: list[tuple[str | Path, float]] = []
        self.processed = 0

    def process(self, frame: Frame) -> FrameResult:
        self.processed += 1
        bend = 0.6 + 0.5 * float(np.sin(3 * frame.time))
        bodies = () if self.nobody else (body_state(self.body, frame.size, bend),)
        return FrameResult(frame, bodies, {"capture": 1.0, "network": 2.0, "body": 0.5})

    def reset(self) -> None:
        pass

    def use_network(self, network: str | Path, *, fps: float) -> None:
        self.networks.append((network, fps))


def picture_of(window: MainWindow) -> Image:
    """What the graphics area shows, ``(H, W, 3)`` RGB."""
    QTest.qWait(80)  # a repaint that was asked for comes with the next turn of the event loop
    image = window.view.grabFramebuffer().convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    assert bits is not None
    data = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8)
    rows = data.reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


def difference(first: Image, second: Image) -> Array:
    """How much each pixel differs, ``(H, W)`` levels."""
    return np.abs(first.astype(np.float32) - second.astype(np.float32)).max(axis=2)


def video_place(window: MainWindow) -> Rectangle:
    """Where the video lies in its pane, in framebuffer pixels."""
    shown = window.view.shown
    assert shown is not None
    return letterbox(shown.frame.size, window.view.panes.video)


def hold(window: MainWindow, qtbot: QtBot) -> None:
    """Pause, and wait until the last result has arrived and is painted."""
    window.commands.run.trigger()
    assert window.model.status is Status.PAUSED
    qtbot.wait(200)


def panes(window: MainWindow, picture: Image) -> tuple[Image, Image]:
    """The video pane and the 3D pane of a picture."""
    split = window.view.panes.view3d.x
    return picture[:, : split - 2], picture[:, split:]


def view3d_point(window: MainWindow, x: float = 0.5, y: float = 0.5) -> QPoint:
    """A point in the 3D pane, by fractions of its size."""
    ratio = window.view.devicePixelRatio()
    view3d = window.view.panes.view3d
    return QPoint(
        round((view3d.x + x * view3d.width) / ratio), round((1 - y) * view3d.height / ratio)
    )


def drag(
    window: MainWindow,
    step: QPoint,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    start: QPoint | None = None,
) -> None:
    """Press, move by ``step`` points, release; from the middle of the 3D pane if not told."""
    start = start or view3d_point(window)
    none = Qt.MouseButton.NoButton
    _mouse(window, QEvent.Type.MouseButtonPress, start, button, button, modifier)
    for part in (0.3, 0.7, 1.0):
        at = start + QPoint(round(step.x() * part), round(step.y() * part))
        _mouse(window, QEvent.Type.MouseMove, at, none, button, modifier)
    _mouse(window, QEvent.Type.MouseButtonRelease, start + step, button, none, modifier)


def _mouse(
    window: MainWindow,
    kind: QEvent.Type,
    at: QPoint,
    button: Qt.MouseButton,
    held: Qt.MouseButton,
    modifier: Qt.KeyboardModifier,
) -> None:
    # QTest's own moves carry no modifier, so the events are made here.
    place = QPointF(window.view.mapToGlobal(at))
    QApplication.sendEvent(
        window.view, QMouseEvent(kind, QPointF(at), place, button, held, modifier)
    )
    QApplication.processEvents()


def wheel(window: MainWindow, notches: int) -> None:
    at = QPointF(view3d_point(window))
    event = QWheelEvent(
        at,
        QPointF(window.view.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(window.view, event)
    QApplication.processEvents()


def body_mask(window: MainWindow, qtbot: QtBot) -> Array:
    """Where the mesh is drawn over the video: what changes when it is switched off."""
    shown = picture_of(window)
    window.commands.mesh.trigger()
    hidden = picture_of(window)
    window.commands.mesh.trigger()
    return difference(shown, hidden) > 8


def table_row(table: AngleTable, joint: str, motion: str) -> QTreeWidgetItem:
    """The row that reads ``motion`` under the heading ``joint``."""
    headings = [table.topLevelItem(number) for number in range(table.topLevelItemCount())]
    rows = [
        heading.child(number)
        for heading in headings
        if heading is not None and heading.text(0) == joint
        for number in range(heading.childCount())
    ]
    return next(row for row in rows if row is not None and row.text(0) == motion)
