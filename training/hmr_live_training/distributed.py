"""Training in several processes: PyTorch's DistributedDataParallel under ``torchrun``.

The idea is that N processes make the same step as one.  All draw the same global batch from the
same generator and take their share of it (:meth:`Processes.share`); the network and its losses run
as one module inside DDP (:class:`LossModule`), which averages the gradients while the backward pass
still runs; so the parameters stay equal everywhere, and only the first process logs and saves.

Exactness has one limit: a loss that is a weighted mean over labels is averaged over processes with
equal weight, although one process may have met more labels than another.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from hmr_live.core.errors import HmrLiveError

Batch = TypeVar("Batch")
Value = TypeVar("Value")


class DistributedError(HmrLiveError):
    """The processes of a run cannot work together."""


@dataclass(frozen=True)
class Processes:
    """One process among those of the run; by default the only one.

    Attributes
    ----------
    rank
        Number of the process, from 0.
    count
        Of all processes, over all machines.
    device
        Where it computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """The process's part of a global batch: every ``count``-th sample.

        Parameters
        ----------
        batch
            A tensor ``(N, ...)`` or a (named) tuple of such, nested as deep as one likes.

        Raises
        ------
        DistributedError
            When N does not divide evenly: then averaged gradients would not be the batch's.
        """
        if self.count == 1:
            return batch
        if isinstance(batch, Tensor):
            if len(batch) % self.count:
                raise DistributedError(
                    f"A batch of {len(batch)} cannot be shared by {self.count} processes; "
                    f"choose a multiple of {self.count}."
                )
            return cast(Batch, batch[self.rank :: self.count])
        if isinstance(batch, tuple):
            parts = [self.share(part) for part in batch]
            make: Any = type(batch)
            return cast(Batch, make(*parts) if hasattr(batch, "_fields") else make(parts))
        raise TypeError(f"a batch of {type(batch).__name__}")

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module in DDP; as it is when there is one process.

        All of its forward pass must go through the returned module, or gradients are not averaged.
        """
        if self.count == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=devices)

    def mean(self, values: Tensor) -> Tensor:
        """Average of a tensor of one shape over the processes."""
        if self.count == 1:
            return values
        total = values.clone()
        distributed.all_reduce(total)
        return total / self.count

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process, so that all of them decide alike."""
        if self.count == 1:
            return flag
        value = torch.tensor(int(flag), device=self.device)
        distributed.all_reduce(value, distributed.ReduceOp.MAX)
        return bool(value)

    def gather(self, value: Value) -> list[Value]:
        """The value of every process, by rank."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return cast(list[Value], values)

    def seed(self, seed: int) -> None:
        """Seed dropout and the like, differently in each process.

        Initial weights and batches must be drawn before, or from generators of their own that
        are seeded alike everywhere.
        """
        torch.manual_seed(seed + 1_000_003 * self.rank)

    def wait(self) -> None:
        """Until all processes are here, e.g. for the first one to have saved."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started; a lone process joins nobody.

    GPUs talk through NCCL, processors through gloo.  Other processes than the first are silent
    but for warnings.

    Raises
    ------
    DistributedError
        When the environment is not torchrun's or the others cannot be reached.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes(device=torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        return
    try:
        rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        device = _device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (KeyError, ValueError, RuntimeError) as error:
        raise DistributedError(
            f"The processes of this run cannot be joined ({error}); start them with torchrun."
        ) from error
    if rank > 0:
        logging.disable(logging.INFO)
    try:
        yield Processes(rank, count, device)
    finally:
        distributed.destroy_process_group()
        logging.disable(logging.NOTSET)


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise DistributedError(
            f"There are {torch.cuda.device_count()} GPUs for more processes; start fewer."
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class LossModule(nn.Module):
    """A network and its losses as one module for :meth:`Processes.wrap`.

    DDP must see the forward pass of everything that is trained; a loss that calls parts of the
    network on its own would go unseen.

    Parameters
    ----------
    network
        Its parameters are those that DDP averages.
    losses
        Called with the arguments of the forward pass; uses ``network`` freely.
    """

    def __init__(self, network: nn.Module, losses: Callable[..., Any]) -> None:
        super().__init__()
        self.network = network
        self._losses = losses

    def forward(self, *arguments: object) -> Any:  # noqa: ANN401
        """Whatever the losses return; tensors in it may be in tuples and dictionaries."""
        return self._losses(*arguments)
