"""The command ``hmr-live bench``: the time of each stage, on one back end or several."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hmr_live.bench import BenchTarget
    from hmr_live.recovery.pipeline import Pipeline


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bench``, without those of the pipeline."""
    parser.add_argument("input", nargs="?", type=Path, help="video file (default: the demo clip)")
    parser.add_argument("--frames", type=int, default=300, help="frames to time (default: 300)")
    parser.add_argument(
        "--mediapipe",
        metavar="PYTHON",
        type=Path,
        help="compare with MediaPipe Pose, run by this Python (as in mediapipe-env/bin/python)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_bench(
    options: argparse.Namespace, clip: Path, open_pipeline: Callable[[str], Pipeline]
) -> int:
    """Time the clip and print the report.

    Parameters
    ----------
    options
        As parsed; ``backend`` may hold several names separated by commas, or ``all``;
        ``network`` is a file.
    clip
        The video.
    open_pipeline
        Opens the pipeline on the named back end.
    """
    from hmr_live.bench import (
        BenchReport,
        MediaPipePose,
        open_pipelines,
        time_body,
        time_interleaved,
    )
    from hmr_live.capture.sources import VideoFile

    wanted = getattr(options, "backend", "auto").split(",")
    source = VideoFile(clip, loop=True)
    targets: list[BenchTarget] = []
    try:
        baseline = MediaPipePose(options.mediapipe) if options.mediapipe else None
        targets = [baseline] if baseline else []
        pipelines, left_out = open_pipelines(wanted, options.network, open_pipeline)
        targets = [*pipelines, *targets]
        report = BenchReport.of(
            clip.name,
            targets,
            time_interleaved(source, targets, options.frames),
            body=time_body(pipelines[0].pipeline.body),
            has_baseline=baseline is not None,
            left_out=left_out,
        )
    finally:
        source.close()
        for target in targets:
            target.close()
    print(report.as_json() if options.json else report.as_text())
    return 0
