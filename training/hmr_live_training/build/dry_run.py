"""A recipe and its data, cut so short that the whole build takes minutes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from hmr_live_training.build.cut_data import DataCut, cut_data
from hmr_live_training.recipes.recipe import Recipe, Stage
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.stages import (
    CachedFeatures,
    CalibrateConfidence,
    FeatureRounds,
    PersonScore,
    PruneRegressor,
    SyntheticPeople,
    TeacherLabels,
)

#: Of the training photos, these are held out.
_HELD: Final = 4
#: Samples of each kind in a batch, and crops of each kind elsewhere.
_BATCH: Final = 8
_CROPS: Final = 32
_SAMPLE: Final = DataCut(photos=16, development=16, sequences=20, backgrounds=30, patches=7)


def cut_recipe(recipe: Recipe, steps: int) -> Recipe:
    """The recipe with ``steps`` steps and a few samples in every stage."""
    return replace(recipe, stages=tuple(_cut(stage, steps) for stage in recipe.stages))


def _cut(stage: Stage, steps: int) -> Stage:
    s = stage.settings
    if isinstance(s, RunConfig):
        s = replace(
            s,
            steps=min(s.steps, steps),
            warm_up=min(s.warm_up, steps),
            batch=min(s.batch, _BATCH),
            synthetic=min(s.synthetic, _BATCH),
            empty=min(s.empty, _BATCH),
            projected_mocap=min(s.projected_mocap, _BATCH),
            real=min(s.real, _BATCH),
            held_photos=min(s.held_photos, _HELD),
        )
    elif isinstance(s, TeacherLabels):
        s = replace(s, views=1)
    elif isinstance(s, SyntheticPeople):
        s = replace(s, count=min(s.count, _BATCH))
    elif isinstance(s, FeatureRounds):
        s = replace(s, rounds=1)
    elif isinstance(s, CachedFeatures):
        counts = {name: min(getattr(s, name), _CROPS) for name in ("photos", "synthetic", "empty")}
        s = replace(s, **counts)
    elif isinstance(s, CalibrateConfidence | PersonScore):
        s = replace(s, crops=_CROPS)
    elif isinstance(s, PruneRegressor):
        s = replace(s, samples=_CROPS)
    return replace(stage, settings=s)


def sample_data(data: Path, out: Path) -> Path:
    """A data folder with a little of everything, made when missing.

    Raises
    ------
    OSError
        When ``data`` lacks a part.
    """
    if out.exists():
        return out
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    cut_data(data, part, _SAMPLE)
    part.rename(out)
    return out
