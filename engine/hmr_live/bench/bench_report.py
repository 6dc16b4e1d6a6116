"""The report of a benchmark: a table for each target and a comparison, as text and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np

from hmr_live.bench.body_benchmark import BodyTimings
from hmr_live.bench.interleaved import TimingSamples
from hmr_live.bench.targets import CAPTURE, BenchTarget
from hmr_live.core.timing import StageSummary, summarise

#: A run is divided into this many parts, whose ratios show the uncertainty of the ratio.
PARTS: Final = 10


@dataclass(frozen=True)
class StageRow(StageSummary):
    """A stage with its share of the target's time, 0 to 1; None if it is not part of it."""

    share: float | None

    @classmethod
    def of(cls, summary: StageSummary, share: float | None) -> StageRow:
        """A summary with its share."""
        return cls(summary.p50, summary.p95, summary.count, share)


@dataclass(frozen=True)
class TargetReport:
    """Timings of one target.

    Attributes
    ----------
    name, description
        Name of the target, and what ran.
    frames
        Frames timed.
    fps
        Frames a second, from frame to smoothed body state.
    frame
        Milliseconds from the frame to the smoothed body state.
    stages
        Milliseconds by stage.
    """

    name: str
    description: str
    frames: int
    fps: float
    frame: StageSummary
    stages: dict[str, StageRow]

    @classmethod
    def of(cls, target: BenchTarget, samples: TimingSamples) -> TargetReport:
        """Summarise what was measured."""
        total = sum(samples.totals)
        stages = {
            name: StageRow.of(summarise(times), None if name == CAPTURE else sum(times) / total)
            for name, times in samples.stages.items()
        }
        return cls(
            name=target.name,
            description=target.description,
            frames=len(samples.totals),
            fps=round(1000 * len(samples.totals) / total, 2),
            frame=summarise(samples.totals),
            stages=stages,
        )

    def as_text(self) -> str:
        """Heading and table."""
        rows = [f"{'stage':<10}{'p50 ms':>9}{'p95 ms':>9}{'share':>8}{'frames':>8}"]
        everything = {"all": StageRow.of(self.frame, 1.0)}
        for name, row in (self.stages | everything).items():
            share = "" if row.share is None else f"{100 * row.share:.1f} %"
            rows.append(f"{name:<10}{row.p50:>9.2f}{row.p95:>9.2f}{share:>8}{row.count:>8}")
        return "\n".join([f"{self.name}: {self.fps:.1f} frames/s ({self.description})", *rows])


@dataclass(frozen=True)
class Ratio:
    """How many times as fast a target is as the baseline.

    Attributes
    ----------
    name
        Name of the target.
    median
        Ratio of the medians.
    low, high
        Smallest and largest ratio of the medians over the parts of the run.
    """

    name: str
    median: float
    low: float
    high: float


def ratio_of(name: str, own: Sequence[float], baseline: Sequence[float]) -> Ratio:
    """Compare the milliseconds of two targets over the same frames."""
    parts = min(PARTS, len(own))
    pairs = zip(np.array_split(own, parts), np.array_split(baseline, parts), strict=True)
    ratios = [float(np.median(b) / np.median(a)) for a, b in pairs]
    return Ratio(name, float(np.median(baseline) / np.median(own)), min(ratios), max(ratios))


@dataclass(frozen=True)
class BenchReport:
    """Timings of a clip.

    Attributes
    ----------
    clip
        Name of the file.
    cores, load
        Of this machine; the load is the average number of waiting programs over the last minute,
        this one included; None if the system does not report it.
    runs
        The report of each target.
    baseline
        Name of the one that the others are compared with; empty when there is none.
    ratios
        How the others compare with it.
    body
        The numpy body alone.
    left_out
        Back ends that were to be timed and why they were not.
    """

    clip: str
    cores: int
    load: float | None
    runs: tuple[TargetReport, ...]
    body: BodyTimings
    baseline: str = ""
    ratios: tuple[Ratio, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        clip: str,
        targets: Sequence[BenchTarget],
        samples: Sequence[TimingSamples],
        *,
        body: BodyTimings,
        has_baseline: bool = False,
        left_out: dict[str, str] | None = None,
    ) -> BenchReport:
        """Summarise a run; the baseline, if there is one, is the last target."""
        ratios: list[Ratio] = []
        if has_baseline:
            ratios = [
                ratio_of(target.name, own.totals, samples[-1].totals)
                for target, own in zip(targets[:-1], samples[:-1], strict=True)
            ]
        return cls(
            clip=clip,
            cores=os.cpu_count() or 1,
            load=round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
            runs=tuple(map(TargetReport.of, targets, samples)),
            body=body,
            baseline=targets[-1].name if has_baseline else "",
            ratios=tuple(ratios),
            left_out=left_out or {},
        )

    def as_text(self) -> str:
        """The report as text."""
        interleaved = ", interleaved" if len(self.runs) > 1 else ""
        load = "" if self.load is None else f", load {self.load:.1f}"
        blocks = [
            f"{self.clip}, {self.runs[0].frames} frames{interleaved}; {self.cores} cores{load}",
            *(run.as_text() for run in self.runs),
            self.body.as_text(),
        ]
        if self.ratios:
            blocks.append("\n".join(map(self._comparison, self.ratios)))
        if self.left_out:
            blocks.append("\n".join(f"left out: {why}" for why in self.left_out.values()))
        return "\n\n".join(blocks)

    def _comparison(self, ratio: Ratio) -> str:
        return (
            f"{ratio.name} is {ratio.median:.2f} times as fast as {self.baseline} "
            f"({ratio.low:.2f} to {ratio.high:.2f} over the parts of the run)"
        )

    def as_json(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), indent=2)
