"""Endless fresh crops: pictures, an augmentation drawn for each, the backbone's frozen stem.

Where deeper layers train, stored features would be stale after one step.  What is still stored
nowhere but computed once a crop is the output of the stem, which runs in ONNX Runtime several times
faster than in torch; where it trains too, crops stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from hmr_live.core.state import CropBox
from hmr_live_training.data.augment import (
    WHOLE_CROP,
    AugmentConfig,
    CropPlan,
    draw_plan,
    generator,
    render_crop,
)
from hmr_live_training.data.crops import CROP_SIZE, crop_matrix, encoder_input
from hmr_live_training.data.lspet import Photos
from hmr_live_training.distributed import Processes
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.sampling.samples import Labels, Samples, nobody, place
from hmr_live_training.sampling.synthetic_samples import synthetic_labels
from hmr_live_training.synthetic.shards import SyntheticShard

Image = NDArray[np.uint8]

#: Synthetic crops have their jitter already: what is added on top.  They are not moved sideways,
#: which would turn their camera.
_MORE_SCALE: Final = 0.12
#: Inverse focal lengths, in halves of the crop, that crops of unknown cameras may have.
_UNKNOWN_PERSPECTIVE: Final = (0.08, 0.55)
#: Share of person-free crops that show a picture as a whole.
_WHOLE_PICTURE: Final = 0.4


class LabelledPictures(Protocol):
    """Labelled pictures from which crops are cut."""

    labels: Labels

    def __len__(self) -> int:
        """How many there are."""
        ...

    def image(self, index: int) -> Image:
        """Picture ``(H, W, 3)`` BGR."""
        ...

    def plan(self, rng: np.random.Generator, index: int) -> CropPlan:
        """A crop box in the picture."""
        ...


class PhotoPictures:
    """Real photos with LSP's joints."""

    def __init__(self, photos: Photos, labels: Labels, config: AugmentConfig) -> None:
        self.labels = labels
        self._photos = photos
        self._config = config

    def __len__(self) -> int:
        return len(self._photos)

    def image(self, index: int) -> Image:
        """See :class:`LabelledPictures`."""
        return self._photos.image(index)

    def plan(self, rng: np.random.Generator, index: int) -> CropPlan:
        """See :func:`hmr_live_training.data.augment.draw_plan`."""
        return draw_plan(rng, self._photos.keypoints[index], self._config)


class SyntheticPictures:
    """Crops of synthetic people, scaled, turned and mirrored once more.

    Parameters
    ----------
    shards
        The people.
    config
        Strength of the augmentation.
    body
        Has the landmarks that labels are made of.
    """

    def __init__(
        self, shards: Sequence[SyntheticShard], config: AugmentConfig, body: BodyLandmarks
    ) -> None:
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard) for shard in shards)])
        self._config = config
        parts = [synthetic_labels(shard, body) for shard in shards]
        self.labels = Labels(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def __len__(self) -> int:
        return int(self._starts[-1])

    def image(self, index: int) -> Image:
        """See :class:`LabelledPictures`."""
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._shards[shard].image(index - int(self._starts[shard]))

    def plan(self, rng: np.random.Generator, index: int) -> CropPlan:
        """The crop as it is, a little larger or smaller; at times turned by any angle."""
        angle = rng.normal(0, np.radians(self._config.angle))
        if rng.random() < self._config.any_turn:
            angle = rng.uniform(-np.pi, np.pi)
        side = CROP_SIZE * np.exp(rng.uniform(-_MORE_SCALE, _MORE_SCALE))
        crop_box = CropBox(CROP_SIZE / 2, CROP_SIZE / 2, float(side), float(angle))
        mirrored = bool(rng.random() < self._config.mirror)
        return CropPlan(crop_matrix(crop_box, mirrored=mirrored), WHOLE_CROP, 0)


class EmptyPictures:
    """Photographs of places without people."""

    def __init__(self, paths: Sequence[Path], config: AugmentConfig) -> None:
        self._paths = paths
        self._config = config
        self.labels = nobody(len(paths))

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, index: int) -> Image:
        """See :class:`LabelledPictures`."""
        return np.asarray(cv2.imread(str(self._paths[index]), cv2.IMREAD_COLOR), np.uint8)

    def plan(self, rng: np.random.Generator, index: int) -> CropPlan:
        """Any square of the picture, from a tenth of it to more than all of it."""
        height, width = self.image(index).shape[:2]
        if rng.random() < _WHOLE_PICTURE:
            side = max(height, width) * float(rng.uniform(0.8, 1.5))
            middle = rng.uniform(0.4, 0.6, 2) * (width, height)
            crop_box = CropBox(float(middle[0]), float(middle[1]), side, float(rng.normal(0, 0.2)))
            return CropPlan(crop_matrix(crop_box, mirrored=bool(rng.random() < 0.5)), WHOLE_CROP, 0)
        side = min(height, width) * float(np.exp(rng.uniform(np.log(0.12), np.log(1.1))))
        centre = rng.uniform(0.1, 0.9, 2) * (width, height)
        crop_box = CropBox(float(centre[0]), float(centre[1]), side, float(rng.normal(0, 0.4)))
        mirrored = bool(rng.random() < self._config.mirror)
        return CropPlan(crop_matrix(crop_box, mirrored=mirrored), WHOLE_CROP, 0)


@dataclass(frozen=True)
class CropStream:
    """Crops of a set of pictures, each pass over the set in a new order.

    Sample k of the stream is the same whatever process draws it.

    Attributes
    ----------
    pictures
        What is cut.
    encoder
        ONNX network from the image to what a training pass starts from; None: from crops.
    config
        Strength of the augmentation.
    seed
        First part of every sample's random seed.
    outside_weight
        See :func:`hmr_live_training.sampling.samples.place`.
    output
        Of the network: ``stem`` or ``encoder_output``.
    """

    pictures: LabelledPictures
    encoder: onnxruntime.InferenceSession | None
    config: AugmentConfig
    seed: int = 0
    outside_weight: float = 1.0
    output: str = "stem"

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, step: int, count: int, processes: Processes) -> Samples:
        """The process's share of step ``step``'s ``count`` crops."""
        numbers = np.arange(step * count, (step + 1) * count)[processes.rank :: processes.count]
        passes, places = np.divmod(numbers, len(self.pictures))
        orders = {int(p): generator(self.seed, 1, int(p)) for p in set(passes.tolist())}
        shuffled = {p: rng.permutation(len(self.pictures)) for p, rng in orders.items()}
        indices = np.array(
            [shuffled[int(p)][k] for p, k in zip(passes, places, strict=True)], np.int64
        )
        made = [self._crop(int(n), int(k)) for n, k in zip(numbers, indices, strict=True)]
        crops, plans = zip(*made, strict=True)
        inputs = [encoder_input(crop, self.encoder, self.output) for crop in crops]
        labels = self.pictures.labels.at(indices)
        drawn = [
            perspective_of(generator(self.seed, 3, int(n)), plan.matrix)
            for n, plan in zip(numbers, plans, strict=True)
        ]
        return place(
            labels._replace(focal=np.where(labels.focal > 0, labels.focal, drawn)),
            torch.from_numpy(np.stack(inputs)),
            np.stack([plan.matrix for plan in plans]),
            np.array([plan.visible for plan in plans]),
            self.outside_weight,
        )

    def _crop(self, number: int, index: int) -> tuple[Image, CropPlan]:
        rng = generator(self.seed, 2, number)
        plan = self.pictures.plan(rng, index)
        return render_crop(rng, self.pictures.image(index), plan, self.config), plan


def perspective_of(rng: np.random.Generator, matrix: NDArray[np.floating[Any]]) -> float:
    """A focal length in picture pixels for a picture of an unknown camera.

    Nothing in 3D is known of it, and the landmarks in the picture must be met whatever the lens.
    """
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    inverse = float(rng.uniform(*_UNKNOWN_PERSPECTIVE))
    return (CROP_SIZE / 2) / (inverse * scale)


@dataclass(frozen=True)
class StoredSamples:
    """Samples whose features lie in memory, drawn at random."""

    samples: Samples
    seed: int = 0

    def __len__(self) -> int:
        return len(self.samples.lsp)

    def draw(self, step: int, count: int, processes: Processes) -> Samples:
        """The process's share of step ``step``'s ``count`` samples."""
        rng = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        index = torch.randint(len(self), (count,), generator=rng)
        return self.samples.at(processes.share(index))


class SampleSource(Protocol):
    """Where a run's samples come from."""

    def __len__(self) -> int:
        """How many different pictures or crops there are."""
        ...

    def draw(self, step: int, count: int, processes: Processes) -> Samples:
        """The process's share of step ``step``'s ``count`` samples."""
        ...
