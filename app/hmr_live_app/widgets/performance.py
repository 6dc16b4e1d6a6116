"""Measures how fast frames reach the screen, and lowers the quality when that is too slow."""

from __future__ import annotations

import time
from typing import NamedTuple

from hmr_live.core.state import FrameResult
from hmr_live.core.timing import RateMeter
from hmr_live.live.latency import FrameTimestamps, LatencyMeter
from hmr_live.live.quality import Load, QualityGovernor, QualityReduction
from hmr_live_app.model.app_model import AppModel
from hmr_live_app.scene.scene_view import SceneView
from hmr_live_app.widgets.angle_panel import AnglePanel


class _Waiting(NamedTuple):
    """A result that is not on the screen yet, and when the main thread received it."""

    result: FrameResult
    delivered: float


class Performance:
    """Watches frames from capture to display, and keeps the time between them under a target.

    Parameters
    ----------
    model, view, panel
        What is watched and adapted.

    Attributes
    ----------
    latency
        From the capture of a frame to the swap of the buffers, since the source was opened.
    """

    def __init__(self, model: AppModel, view: SceneView, panel: AnglePanel) -> None:
        self.latency = LatencyMeter()
        self._model, self._view, self._panel = model, view, panel
        self._governor = QualityGovernor()
        self._adaptive = True
        self._shown = RateMeter(span=1.0)
        self._waiting: _Waiting | None = None
        view.frameSwapped.connect(self._on_swap)

    @property
    def reductions(self) -> tuple[QualityReduction, ...]:
        """How quality is reduced at present."""
        return self._governor.reductions

    def set_adaptive(self, on: bool) -> None:
        """Switch adaptive quality; off means full quality, however slow."""
        self._adaptive = on
        if not on:
            self._governor.reset()
            self._apply()

    def show(self, result: FrameResult) -> None:
        """Note that a live result is about to be painted."""
        self._waiting = _Waiting(result, time.monotonic())

    def clear(self) -> None:
        """Start measuring again: another source begins."""
        self._waiting = None
        self.latency.clear()
        self._governor.pause()

    def adapt(self, *, running: bool) -> None:
        """Adapt the quality; call it a few times a second.

        Parameters
        ----------
        running
            Whether the frames of a running source are shown.
        """
        stats = self._model.stats()
        now = time.monotonic()
        rate = self._shown.rate(now)
        drawing = self._view.draw_times.summary().get("draw")
        if not running or not self._adaptive or stats is None or drawing is None:
            self._governor.pause()
            return
        if not rate or not stats.capture_fps or stats.problem is not None:
            self._governor.pause()
            return
        stages = stats.timings_ms
        recovery = sum(ms for stage, ms in stages.items() if stage not in ("capture", "detect"))
        load = Load(1000 / rate, stats.capture_fps, recovery, drawing.p50)
        if self._governor.update(load, now):
            self._apply()

    def _on_swap(self) -> None:
        """The buffers were swapped; called by Qt right after it."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        swapped = time.monotonic()
        self._shown.tick(swapped)
        result = waiting.result
        if self._model.is_live:
            self.latency.add(
                FrameTimestamps(
                    result.frame.time, result.started, result.finished, waiting.delivered, swapped
                )
            )

    def _apply(self) -> None:
        reductions = self._governor.reductions
        self._panel.set_slow(QualityReduction.PLOTS in reductions)
        self._view.set_coarse(QualityReduction.DRAWING in reductions)
        self._model.set_frame_skip(QualityReduction.INFERENCE in reductions)
