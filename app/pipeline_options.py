"""Loading the pipeline as the command line asks for it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.body import BodyModel
from engine.pipeline import Pipeline


def open_pipeline(
    body: Path | None, *, network: Path | None, backend: str, threads: int | None
) -> Pipeline:
    """Load networks and body.

    Parameters
    ----------
    body
        SMPL file; the shipped body when None.
    network, backend
        See :meth:`engine.pipeline.Pipeline.open`.
    threads
        Threads of one inference; by default all cores but one, which the window needs, and at
        most four.
    """
    return Pipeline.open(
        network=network,
        body=None if body is None else BodyModel.load(body),
        backend=backend,
        threads=threads or max(1, min((os.cpu_count() or 2) - 1, 4)),
    )
