"""Time the pipeline on a clip: who takes part, the turns they take, what is reported."""

from engine.bench.body import BodyTimings, time_body
from engine.bench.contestants import Contestant, PipelineContestant, open_pipelines
from engine.bench.mediapipe_pose import MediaPipePose
from engine.bench.report import BenchReport
from engine.bench.turns import take_turns

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
