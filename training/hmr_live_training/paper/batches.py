"""Batches of augmented crops from shards of labelled people, made by worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
from torch.utils.data import DataLoader, IterableDataset, default_collate, get_worker_info

from hmr_live_training.data.augment import generator
from hmr_live_training.data.readers.person import ImageReader
from hmr_live_training.data.readers.shards import ShardPlan
from hmr_live_training.distributed import DistributedError, Processes
from hmr_live_training.paper.crops import CropBatch, augmented_crop
from hmr_live_training.recipes.run_config import RunConfig


class ShardCrops(IterableDataset[CropBatch]):
    """Endless augmented crops for one process; its loader's workers share the shards.

    Parameters
    ----------
    plan
        All shards of the run.
    config
        The run.
    rank, count
        Number of the process, and of all.
    first
        Step at which the run goes on: a resumed run draws fresh augmentations.
    """

    def __init__(
        self, plan: ShardPlan, config: RunConfig, *, rank: int = 0, count: int = 1, first: int = 0
    ) -> None:
        self.plan = plan
        self.config = config
        self.rank, self.count, self.first = rank, count, first

    def __iter__(self) -> Iterator[CropBatch]:
        # One thread a worker: OpenCV's own would fight over the cores.
        cv2.setNumThreads(0)
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        reader, readers = self.rank * workers + number, self.count * workers
        people = self.plan.endless(reader, readers, first_epoch=self.first)
        with ImageReader() as pictures:
            for index, person in enumerate(people):
                rng = generator(self.config.seed, self.first, reader, index)
                crop = augmented_crop(person, pictures, rng, self.config)
                if crop is not None:
                    yield crop


def collate(crops: list[CropBatch]) -> CropBatch:
    """Samples -> batch."""
    return CropBatch(*(default_collate(list(part)) for part in zip(*crops, strict=True)))


@dataclass(frozen=True)
class ShardBatches:
    """The batches of a run from shards.

    Attributes
    ----------
    config
        The run.
    plan
        Its shards.
    processes
        Those that train together; each gets its share of every batch.

    Raises
    ------
    DistributedError
        When the batch does not divide by the number of processes.
    """

    config: RunConfig
    plan: ShardPlan
    processes: Processes

    def __post_init__(self) -> None:
        if self.config.batch % self.processes.count:
            raise DistributedError(
                f"A batch of {self.config.batch} cannot be shared by {self.processes.count} "
                f"processes; choose a multiple of {self.processes.count}."
            )

    def drawn(self, steps: range, workers: int) -> Iterator[CropBatch]:
        """The batches of some steps; a run that goes on at a later step has them in a new order."""
        rank, count = self.processes.rank, self.processes.count
        loader: DataLoader[CropBatch] = DataLoader(
            ShardCrops(self.plan, self.config, rank=rank, count=count, first=steps.start),
            batch_size=self.config.batch // count,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=self.processes.device.type == "cuda",
            multiprocessing_context="spawn" if workers else None,
        )
        return islice(iter(loader), len(steps))
