"""Shards in WebDataset's layout: plain tar files of ``<key>.jpg`` and ``<key>.json``.

A data set of millions of small files starves eight GPUs; a few hundred tar files that are read
from front to back do not.  The layout is that of the ``webdataset`` package, whose tools and
readers work on these files; reading here needs nothing but ``tarfile``, closes its files, and is
deterministic by seed, epoch, rank and worker.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.cutting import CutConfig, cut_out
from hmr_live_training.data.readers.joint_sets import NUM_COMMON
from hmr_live_training.data.readers.person import ImageReader, LabelledPerson

#: Files that are written at the same time.
_MAX_OPEN: Final = 500
_TEXTS: Final = ("data_set", "split", "subject", "body")
_OPTIONAL: Final = ("joints_3d", "pose", "betas", "transl", "intrinsics")
_SHAPES: Final[dict[str, tuple[int, ...]]] = {
    "joints_2d": (NUM_COMMON, 3),
    "box": (4,),
    "joints_3d": (NUM_COMMON, 4),
    "pose": (24, 3),
    "betas": (10,),
    "transl": (3,),
    "intrinsics": (3, 3),
}


def write_shards(
    people: Sequence[LabelledPerson],
    folder: Path | str,
    *,
    prefix: str,
    per_shard: int = 2000,
    cut: CutConfig | None = None,
    shuffle_seed: int | None = None,
) -> list[Path]:
    """Write ``<prefix>-000000.tar`` and so on; return the files.

    Parameters
    ----------
    people
        Kept in order while they are read, so that videos are decoded once.
    folder, prefix, per_shard
        Names and sizes of the files.
    cut
        How much of each picture is kept.
    shuffle_seed
        Deal the people out over the shards at random: neighbours in a data set look alike, and
        the reader shuffles only within a window.  None fills one shard after the other.

    Raises
    ------
    AssetError
        When a picture cannot be read, or there would be more files than can be open at once.
    """
    shards = -(-len(people) // per_shard)
    if shards > _MAX_OPEN:
        raise AssetError(
            f"That would be {shards} shards; put more than {per_shard} people into each."
        )
    places = np.arange(len(people)) // per_shard
    if shuffle_seed is not None:
        places = np.random.default_rng(shuffle_seed).permutation(places)
    paths = [Path(folder) / f"{prefix}-{number:06d}.tar" for number in range(shards)]
    parts = [path.with_suffix(".part") for path in paths]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        reader = stack.enter_context(ImageReader())
        tars = [
            stack.enter_context(tarfile.open(p, "w", format=tarfile.USTAR_FORMAT)) for p in parts
        ]
        for index, (person, place) in enumerate(zip(people, places, strict=True)):
            jpeg, small = cut_out(person, reader, cut)
            _add(tars[place], f"{index:09d}.jpg", jpeg)
            _add(tars[place], f"{index:09d}.json", json.dumps(to_json(small)).encode())
    for part, path in zip(parts, paths, strict=True):
        part.replace(path)
    return paths


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def to_json(person: LabelledPerson) -> dict[str, Any]:
    """Everything but the picture as plain values; arrays keep 5 digits behind the point."""
    values: dict[str, Any] = {name: getattr(person, name) for name in _TEXTS}
    values["occluded"] = np.flatnonzero(person.occluded).tolist()
    for name in ("joints_2d", "box", *_OPTIONAL):
        array = getattr(person, name)
        if array is not None:
            values[name] = np.round(array.astype(np.float64), 5).tolist()
    return values


def from_json(values: dict[str, Any], picture: bytes) -> LabelledPerson:
    """Inverse of :func:`to_json`.

    Raises
    ------
    AssetError
        When the values are not those of a labelled person.
    """
    try:
        arrays: dict[str, Any] = {
            name: np.asarray(values[name], np.float32).reshape(shape)
            for name, shape in _SHAPES.items()
            if name in values
        }
        occluded = np.zeros(NUM_COMMON, np.bool_)
        occluded[[int(k) for k in values["occluded"]]] = True
        known: dict[str, Any] = {name: str(values[name]) for name in _TEXTS}
        return LabelledPerson(picture=picture, occluded=occluded, **known, **arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise AssetError(
            f"A shard holds another kind of sample ({error!r}); write it again."
        ) from error


def read_shard(path: Path | str) -> Iterator[LabelledPerson]:
    """The people of one shard, in order.

    Raises
    ------
    AssetError
        When the shard is missing, damaged or holds other data.
    """
    try:
        with tarfile.open(path, "r|") as tar:
            parts: dict[str, bytes] = {}
            key = ""
            for entry in tar:
                if not entry.isfile():
                    continue
                stem, _, extension = entry.name.partition(".")
                if stem != key:
                    yield from _complete(parts)
                    parts, key = {}, stem
                file = tar.extractfile(entry)
                parts[extension] = file.read() if file is not None else b""
            yield from _complete(parts)
    except FileNotFoundError as error:
        raise AssetError(f"There is no shard {path}; check the path.") from error
    except (tarfile.TarError, OSError, ValueError) as error:
        raise AssetError(f"The shard {path} is damaged; copy it again.") from error


def _complete(parts: dict[str, bytes]) -> Iterator[LabelledPerson]:
    if "jpg" in parts and "json" in parts:
        yield from_json(json.loads(parts["json"]), parts["jpg"])


@dataclass(frozen=True)
class ShardPlan:
    """Which shards a reader takes, and in which order.

    Attributes
    ----------
    shards
        All files.
    seed
        Of the run.
    window
        Samples between which the order is shuffled; 0 keeps the order.
    """

    shards: Sequence[Path]
    seed: int = 0
    window: int = 2000

    def of(self, epoch: int, rank: int, ranks: int) -> list[Path]:
        """The shards of one reader (a worker of a process) in one epoch.

        All readers together take every shard once.
        """
        order = sorted(self.shards)
        random.Random(f"{self.seed}/{epoch}").shuffle(order)
        return order[rank::ranks]

    def read(self, epoch: int, rank: int = 0, ranks: int = 1) -> Iterator[LabelledPerson]:
        """The people of these shards, shuffled within the window."""
        generator = random.Random(f"{self.seed}/{epoch}/{rank}")
        people = (person for path in self.of(epoch, rank, ranks) for person in read_shard(path))
        if self.window < 2:
            yield from people
            return
        held: list[LabelledPerson] = []
        for person in people:
            if len(held) < self.window:
                held.append(person)
                continue
            place = generator.randrange(len(held))
            held[place], person = person, held[place]
            yield person
        generator.shuffle(held)
        yield from held

    def endless(
        self, rank: int = 0, ranks: int = 1, first_epoch: int = 0
    ) -> Iterator[LabelledPerson]:
        """Epoch after epoch; processes with unequal shards stay in step by counting batches.

        Raises
        ------
        AssetError
            When there are fewer shards than readers, so that one would have nothing to read.
        """
        if len(self.shards) < ranks:
            raise AssetError(
                f"There are {len(self.shards)} shards for {ranks} readers; write smaller shards or "
                "start fewer workers."
            )
        for epoch in count(first_epoch):
            yield from self.read(epoch, rank, ranks)


def find_shards(folder: Path | str) -> list[Path]:
    """All ``.tar`` files of a folder (AssetError when there are none)."""
    shards = sorted(Path(folder).glob("*.tar"))
    if not shards:
        raise AssetError(f"There are no .tar shards in {folder}; write them first.")
    return shards
