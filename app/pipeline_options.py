"""Loading the pipeline as the command line asks for it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.body import BodyModel
from engine.pipeline import Pipeline


def open_pipeline(
    body: Path | None = None,
    *,
    network: Path | None = None,
    backend: str = "auto",
    threads: int | None = None,
    smoothing: bool = True,
    people: int = 1,
    spare_cores: int = 0,
) -> Pipeline:
    """Load networks and body.

    Parameters
    ----------
    body
        SMPL file; the shipped body when None.
    network, backend, smoothing, people
        See :meth:`engine.pipeline.Pipeline.open`.
    threads, spare_cores
        See :func:`inference_threads`.
    """
    return Pipeline.open(
        network=network,
        body=None if body is None else BodyModel.load(body),
        backend=backend,
        threads=inference_threads(threads, spare_cores),
        smoothing=smoothing,
        people=people,
    )


def inference_threads(wanted: int | None, spare_cores: int = 0) -> int:
    """Threads of one inference: as wanted, or all cores but the spared ones and at most four."""
    return wanted or max(1, min((os.cpu_count() or 1) - spare_cores, 4))
