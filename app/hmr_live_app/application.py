"""The program with a window: how the application is created, starts and ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QTimer
from PyQt6.QtGui import QSurfaceFormat
from PyQt6.QtWidgets import QApplication

from hmr_live.body.model import BodyModel
from hmr_live.core.camera_place import CameraPlace
from hmr_live.streaming import StreamRequest
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.app_model import LivePipeline
from hmr_live_app.model.log_file import crash_dump
from hmr_live_app.model.source import SourceChoice
from hmr_live_app.scene.scene_view import surface_format
from hmr_live_app.widgets import theme

_FEW_CORES: Final = 2


def make_application() -> QApplication:
    """Return the application with our theme; created once in a process."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    # Qt waits 5 ms before it handles a paint request, in case that more follow.  The scene is
    # painted once a frame, and that wait would be a tenth of the whole latency.
    os.environ.setdefault("QT_QPA_UPDATE_IDLE_TIME", "0")
    # Mesa's software renderer draws with one thread per core.  On two cores, where recovery may
    # begin before a frame is drawn, those threads and recovery's would wait for each other; frames
    # are far more even when the calling thread does the drawing.
    if (os.cpu_count() or 1) <= _FEW_CORES:
        os.environ.setdefault("LP_NUM_THREADS", "0")
    QSurfaceFormat.setDefaultFormat(surface_format())  # must come before the application
    application = QApplication(sys.argv[:1])
    application.setApplicationName("hmr-live")
    application.setDesktopFileName("hmr-live")
    theme.apply_theme(application)
    pg.setConfigOptions(antialias=False, background=theme.PANEL, foreground=theme.MUTED)
    return application


def run_window(
    source: str | int | None,
    *,
    demo_clip: Path,
    smoothing: bool = True,
    streams: Sequence[StreamRequest] = (),
    network: str | Path | None = None,
    body: Path | None = None,
    backend: str = "auto",
    threads: int | None = None,
    camera_place: CameraPlace | None = None,
    people: int | None = None,
    on_open: Callable[[MainWindow], None] = lambda _: None,
) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    source
        Camera number, file or take; the demo clip when None.
    demo_clip
        The included clip.
    smoothing
        False starts without smoothing.
    streams
        Live streams to switch on at once.
    body, backend, threads, camera_place
        See :meth:`hmr_live.recovery.pipeline.Pipeline.open`; ``body`` is a file.
    network, people
        The network, and how many people to track at once; None uses the preferences.
    on_open
        Called with the window once it has begun to open its source.

    Returns
    -------
    int
        Exit code.
    """
    application = make_application()
    options: dict[str, Any] = {
        "backend": backend,
        "threads": threads,
        "camera_place": camera_place,
    }

    def open_pipeline() -> LivePipeline:
        from hmr_live_app.pipeline_options import (
            open_pipeline,  # the window comes up before networks load
        )

        return open_pipeline(
            body, network=window.model.network, announce=window.announce, **options
        )

    demo = SourceChoice(demo_clip, "Demo clip", loop=True)

    def load_body() -> BodyModel:
        return BodyModel.default() if body is None else BodyModel.load(body)

    window = MainWindow(
        open_pipeline,
        demo,
        smoothing=smoothing,
        people=people,
        network=network,
        load_body=load_body,
    )
    with crash_dump() as earlier_crash, window.errors.catching():
        window.show()
        for request in streams:
            window.streams.switch_on(request)
        window.open(demo if source is None else source)
        on_open(window)
        if earlier_crash:
            window.errors.add_crash(earlier_crash)
        # Python runs the handler between any two bytecodes, even in the middle of a paintGL, where
        # closing would destroy the context under Qt: so close from the event loop.
        signal.signal(signal.SIGINT, lambda *_: QTimer.singleShot(0, window.close))
        code = application.exec()
    # Widgets must not outlive the application, and Python would destroy them in any order.
    window.deleteLater()
    application.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    return code
