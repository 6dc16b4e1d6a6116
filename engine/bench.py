"""Time the pipeline on a clip, stage by stage, without drawing."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engine.errors import SourceError
from engine.offline import stage_table
from engine.pipeline import Pipeline
from engine.sources import VideoFile
from engine.timing import StageStatistics, StageSummary

#: Frames run before the clock starts: caches, memory pools and filters have to settle.
WARM_UP = 20


@dataclass(frozen=True)
class BenchReport:
    """Timings of a clip.

    Attributes
    ----------
    frames
        Frames timed.
    fps
        Frames a second, decoded frame to smoothed body state.
    frame
        Milliseconds from decoded frame to smoothed body state.
    stages
        Milliseconds by stage.
    network, backend
        What ran.
    """

    clip: str
    frames: int
    fps: float
    frame: StageSummary
    stages: dict[str, StageSummary]
    network: str
    backend: str

    def as_text(self) -> str:
        """Table for people."""
        return (
            f"{self.clip}: {self.fps:.1f} frames/s over {self.frames} frames "
            f"({self.network}, {self.backend})\n{stage_table(self.stages | {'all': self.frame})}"
        )

    def as_json(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), indent=2)


def bench_pipeline(clip: Path, pipeline: Pipeline, *, frames: int = 300) -> BenchReport:
    """Run a clip through the pipeline, again and again, until ``frames`` frames are timed.

    Raises
    ------
    SourceError
        If the clip cannot be read.
    """
    if frames < 1:
        raise SourceError("A benchmark needs at least one frame: give --frames 1 or more.")
    source = VideoFile(clip, loop=True)
    pipeline.reset()
    stages, totals = StageStatistics(window=None), []
    for count in range(WARM_UP + frames):
        frame = source.read()
        if frame is None:
            break
        start = time.perf_counter()
        result = pipeline.process(frame)
        if count >= WARM_UP:
            totals.append((time.perf_counter() - start) * 1000)
            stages.add(result.timings)
    source.close()
    total = StageSummary(
        float(np.percentile(totals, 50)), float(np.percentile(totals, 95)), len(totals)
    )
    return BenchReport(
        clip=clip.name,
        frames=len(totals),
        fps=round(len(totals) / sum(totals) * 1000, 2),
        frame=total,
        stages=stages.summary(),
        network=pipeline.network.name,
        backend=pipeline.network.backend.describe(),
    )
