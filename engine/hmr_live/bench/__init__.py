"""Time the pipeline on a clip: who takes part, the turns they take, what is reported."""

from hmr_live.bench.bench_report import BenchReport
from hmr_live.bench.body_benchmark import BodyTimings, time_body
from hmr_live.bench.contestants import Contestant, PipelineContestant, open_pipelines
from hmr_live.bench.mediapipe_pose import MediaPipePose
from hmr_live.bench.turns import take_turns

__all__ = [
    "BenchReport",
    "BodyTimings",
    "Contestant",
    "MediaPipePose",
    "PipelineContestant",
    "open_pipelines",
    "take_turns",
    "time_body",
]
