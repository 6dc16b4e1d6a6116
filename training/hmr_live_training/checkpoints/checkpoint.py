"""Checkpoints: everything that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.models.backbones.blazepose import TENSORS
from hmr_live_training.recipes.run_config import RunConfig

State = dict[str, Any]


@dataclass
class Checkpoint:
    """A stopped run.

    Attributes
    ----------
    config
        Of the run.
    step
        Optimiser steps done.
    seconds
        Time spent training, all sessions and the runs before it together.
    network
        Averaged (EMA) weights of the :class:`.BodyNetwork`: what is used.
    training
        What going on needs besides: raw weights, discriminators, optimisers, random generators.
    history
        One row of figures for each report.
    samples
        Number of crops, photos and synthetic people trained on.
    """

    config: RunConfig
    step: int
    seconds: float
    network: State
    training: State
    history: list[dict[str, float]] = field(default_factory=list)
    samples: dict[str, int] = field(default_factory=dict)

    def description(self) -> dict[str, Any]:
        """The manifest's words about the training."""
        seen = f"the run {self.config.start_from}" if self.config.start_from else "BlazePose"
        trained = {
            "features": "regressor on the published backbone",
            "encoder_output": f"regressor and person flag, on the cached features of {seen}",
            "feature_map": "regressor, late layers and heads of the backbone",
            "stem": "regressor and all of the backbone behind its stem",
            "crop": "regressor and all of the backbone",
        }
        fresh = self.config.stage in ("crop", "stem")
        cut = "photos, cropped anew every time" if fresh else "stored crops"
        synthetic = self.samples.get("synthetic", 0)
        teacher = self.config.teacher
        taught = f"BlazePose {teacher}" if teacher in TENSORS else f"the network of {teacher}"
        people = f"; {synthetic} synthetic people with exact landmarks" if synthetic else ""
        return {
            "data": (
                "Leeds Sports Pose Extended, photos im00001 to im08000 with at least 8 visible "
                f"joints ({self.samples.get('photos', 0)} {cut}); 3D from {taught}, gated "
                "by agreement with the photos' joints; CMU motion capture as prior and "
                f"projected to landmarks with exact parameters{people}"
            ),
            "trained": trained[self.config.stage],
            "hours": round(self.seconds / 3600, 2),
            "steps": self.step,
            "samples": self.samples,
            "run": self.config.to_dict(),
        }


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the previous one stays until the new one is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**vars(checkpoint), "config": checkpoint.config.to_dict()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint (AssetError when it is missing or of another kind)."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        content["config"] = RunConfig.from_dict(content["config"])
        return Checkpoint(**content)
    # A damaged file ends in one of many exceptions.
    except Exception as error:
        raise AssetError(f"{path} is not a checkpoint of this program; train again.") from error
