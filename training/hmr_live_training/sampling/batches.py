"""Batches of several sources, drawn by other processes while a GPU is busy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
from torch.utils.data import DataLoader, Dataset

from hmr_live_training.distributed import Processes
from hmr_live_training.sampling.pictures import SampleSource
from hmr_live_training.sampling.samples import Samples, join_samples


@dataclass(frozen=True)
class Batches:
    """The batches of a run from several sources.

    The batch of a step is the same whoever draws it, and when.

    Attributes
    ----------
    sources
        Where samples come from, with the number of each in a batch of the whole run.
    processes
        Those that train together; each gets its share of every batch.
    """

    sources: Sequence[tuple[SampleSource, int]]
    processes: Processes

    def draw(self, step: int) -> Samples:
        """The process's part of a batch."""
        parts = [source.draw(step, n, self.processes) for source, n in self.sources if n]
        return join_samples(parts)

    def drawn(self, steps: range, workers: int) -> Iterator[Samples]:
        """The batches of some steps in their order.

        Parameters
        ----------
        steps
            Numbers of the steps.
        workers
            Processes that draw ahead; 0 draws each batch when it is asked for.
        """
        if not workers:
            return map(self.draw, steps)
        # A forked process waits for ever for the threads of a pool that only its parent has.
        cv2.setNumThreads(1)
        loader = DataLoader(
            _Steps(self, steps),
            batch_size=None,
            num_workers=workers,
            pin_memory=self.processes.device.type == "cuda",
            # Pictures lie in memory once and not once a worker.
            multiprocessing_context="fork",
        )
        return iter(loader)


@dataclass(frozen=True)
class _Steps(Dataset[Samples]):
    batches: Batches
    steps: range

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, place: int) -> Samples:
        return self.batches.draw(self.steps[place])
