"""Where a build finds what it needs, and where it puts what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hmr_live.core.errors import AssetError
from hmr_live_training.recipes.recipe import PUBLISHED, SHIPPED, Recipe
from hmr_live_training.recipes.stages import TeacherLabels


@dataclass(frozen=True)
class Workspace:
    """Folders of a build.

    Attributes
    ----------
    data
        Photos, motion capture, backgrounds, fabric patches.
    encoders
        BlazePose's ``.tflite`` files.
    body
        Body file in SMPL format.
    networks
        The shipped networks, which can be the start and can teach.
    work
        Everything that the build makes.
    """

    data: Path
    encoders: Path
    body: Path
    networks: Path
    work: Path

    @property
    def cache(self) -> Path:
        """Labels, converted encoders, cached features."""
        return self.work / "cache"

    @property
    def shards(self) -> Path:
        """Synthetic people."""
        return self.work / "synthetic"

    @property
    def checkpoints(self) -> Path:
        """A checkpoint for each stage that changes weights."""
        return self.work / "checkpoints"

    @property
    def exported(self) -> Path:
        """The finished network with its manifest."""
        return self.work / "networks"

    def checkpoint(self, name: str) -> Path:
        """Checkpoint of a stage."""
        return self.checkpoints / f"{name}.pt"

    def network(self, name: str) -> Path:
        """A shipped network by its name, or any exported one by its path (AssetError if none)."""
        path = Path(name) if name.endswith(".onnx") else self.networks / f"{name}.onnx"
        if not path.exists():
            raise AssetError(f"There is no network {path}; give the path of an exported .onnx.")
        return path

    def published(self, kind: str) -> Path:
        """BlazePose's file of a kind."""
        return self.encoders / f"pose_landmark_{kind}.tflite"

    def teacher(self, settings: TeacherLabels) -> Path:
        """File of the network that labels."""
        if settings.network is None:
            return self.published(settings.teacher)
        return self.network(settings.network)

    def start(self, recipe: Recipe) -> Path | None:
        """The exported network that a recipe starts from; None: from published weights."""
        if recipe.start == PUBLISHED:
            return None
        return self.network(recipe.network if recipe.start == SHIPPED else recipe.start)
