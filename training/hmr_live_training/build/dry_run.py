"""A recipe and its data, cut so short that the whole build takes minutes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import FIRST_DEVELOPMENT_PHOTO, photo_number
from hmr_live_training.data.mocap import MOTION_FILES
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

#: Photos of each split that are looked at, and those of the training photos that are held out.
PHOTOS: Final = 16
_HELD: Final = 4
#: Samples of each kind in a batch, and crops of each kind elsewhere.
_BATCH: Final = 8
_CROPS: Final = 32
_SEQUENCES: Final = 20
_BACKGROUNDS: Final = 30
#: Of each garment; every sixth belongs to the test split.
_PATCHES: Final = 7


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
    """A data folder with the first few of everything, made when missing.

    Raises
    ------
    OSError
        When ``data`` lacks a part.
    """
    if out.exists():
        return out
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    _photos(data / "lspet_224", part / "lspet_224")
    for file in MOTION_FILES:
        _motion(data / file, part / file)
    for name in ("backgrounds_hdri_crops", "backgrounds_coco_cc"):
        files = sorted((data / name).rglob("*.jpg"))
        # Not the first ones alone, which are views of one panorama.
        _copy(files[:: max(1, len(files) // _BACKGROUNDS)], part / name)
    patches: dict[str, list[Path]] = {}
    for path in sorted((data / "clothing_patches_192").glob("*.jpg")):
        patches.setdefault(path.name.split("_")[0], []).append(path)
    for files in patches.values():
        _copy(files[:_PATCHES], part / "clothing_patches_192")
    part.rename(out)
    return out


def _photos(folder: Path, out: Path) -> None:
    if not (folder / "lspet_224.npz").exists():
        raise AssetError(
            f"There is no {folder / 'lspet_224.npz'}; give the data folder with --data."
        )
    with np.load(folder / "lspet_224.npz") as file:
        arrays = {name: file[name] for name in file.files}
    numbers = np.array([photo_number(str(name)) for name in arrays["imgname"]])
    later = numbers >= FIRST_DEVELOPMENT_PHOTO
    chosen = np.concatenate([np.flatnonzero(~later)[:PHOTOS], np.flatnonzero(later)[:PHOTOS]])
    _copy([folder / "images" / str(n) for n in arrays["imgname"][chosen]], out / "images")
    rows = {n: v if n == "order" else v[chosen] for n, v in arrays.items()}
    np.savez(out / "lspet_224.npz", **rows)


def _motion(path: Path, out: Path) -> None:
    with np.load(path) as file:
        arrays = {n: file[n] for n in ("pose", "start", "length", "name", "fps", "parents")}
    for n in ("start", "length", "name"):
        arrays[n] = arrays[n][:_SEQUENCES]
    arrays["pose"] = arrays["pose"][: int((arrays["start"] + arrays["length"]).max())]
    out.parent.mkdir(parents=True)
    np.savez(out, **arrays)


def _copy(files: Iterable[Path], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in files:
        shutil.copy(path, out)
