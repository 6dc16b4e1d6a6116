"""Shards on disk: JPEG crops with their labels, a thousand to a file."""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live_training.synthetic.dataset import SyntheticPeople
from hmr_live_training.synthetic.labels import Sample
from hmr_live_training.synthetic.scene.crop_boxes import CropBoxRule, jittered_crop_box
from hmr_live_training.synthetic.scene_config import SyntheticConfig

SHARD_SIZE: Final = 1000
#: Label fields that have another name in the files.
_NAMES_IN_FILES: Final = {"crop_box": "region"}
_FIELDS: Final = {name: field for field, name in _NAMES_IN_FILES.items()}
_QUALITY: Final = 94


@dataclass(frozen=True)
class SyntheticShard:
    """Samples of one file.

    Attributes
    ----------
    labels
        Arrays by the field names of :class:`.SyntheticLabels`, sample first, and ``index``, the
        number of the sample in its split.
    """

    labels: dict[str, NDArray[Any]]
    _images: list[NDArray[np.uint8]]
    _masks: list[NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self._images)

    def image(self, number: int) -> Image:
        """``(256, 256, 3)`` BGR."""
        return np.asarray(cv2.imdecode(self._images[number], cv2.IMREAD_COLOR), np.uint8)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """``(256, 256)`` bool."""
        return np.asarray(cv2.imdecode(self._masks[number], cv2.IMREAD_GRAYSCALE)) > 127


def shard_paths(folder: Path, split: str) -> list[Path]:
    """Finished shards of a split in order."""
    return sorted(Path(folder).glob(f"{split}-*.npz"))


def write_shards(
    data: Path,
    split: str,
    count: int,
    folder: Path,
    config: SyntheticConfig | None = None,
    *,
    crop_box_rule: CropBoxRule = jittered_crop_box,
    workers: int = 2,
    shard_size: int = SHARD_SIZE,
    seconds: float = math.inf,
) -> Iterator[Path]:
    """Render ``count`` samples and write them; shards that exist already are kept.

    Yields each finished file.  Files appear only when they are complete.

    Parameters
    ----------
    data, split, config, crop_box_rule
        As for the people that are drawn, see :mod:`hmr_live_training.synthetic.dataset`.
    count
        Samples of the split, from the first one on.
    folder
        Where the shards go.
    workers
        Processes that render; with one it is this process itself.
    shard_size
        Samples in a file.
    seconds
        After which rendering stops; what is unfinished then is given up.
    """
    end = time.monotonic() + seconds
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for first in range(0, count, shard_size):
        path = folder / f"{split}-{first // shard_size:05d}.npz"
        if path.exists():
            yield path
        else:
            jobs.append((path, range(first, min(first + shard_size, count))))
    if not jobs:
        return
    setup = (data, split, config, crop_box_rule)
    if workers <= 1:
        # Closed here, by the thread that opened it: OpenGL belongs to its thread.
        with closing(SyntheticPeople(*setup)) as people:
            for path, indices in jobs:
                if time.monotonic() >= end:
                    return
                save_shard(path, (people.sample(index) for index in indices), indices)
                yield path
        return
    # The matrix products are small and the workers many, so more threads only slow them down.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A forked child would inherit an OpenGL context that belongs to another process.
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(jobs)), _start, setup) as pool:
        finished = pool.imap_unordered(_work, jobs)
        for _ in jobs:
            try:
                yield finished.next(None if end == math.inf else max(end - time.monotonic(), 0))
            except multiprocessing.TimeoutError:
                return


def load_shard(path: Path) -> SyntheticShard:
    """Read a shard.

    One that was written before crops were cameras gets ``crop_focal`` and ``camera``; its pictures
    are plain cut-outs of the frame, which differ a little from what the crop's camera would see.

    Raises
    ------
    AssetError
        When the file is not a shard.
    """
    try:
        with np.load(path) as file:
            arrays = {_FIELDS.get(name, name): file[name] for name in file.files}
        images = np.split(arrays.pop("jpeg"), arrays.pop("jpeg_start")[1:-1])
        masks = np.split(arrays.pop("png"), arrays.pop("png_start")[1:-1])
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(
            f"{path} is not a shard of synthetic people; render it again with "
            "hmr_live_training.synthetic."
        ) from error
    if "crop_focal" not in arrays:
        arrays |= _as_crop_cameras(arrays)
    return SyntheticShard(arrays, images, masks)


def _as_crop_cameras(labels: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Labels of the crop's camera for a shard without them."""
    body = BodyModel.default()
    rotmats, focals, cameras = labels["rotmats"].copy(), [], []
    rotmats[:, 0] = labels.pop("orient_seen")
    named = ("crop_box", "size", "focal", "betas", "transl", "person")
    for box, size, focal, betas, transl, person in zip(
        *(labels[name] for name in named), strict=True
    ):
        crop_box = CropBox(*(float(value) for value in box))
        camera = CropCamera.of(crop_box, (int(size[0]), int(size[1])), float(focal))
        focals.append(camera.focal)
        cameras.append(
            camera.camera_of(transl, body.rest_joints(betas)[0])
            if person
            else np.zeros(3, np.float32)
        )
    return {
        "rotmats": rotmats,
        "crop_focal": np.array(focals, np.float32),
        "camera": np.stack(cameras),
    }


def save_shard(path: Path, samples: Iterable[Sample], indices: Sequence[int]) -> None:
    """Write samples as one file; only compressed pictures are held in memory."""
    jpeg, png, rows = [], [], []
    for sample in samples:
        jpeg.append(_encoded(".jpg", sample.image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]))
        png.append(_encoded(".png", sample.mask.astype(np.uint8) * 255, []))
        rows.append(sample.labels.as_arrays())
    labels = {
        _NAMES_IN_FILES.get(field, field): np.stack([row[field] for row in rows])
        for field in rows[0]
    }
    pictures = {
        "index": np.array(indices, np.int64),
        "jpeg": np.concatenate(jpeg),
        "jpeg_start": _starts(jpeg),
        "png": np.concatenate(png),
        "png_start": _starts(png),
    }
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, **(labels | pictures))  # type: ignore[arg-type]  # names are no flags
    temporary.replace(path)


def _encoded(kind: str, image: NDArray[np.uint8], options: list[int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(kind, image, options)[1]).reshape(-1)


def _starts(parts: list[NDArray[np.uint8]]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(part) for part in parts)])


#: Of this process of the pool.
_worker: SyntheticPeople | None = None


def _start(
    data: Path, split: str, config: SyntheticConfig | None, crop_box_rule: CropBoxRule
) -> None:
    global _worker
    os.environ["LP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
    _worker = SyntheticPeople(data, split, config, crop_box_rule)


def _work(job: tuple[Path, range]) -> Path:
    path, indices = job
    if _worker is None:
        raise RuntimeError("the worker was not started")
    save_shard(path, (_worker.sample(index) for index in indices), indices)
    return path
