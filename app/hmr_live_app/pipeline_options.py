"""Loads the pipeline with the options of the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hmr_live.body.model import BodyModel
from hmr_live.core.assets import network_file
from hmr_live.core.camera_place import CameraPlace
from hmr_live.recovery.network_choice import AUTO, DEFAULT_FPS
from hmr_live.recovery.pipeline import Pipeline


def open_pipeline(
    body: Path | None = None,
    *,
    network: str | Path = AUTO,
    backend: str = "auto",
    threads: int | None = None,
    smoothing: bool = True,
    camera_place: CameraPlace | None = None,
    people: int = 1,
    fps: float = DEFAULT_FPS,
    live: bool = True,
    announce: Callable[[str], None] = lambda _: None,
) -> Pipeline:
    """Load networks and body.

    Parameters
    ----------
    body
        SMPL file; the included body when None.
    network, backend, smoothing, camera_place, people, fps, live, announce
        See :meth:`hmr_live.recovery.pipeline.Pipeline.open`.
    threads
        See :func:`inference_threads`.
    """
    return Pipeline.open(
        network=network,
        body=None if body is None else BodyModel.load(body),
        backend=backend,
        threads=inference_threads(threads),
        smoothing=smoothing,
        camera_place=camera_place,
        people=people,
        fps=fps,
        live=live,
        announce=announce,
    )


def network_option(text: str) -> str | Path:
    """What ``--network`` says: ``auto``, or the file of a shipped network or of another one."""
    return AUTO if text == AUTO else network_file(text)


def inference_threads(requested: int | None) -> int:
    """Threads of one inference: as requested, or all cores but at most four.

    The window needs no core of its own: a frame is recovered before it is drawn, and seldom while
    the one before it is drawn.
    """
    return requested or min(os.cpu_count() or 1, 4)
