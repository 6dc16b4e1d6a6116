"""Benchmark targets: the pipeline on one back end in one precision, or another program."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from hmr_live.backends import choices
from hmr_live.core.errors import BackendError
from hmr_live.core.state import Frame
from hmr_live.recovery.pipeline import Pipeline

#: Stands for every back end in every precision that can run here.
ALL: Final = "all"
#: Time of a frame that no stage accounts for.
OTHER: Final = "other"
#: Stage of the source; all targets share it, so it counts for none of them.
CAPTURE: Final = "capture"


class BenchTarget(Protocol):
    """Processes frames one at a time and reports how long each of them took."""

    @property
    def name(self) -> str:
        """Name for the report."""
        ...

    @property
    def description(self) -> str:
        """What runs, where, in which precision."""
        ...

    def run(self, frame: Frame) -> dict[str, float]:
        """Milliseconds of each stage; their sum is the time from the frame to the pose."""
        ...

    def close(self) -> None:
        """Release everything; the target cannot be used afterwards."""
        ...


class PipelineTarget:
    """The pipeline of hmr-live on one back end; closing the target closes the pipeline."""

    def __init__(self, name: str, pipeline: Pipeline) -> None:
        self.name = name
        self.pipeline = pipeline
        pipeline.reset()

    @property
    def description(self) -> str:
        """See :class:`BenchTarget`."""
        network = self.pipeline.network
        return f"{network.name}, {network.backend.describe()}"

    def run(self, frame: Frame) -> dict[str, float]:
        """See :class:`BenchTarget`."""
        start = time.perf_counter()
        result = self.pipeline.process(frame)
        spent = (time.perf_counter() - start) * 1000
        stages = {name: ms for name, ms in result.timings.items() if name != CAPTURE}
        return stages | {OTHER: max(spent - sum(stages.values()), 0.0)}

    def close(self) -> None:
        """See :class:`BenchTarget`."""
        self.pipeline.close()


def open_pipelines(
    requested: Sequence[str], network: Path, open_pipeline: Callable[[str], Pipeline]
) -> tuple[list[PipelineTarget], dict[str, str]]:
    """Open the pipeline on several back ends.

    Parameters
    ----------
    requested
        Back ends as ``--backend`` takes them, or :data:`ALL` alone.
    network
        The network that they run.
    open_pipeline
        Opens the pipeline on one of them.

    Returns
    -------
    The targets that run and, for ``all``, why the others do not, by name.

    Raises
    ------
    BackendError
        If a named one cannot run, or none can.
    """
    everything = list(requested) == [ALL]
    opened: list[PipelineTarget] = []
    left_out: dict[str, str] = {}
    for name in choices(network) if everything else requested:
        try:
            opened.append(PipelineTarget(name, open_pipeline(name)))
        except BackendError as error:
            if not everything:
                for target in opened:
                    target.close()
                raise
            left_out[name] = str(error)
    if not opened:
        raise BackendError(f"No back end can be timed here: {' '.join(left_out.values())}")
    return opened, left_out
