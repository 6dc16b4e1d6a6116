"""Benchmark the pipeline on a clip: targets, interleaved timing, and report."""

from hmr_live.bench.bench_report import BenchReport
from hmr_live.bench.body_benchmark import BodyTimings, time_body
from hmr_live.bench.interleaved import time_interleaved
from hmr_live.bench.mediapipe_pose import MediaPipePose
from hmr_live.bench.targets import BenchTarget, PipelineTarget, open_pipelines

__all__ = [
    "BenchReport",
    "BenchTarget",
    "BodyTimings",
    "MediaPipePose",
    "PipelineTarget",
    "open_pipelines",
    "time_body",
    "time_interleaved",
]
