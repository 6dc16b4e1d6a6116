"""``hmr-live latency``: measure the real window from the camera to the screen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hmr_live.core.errors import SourceError

if TYPE_CHECKING:
    from hmr_live.live.latency import LatencyReport
    from hmr_live_app.main_window import MainWindow

#: Frames shown before measuring starts: caches, memory pools and the window have to settle.
_WARM_UP_FRAMES: Final = 60
#: Interval at which the progress is checked.
_CHECK_MS: Final = 100


def add_latency_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command, without those of the pipeline."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--camera", metavar="CAMERA", help="a camera, by number or name")
    source.add_argument(
        "--video",
        metavar="FILE",
        help="a video to play as a simulated camera (default: the demo clip)",
    )
    parser.add_argument(
        "--frames", type=int, default=600, help="frames to measure (default: 600, 20 s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, including the histogram")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON to this file")


def measure_latency(
    options: argparse.Namespace, open_window: Callable[[Callable[[MainWindow], None]], int]
) -> int:
    """Open the window, measure, close it, print.

    Parameters
    ----------
    options
        Of the command.
    open_window
        Opens the window on its source, passes it to the callback, and returns the exit code
        when the window is closed.

    Raises
    ------
    SourceError
        If the source does not open or ends, or the window is closed too early.
    """
    if options.frames < 1:
        raise SourceError("A measurement needs at least one frame: give --frames 1 or more.")
    found: list[tuple[LatencyReport, dict[str, Any]]] = []
    messages: list[str] = []

    def begin(window: MainWindow) -> None:
        from PyQt6.QtCore import QTimer

        timer = QTimer(window)
        settled = False

        def check() -> None:
            nonlocal settled
            meter = window.performance.latency
            if not settled and meter.count >= _WARM_UP_FRAMES:
                settled = True
                meter.clear()
            elif settled and meter.count >= options.frames:
                report = meter.report()
                if report is not None:
                    found.append((report, _conditions(window)))
                timer.stop()
                window.close()

        def fail(message: str) -> None:
            messages.append(message)
            window.close()

        window.model.failed.connect(fail)
        timer.timeout.connect(check)
        timer.start(_CHECK_MS)

    code = open_window(begin)
    if code:
        return code
    if not found:
        raise SourceError(
            messages[0]
            if messages
            else "The window was closed too early: leave it open until the measurement ends."
        )
    report, conditions = found[0]
    text = json.dumps({**conditions, **asdict(report)}, indent=2)
    if options.out is not None:
        _write(options.out, text)
    print(text if options.json else _as_text(report, conditions))
    return code


def _conditions(window: MainWindow) -> dict[str, Any]:
    model, view = window.model, window.view
    stats, pipeline, source = model.stats(), model.pipeline, model.source
    ratio = view.devicePixelRatio()
    return {
        "source": "" if source is None else source.label,
        "network": "" if pipeline is None else pipeline.network.name,
        "backend": "" if pipeline is None else pipeline.network.backend.describe(),
        "pixels": [round(view.width() * ratio), round(view.height() * ratio)],
        "capture_fps": 0.0 if stats is None else round(stats.capture_fps, 1),
        "fps": 0.0 if stats is None else round(stats.fps, 1),
        "dropped": 0 if stats is None else stats.dropped,
        "reduced": [reduction.value for reduction in window.performance.reductions],
    }


def _as_text(report: LatencyReport, conditions: dict[str, Any]) -> str:
    where = conditions
    reduced = f", reduced: {', '.join(where['reduced'])}" if where["reduced"] else ""
    return (
        f"{where['source']}: {where['fps']:.0f} of {where['capture_fps']:.0f} frames/s shown "
        f"({where['network']}, {where['backend']}{reduced})\n{report.as_text()}"
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written ({error.strerror}): choose another file."
        ) from None
