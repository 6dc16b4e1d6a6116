"""A data folder cut down evenly: for dry runs, and for packs that travel to another machine.

Whole blocks are kept of whatever is split by position (motion capture, backgrounds, fabric), so
that nothing changes from the test split to the training split.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import FIRST_DEVELOPMENT_PHOTO, Split, photo_number
from hmr_live_training.data.mocap import HELD_OUT, MOTION_FILES
from hmr_live_training.data.teacher import load_labels, save_labels
from hmr_live_training.synthetic.materials import TEST_PANORAMA, TEST_PATCH, panorama

Indices = NDArray[np.intp]

BACKGROUNDS: Final = ("backgrounds_hdri_crops", "backgrounds_coco_cc")
PATCHES: Final = "clothing_patches_192"
_PHOTOS: Final = "lspet_224"


@dataclass(frozen=True)
class SmallPictures:
    """Pictures are written anew as JPEG.

    Attributes
    ----------
    quality
        Of JPEG.
    side
        Longest side, pixels.
    """

    quality: int
    side: int

    def encoded(self, path: Path) -> NDArray[np.uint8]:
        """The picture's new file (AssetError when it cannot be read)."""
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise AssetError(f"Cannot read the picture {path}; copy the data folder again.")
        scale = self.side / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        return np.asarray(cv2.imencode(".jpg", image, options)[1], np.uint8).reshape(-1)


@dataclass(frozen=True)
class DataCut:
    """How much to keep; everything where there is less.

    Attributes
    ----------
    photos
        Training photos, apart from those held out.
    development
        Development photos.
    sequences
        Of each set of motion capture, in whole blocks of ten.
    backgrounds
        Of each set, in whole blocks of five panoramas.
    patches
        Of each garment, in whole blocks of six.
    held_of, held
        So many photos at the end of the training photos are held out from training; how many of
        them to keep.
    frames
        From the middle of each sequence; None: all.
    small
        How pictures are written; None: copied.
    """

    photos: int
    development: int
    sequences: int
    backgrounds: int
    patches: int
    held_of: int = 0
    held: int = 0
    frames: int | None = None
    small: SmallPictures | None = None


def cut_data(data: Path, out: Path, cut: DataCut) -> None:
    """Write a smaller data folder.

    Raises
    ------
    AssetError
        When there are no photos, or a picture is damaged.
    OSError
        When ``data`` lacks a part.
    """
    _cut_photos(data / _PHOTOS, out / _PHOTOS, cut)
    for file in MOTION_FILES:
        _cut_motion(data / file, out / file, cut)
    for name in BACKGROUNDS:
        _write(chosen_backgrounds(data / name, cut.backgrounds), out / name, cut.small)
    _write(chosen_patches(data / PATCHES, cut.patches), out / PATCHES, cut.small)


def cut_teacher_labels(data: Path, path: Path, out: Path, cut: DataCut, split: Split) -> None:
    """Write the labels of the photos that :func:`cut_data` keeps.

    Parameters
    ----------
    data
        The whole data folder.
    path, out
        The teacher's labels of a whole split, and the file to write.
    cut
        What is kept.
    split
        ``train`` or ``development``.

    Raises
    ------
    AssetError
        When there are no labels, or they are those of other photos.
    """
    labels, rows = load_labels(path), split_rows(data, cut)[split]
    if len(labels.flag) != len(rows.of):
        raise AssetError(
            f"{path} has labels of {len(labels.flag)} photos, and {data} has {len(rows.of)}; "
            "give the cache of a build with the same data."
        )
    chosen = {name: values[rows.kept] for name, values in vars(labels).items()}
    save_labels(out, type(labels)(**chosen))


@dataclass(frozen=True)
class SplitRows:
    """Rows of a split in the data set's table, and places in the split that are kept."""

    of: Indices
    kept: Indices


def split_rows(data: Path, cut: DataCut) -> dict[Split, SplitRows]:
    """Which photos of each split are kept."""
    arrays = _photo_table(data / _PHOTOS)
    later = np.array([photo_number(str(n)) for n in arrays["imgname"]]) >= FIRST_DEVELOPMENT_PHOTO
    train, development = np.flatnonzero(~later), np.flatnonzero(later)
    trained = max(len(train) - cut.held_of, 0)
    held = trained + spread(len(train) - trained, cut.held)
    return {
        "train": SplitRows(train, np.concatenate([spread(trained, cut.photos), held])),
        "development": SplitRows(development, spread(len(development), cut.development)),
    }


def spread(count: int, wanted: int) -> Indices:
    """So many of ``count`` places, evenly spread; all where there are no more."""
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).astype(np.intp))


def spread_blocks(count: int, block: int, wanted: int) -> Indices:
    """Places of whole blocks, evenly spread: at most ``wanted``, but one block at least."""
    chosen = spread(-(-count // block), max(1, wanted // block) if wanted < count else count)
    places = (chosen[:, None] * block + np.arange(block)).reshape(-1)
    return places[places < count]


def chosen_backgrounds(folder: Path, wanted: int) -> list[Path]:
    """Backgrounds of one set: few views of every panorama rather than all views of a few."""
    views: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.jpg")):
        views.setdefault(panorama(path), []).append(path)
    names = sorted(views)
    of_each = max(1, wanted // max(len(names), 1))
    return [
        views[names[place]][view]
        for place in spread_blocks(len(names), TEST_PANORAMA, wanted).tolist()
        for view in spread(len(views[names[place]]), of_each).tolist()
    ]


def chosen_patches(folder: Path, wanted: int) -> list[Path]:
    """Fabric patches, so many of each garment."""
    garments: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.jpg")):
        garments.setdefault(path.name.split("_")[0], []).append(path)
    return [
        files[place]
        for files in garments.values()
        for place in spread_blocks(len(files), TEST_PATCH, wanted).tolist()
    ]


def _photo_table(folder: Path) -> dict[str, NDArray[Any]]:
    path = folder / "lspet_224.npz"
    if not path.exists():
        raise AssetError(f"There is no {path}; give the data folder with --data.")
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _cut_photos(folder: Path, out: Path, cut: DataCut) -> None:
    arrays = _photo_table(folder)
    rows = np.concatenate([r.of[r.kept] for r in split_rows(folder.parent, cut).values()])
    files = [folder / "images" / str(name) for name in arrays["imgname"][rows]]
    _write(files, out / "images", cut.small)
    kept = {name: v if name == "order" else v[rows] for name, v in arrays.items()}
    np.savez_compressed(out / "lspet_224.npz", **kept)  # type: ignore[arg-type]  # no flags


def _cut_motion(path: Path, out: Path, cut: DataCut) -> None:
    with np.load(path) as file:
        arrays = {n: file[n] for n in ("pose", "start", "length", "name", "fps", "parents")}
    chosen = spread_blocks(len(arrays["name"]), HELD_OUT, cut.sequences)
    starts, lengths = arrays["start"][chosen], arrays["length"][chosen]
    kept = lengths if cut.frames is None else np.minimum(lengths, cut.frames)
    firsts = starts + (lengths - kept) // 2
    clips = [arrays["pose"][a : a + n] for a, n in zip(firsts, kept, strict=True)]
    arrays |= {
        "pose": np.concatenate(clips),
        "start": np.cumsum(kept) - kept,
        "length": kept,
        "name": arrays["name"][chosen],
    }
    out.parent.mkdir(parents=True)
    np.savez_compressed(out, **arrays)


def _write(files: Iterable[Path], out: Path, small: SmallPictures | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in files:
        if small is None:
            shutil.copy(path, out)
        else:
            small.encoded(path).tofile(out / path.name)
