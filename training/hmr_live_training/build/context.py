"""What a running stage may use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hmr_live.core.errors import AssetError
from hmr_live_training.build.workspace import Workspace
from hmr_live_training.distributed import Processes
from hmr_live_training.recipes.recipe import Recipe

log = logging.getLogger("hmr_live_training.build")


@dataclass(frozen=True)
class Context:
    """A build, as one stage sees it.

    Attributes
    ----------
    recipe
        All stages, as they run.
    workspace
        Folders.
    before
        Name of the checkpoint that the stage goes on from; None: published weights.
    results
        Of the finished stages, by name.
    processes
        Those that train together.
    workers
        Processes that cut crops or render people ahead.
    report_every
        Training steps from one report and checkpoint to the next.
    minutes_left
        Until the build has to stop.
    """

    recipe: Recipe
    workspace: Workspace
    before: str | None
    results: Mapping[str, Mapping[str, Any]]
    processes: Processes
    workers: int
    report_every: int
    minutes_left: Callable[[], float]

    @property
    def files(self) -> dict[str, Path]:
        """Where networks are put together from, as keywords."""
        w = self.workspace
        return {"encoders": w.encoders, "data": w.data, "body": w.body}

    def before_checkpoint(self) -> Path:
        """Checkpoint of the network so far (AssetError when it is untrained)."""
        if self.before is None:
            raise AssetError("This stage needs a trained network; put a train stage before it.")
        return self.workspace.checkpoint(self.before)
