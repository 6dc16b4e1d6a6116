"""Batches of augmented crops, made by worker processes."""

from __future__ import annotations

from torch.utils.data import DataLoader, default_collate

from hmr_live_training.data.readers.shards import ShardPlan
from hmr_live_training.distributed import DistributedError, Processes
from hmr_live_training.paper.crops import CropBatch, ShardCrops
from hmr_live_training.paper.paper_config import PaperConfig


def collate(crops: list[CropBatch]) -> CropBatch:
    """Samples -> batch."""
    return CropBatch(*(default_collate(list(part)) for part in zip(*crops, strict=True)))


def loader(
    config: PaperConfig, plan: ShardPlan, processes: Processes, workers: int, first: int
) -> DataLoader[CropBatch]:
    """Endless batches of one process.

    Raises
    ------
    DistributedError
        When the batch does not divide by the number of processes.
    """
    if config.batch % processes.count:
        raise DistributedError(
            f"A batch of {config.batch} cannot be shared by {processes.count} processes; "
            f"choose a multiple of {processes.count}."
        )
    crops = ShardCrops(plan, config, rank=processes.rank, count=processes.count, first=first)
    return DataLoader(
        crops,
        batch_size=config.batch // processes.count,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=processes.device.type == "cuda",
        multiprocessing_context="spawn" if workers else None,
    )
