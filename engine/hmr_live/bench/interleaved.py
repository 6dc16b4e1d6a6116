"""Time several targets on one clip in one run, interleaved in blocks of frames.

A busy machine slows all of them alike, so their ratios hold even where their times do not.  A block
has several frames, so that each target finds its own data in the caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from hmr_live.bench.targets import CAPTURE, BenchTarget
from hmr_live.capture.sources import FrameSource
from hmr_live.core.errors import SourceError

#: Frames run before the timing starts: caches, memory pools and filters must settle.
WARM_UP: Final = 20
#: Frames that a target processes before the next one does: a fraction of a second.
BLOCK: Final = 20


@dataclass(frozen=True)
class TimingSamples:
    """The timings of one target.

    Attributes
    ----------
    totals
        Milliseconds of each frame, in the order of the frames.
    stages
        The same by stage; a stage is there for the frames that had it.
    """

    totals: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)

    def add(self, stages: dict[str, float]) -> None:
        """Add one frame."""
        self.totals.append(sum(stages.values()))
        self.add_stages(stages)

    def add_stages(self, stages: dict[str, float]) -> None:
        """Add stages that are not part of the frame's own time."""
        for stage, milliseconds in stages.items():
            self.stages.setdefault(stage, []).append(milliseconds)


def time_interleaved(
    source: FrameSource, targets: Sequence[BenchTarget], frames: int
) -> list[TimingSamples]:
    """Run a clip through all targets until ``frames`` frames are timed, or to its end.

    The order rotates from block to block.

    Returns
    -------
    Timings in the order of the targets, with the source's decoding as an additional stage.

    Raises
    ------
    SourceError
        If there is nothing to time, or the source fails.
    """
    if frames < 1:
        raise SourceError("A benchmark needs at least one frame: give --frames 1 or more.")
    samples = [TimingSamples() for _ in targets]
    for start in range(0, WARM_UP + frames, BLOCK):
        count = min(BLOCK, WARM_UP + frames - start)
        shown = list(islice(iter(source.read, None), count))
        for place in range(len(targets)):
            i = (start // BLOCK + place) % len(targets)
            for number, frame in enumerate(shown, start):
                stages = targets[i].run(frame)
                if number >= WARM_UP:
                    samples[i].add_stages({CAPTURE: frame.capture_ms})
                    samples[i].add(stages)
    if not all(s.totals for s in samples):
        raise SourceError(f"{source.name} ends too soon to be timed: take a longer clip.")
    return samples
