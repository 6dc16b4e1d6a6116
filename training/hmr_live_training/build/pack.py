"""Write a pack: all that a recipe needs to be continued for some minutes on a machine with a GPU.

``python -m hmr_live_training.build.pack full --out full_pack.tar`` cuts the data down evenly until
the file stays below its limit.  :mod:`hmr_live_training.build.continue_pack` trains from it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live_training.build.cut_data import (
    BACKGROUNDS,
    PATCHES,
    DataCut,
    SmallPictures,
    chosen_backgrounds,
    chosen_patches,
    cut_data,
    cut_teacher_labels,
    spread,
)
from hmr_live_training.build.pack_file import PackContents, PackFolder, write_pack
from hmr_live_training.build.workspace import Workspace
from hmr_live_training.data.lspet import Split, load_lspet
from hmr_live_training.data.mocap import MOTION_FILES
from hmr_live_training.data.teacher import teacher_path
from hmr_live_training.recipes.recipe import (
    SHIPPED,
    Recipe,
    Stage,
    find_recipe,
    load_recipe,
    shipped_recipes,
)
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.yaml_values import RecipeError
from hmr_live_training.synthetic.body_poses import body_joint_limits, save_joint_limits

#: No pack may be larger, megabytes.
MOST_MEGABYTES: Final = 60.0
_MEGABYTE: Final = 1e6
#: Development photos, for the figures.
_DEVELOPMENT: Final = 150
#: Of all photos, at most.
_DEVELOPMENT_SHARE: Final = 0.25
_FEWEST_HELD: Final = 16
_SMALL: Final = SmallPictures(quality=75, side=320)
#: Shares of what is left beside network, encoder, body and wheels; photos have the rest.
_MOTION_SHARE: Final = 0.25
_BACKGROUND_SHARE: Final = 0.13
_PATCH_SHARE: Final = 0.12
#: Less than this is no training data.
_LEAST_DATA: Final = 1.0 * _MEGABYTE
#: Of compressed motion capture, a frame; of a photo's labels.
_FRAME_BYTES: Final = 110
_LABEL_BYTES: Final = 1100
#: A clip of motion capture has at least so many frames, or there are fewer clips.
_FEWEST_FRAMES: Final = 30
_FEWEST_SEQUENCES: Final = 10
#: A header and the padding behind a file in a tar.
_TAR_BYTES: Final = 800
#: Pictures whose size is looked at.
_LOOKED_AT: Final = 40
#: How often the data are cut down further, and how far each time.
_TRIES: Final = 6
_FURTHER: Final = 0.95


@dataclass(frozen=True)
class _Room:
    """How many bytes of data there is room for, and what the data take."""

    photo: float
    background: float
    patch: float

    @classmethod
    def of(cls, data: Path) -> _Room:
        photos = load_lspet(data, "train")
        names = photos.names[spread(len(photos), _LOOKED_AT)]
        backgrounds = [p for name in BACKGROUNDS for p in chosen_backgrounds(data / name, 20)]
        return cls(
            _mean_bytes([photos.folder / str(name) for name in names]) + _LABEL_BYTES,
            _mean_bytes(backgrounds),
            _mean_bytes(chosen_patches(data / PATCHES, 1)),
        )


def _mean_bytes(files: Sequence[Path]) -> float:
    looked_at = [files[place] for place in spread(len(files), _LOOKED_AT).tolist()]
    sizes = [len(_SMALL.encoded(path)) + _TAR_BYTES for path in looked_at]
    return float(np.mean(sizes)) if sizes else 1.0


def continued_stage(recipe: Recipe) -> Stage:
    """The last train stage of a recipe that starts from a trained network.

    Raises
    ------
    RecipeError
        When there is none, or it trains on cached features.
    """
    stages = [stage for stage in recipe.stages if isinstance(stage.settings, RunConfig)]
    for stage in stages[-1:]:
        if isinstance(stage.settings, RunConfig) and stage.settings.stage in ("stem", "crop"):
            return stage
    raise RecipeError(
        "Only a recipe whose last train stage has `trained: end_to_end` or `whole`, and no "
        "`only_from`, can be continued from a pack."
    )


def planned_cut(data: Path, held_photos: int, room: float) -> DataCut:
    """How much of a data folder fits into so many bytes; photos get what the others leave."""
    taken = _Room.of(data)
    sequences, clip, frames = _planned_motion(data, int(_MOTION_SHARE * room / _FRAME_BYTES))
    backgrounds = int(_BACKGROUND_SHARE * room / taken.background / len(BACKGROUNDS))
    garments = {path.name.split("_")[0] for path in chosen_patches(data / PATCHES, 1)}
    patches = int(_PATCH_SHARE * room / taken.patch / max(len(garments), 1))
    left = room - frames * _FRAME_BYTES
    left -= (
        sum(len(chosen_backgrounds(data / n, backgrounds)) for n in BACKGROUNDS) * taken.background
    )
    left -= len(chosen_patches(data / PATCHES, patches)) * taken.patch
    photos = int(max(left, 0) / taken.photo)
    development = min(_DEVELOPMENT, int(_DEVELOPMENT_SHARE * photos))
    trained = len(load_lspet(data, "train"))
    held = round((photos - development) * held_photos / max(trained, 1))
    held = min(held_photos, max(held, _FEWEST_HELD))
    return DataCut(
        photos=max(photos - development - held, 1),
        development=max(development, 1),
        sequences=sequences,
        backgrounds=backgrounds,
        patches=patches,
        held_of=held_photos,
        held=held,
        frames=clip,
        small=_SMALL,
    )


def _planned_motion(data: Path, frames: int) -> tuple[int, int, int]:
    """Sequences of each set, the frames of a clip, and about how many frames that makes."""
    sets = [_lengths(data / file) for file in MOTION_FILES]
    lengths = np.concatenate(sets)
    if frames < _FEWEST_FRAMES * len(lengths):
        sequences = max(frames // _FEWEST_FRAMES // len(sets), _FEWEST_SEQUENCES)
        return sequences, _FEWEST_FRAMES, sequences * len(sets) * _FEWEST_FRAMES
    clips = np.unique(np.append(lengths, _FEWEST_FRAMES))
    totals = np.array([np.minimum(lengths, clip).sum() for clip in clips])
    fits = int(np.searchsorted(totals, frames, side="right")) - 1
    return max(map(len, sets)), int(clips[fits]), int(totals[fits])


def _lengths(path: Path) -> NDArray[np.integer[Any]]:
    with np.load(path) as file:
        return np.asarray(file["length"])


def make_pack(
    recipe_file: Path,
    recipe: Recipe,
    workspace: Workspace,
    cache: Path,
    wheels: Path | None,
    out: Path,
    megabytes: float,
) -> DataCut:
    """Write a pack; return how the data were cut.

    Parameters
    ----------
    recipe_file, recipe
        The YAML file, and what is in it, with its start chosen.
    workspace
        Where everything is.
    cache
        Folder with the teacher's labels.
    wheels
        Folder of packages to take along, if any.
    out
        The pack.
    megabytes
        It stays below.

    Raises
    ------
    AssetError
        When something is missing, or it cannot be so small.
    """
    settings = continued_stage(recipe).settings
    assert isinstance(settings, RunConfig)
    with tempfile.TemporaryDirectory() as temporary:
        folder = PackFolder(Path(temporary) / "pack")
        start = _copy_fixed(folder, recipe_file, recipe, workspace, wheels)
        fixed = _size(folder.root)
        room = megabytes * _MEGABYTE - fixed
        if room < _LEAST_DATA:
            least = (fixed + _LEAST_DATA) / _MEGABYTE
            advice = (
                f"give at least --megabytes {np.ceil(least):.0f}"
                if least <= MOST_MEGABYTES
                else f"packs end at {MOST_MEGABYTES:.0f} MB, so build this network where its data "
                "are"
            )
            raise AssetError(
                f"Network, encoder, body and wheels take {fixed / _MEGABYTE:.1f} MB; {advice}."
            )
        for _ in range(_TRIES):
            cut = planned_cut(workspace.data, settings.held_photos, room)
            _copy_data(folder, workspace.data, cache, settings, cut)
            PackContents(recipe.network, start, cut.held).write(folder.about)
            write_pack(folder, out)
            if out.stat().st_size <= megabytes * _MEGABYTE:
                return cut
            room *= _FURTHER
        out.unlink()
    raise AssetError(f"The data cannot be cut down to {megabytes:.0f} MB; give more --megabytes.")


def _copy_fixed(
    folder: PackFolder, recipe_file: Path, recipe: Recipe, w: Workspace, wheels: Path | None
) -> str:
    """Everything that is not cut down; return the name of the start's file."""
    start = w.start(recipe)
    if start is None:
        raise AssetError("A pack starts from a trained network: --start shipped, or its path.")
    copies = [
        (start, folder.networks / start.name),
        (start.with_suffix(".json"), folder.networks / f"{start.stem}.json"),
        (w.published(recipe.encoder), folder.encoders / w.published(recipe.encoder).name),
        (w.body, folder.body),
        (recipe_file, folder.recipe),
    ]
    if wheels is not None:
        found = sorted(wheels.glob("*.whl"))
        if not found:
            raise AssetError(f"There are no wheels in {wheels}; give the folder with .whl files.")
        copies += [(path, folder.wheels / path.name) for path in found]
    for path, copy in copies:
        if not path.exists():
            raise AssetError(f"There is no {path}, which the pack needs; see training/README.md.")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return start.name


def _copy_data(
    folder: PackFolder, data: Path, cache: Path, settings: RunConfig, cut: DataCut
) -> None:
    shutil.rmtree(folder.data, ignore_errors=True)
    cut_data(data, folder.data, cut)
    # Rare poses make the limits: a part of the motion capture has narrower ones.
    save_joint_limits(folder.data, body_joint_limits(data, folder.body))
    # The figures compare with BlazePose heavy, whoever teaches.
    labels: tuple[tuple[str, Split], ...] = (
        (settings.teacher, "train"),
        ("heavy", "development"),
    )
    for teacher, split in labels:
        name = teacher_path(cache, teacher, split)
        cut_teacher_labels(data, name, folder.cache / name.name, cut, split)


def _size(folder: Path) -> int:
    return sum(p.stat().st_size + _TAR_BYTES for p in folder.rglob("*") if p.is_file())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.build.pack", description=__doc__
    )
    add = parser.add_argument
    add("recipe", help=f"a YAML file, or one of {', '.join(shipped_recipes())}")
    add("--out", type=Path, required=True, help="the pack, e.g. full_pack.tar")
    add("--megabytes", type=float, default=28, help="the pack stays below (default 28, at most 60)")
    add("--data", type=Path, default=Path("../shared/data"), help="photos, motion capture ...")
    add("--encoders", type=Path, default=Path("encoders"), help="BlazePose's .tflite files")
    add(
        "--cache",
        type=Path,
        help="folder with the teacher's labels (default: work/<network>/cache)",
    )
    add(
        "--networks",
        type=Path,
        default=asset_path("networks", "full.onnx").parent,
        help="the shipped networks",
    )
    add("--body", type=Path, default=asset_path("body", "open_body.npz"), help="body model")
    add("--start", default=SHIPPED, help="shipped (default) | path to an exported .onnx")
    add("--wheels", type=Path, help="folder of .whl files that the other machine lacks")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 when the pack is written, 1 after an error."""
    o = _parser().parse_args(arguments)
    try:
        if o.megabytes > MOST_MEGABYTES:
            raise AssetError(f"A pack has at most {MOST_MEGABYTES:.0f} MB; give --megabytes less.")
        file = find_recipe(o.recipe)
        recipe = load_recipe(file).started(o.start)
        workspace = Workspace(o.data, o.encoders, o.body, o.networks, o.out.parent)
        cache = o.cache or Path("work") / recipe.network / "cache"
        cut = make_pack(file, recipe, workspace, cache, o.wheels, o.out, o.megabytes)
    except (HmrLiveError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"wrote {o.out}: {o.out.stat().st_size / _MEGABYTE:.1f} MB, {replace(cut, small=None)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
