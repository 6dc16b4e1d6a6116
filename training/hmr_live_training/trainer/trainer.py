"""One run: network, discriminators, optimisers, and the step that moves them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol, Self, cast

import torch
from torch import Tensor, nn

from hmr_live_training.distributed import LossModule, Processes
from hmr_live_training.models.discriminators import Discriminators
from hmr_live_training.models.regressor import Theta
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.projected_mocap import ProjectedMocap, ProjectedMocapSampler
from hmr_live_training.trainer.scaled_adam import ScaledAdam

#: Adam's betas of the discriminators, as usual in adversarial training.
_DISCRIMINATOR_BETAS = (0.5, 0.999)
#: Share of the learning rate at the end of a cosine.
_FINAL_SHARE = 0.02


class Batch(Protocol):
    """Crops with labels, of one process."""

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        ...


class BatchSource(Protocol):
    """What the steps of a run train on."""

    def drawn(self, steps: range, workers: int) -> Iterator[Any]:
        """The process's share of the batches of some steps, made by so many worker processes."""
        ...


class RecipeLosses(Protocol):
    """What a step minimises."""

    def __call__(
        self,
        batch: Any,  # noqa: ANN401
        mocap: ProjectedMocap,
        adversarial: bool,
    ) -> tuple[dict[str, Tensor], list[Theta]]:
        """Weighted losses by name, and the Theta_t of the pictures for the discriminators."""
        ...

    def discriminator_loss(
        self, real: tuple[Tensor, Tensor], predicted: tuple[Tensor, Tensor]
    ) -> Tensor:
        """What the discriminators minimise, of rotations and betas."""
        ...


def seeded_discriminators(config: RunConfig, device: torch.device) -> Discriminators:
    """Fresh discriminators; their weights follow from the run's seed."""
    torch.manual_seed(config.seed)
    return Discriminators().to(device)


class Trainer:
    """Holds the state of a run and advances it step by step.

    Parameters
    ----------
    config
        The run.
    network
        Trained in place; on its device.
    discriminators
        What it plays against, from :func:`seeded_discriminators`.
    losses
        What a step minimises.
    groups
        The optimiser's groups, see :mod:`.parameter_groups`.
    batches
        What the steps train on.
    mocap
        Source of motion capture.
    processes
        Those that train together; each makes its share of every batch.
    """

    def __init__(
        self,
        config: RunConfig,
        network: nn.Module,
        discriminators: Discriminators,
        losses: RecipeLosses,
        groups: list[dict[str, Any]],
        batches: BatchSource,
        mocap: ProjectedMocapSampler,
        processes: Processes | None = None,
    ) -> None:
        self.config = config
        self.network = network
        self.discriminators = discriminators
        self.batches = batches
        self.mocap = mocap
        self.processes = processes or Processes()
        self.device = self.processes.device
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        for group in groups:
            group["base_lr"] = group["lr"]
        self.optimizer = ScaledAdam(groups, fused=True)
        self.discriminator_optimizer = torch.optim.Adam(
            discriminators.parameters(), config.discriminator_rate, betas=_DISCRIMINATOR_BETAS
        )
        self.losses = self.processes.wrap(LossModule(network, losses))
        self.discriminator_loss = self.processes.wrap(
            LossModule(discriminators, losses.discriminator_loss)
        )
        self.ema = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.step_number = 0
        self.processes.seed(config.seed)

    def rate(self) -> float:
        """Share of the learning rates at the present step: a linear rise, then the schedule."""
        rise = min(1.0, (self.step_number + 1) / max(self.config.warm_up, 1))
        if self.config.schedule == "constant":
            return rise
        done = min(self.step_number / max(self.config.steps, 1), 1.0)
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return rise * (_FINAL_SHARE + (1 - _FINAL_SHARE) * cosine)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One step of the network and, in steps with the adversarial game, the discriminators.

        Parameters
        ----------
        batch
            This process's share of the step's batch.

        Returns
        -------
        The losses, as tensors: to read a number is to wait for a GPU.
        """
        config = self.config
        self.network.train()
        batch = batch.to(self.device)
        mocap = self.processes.share(self.mocap.draw(config.projected_mocap, self.generator))
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * self.rate()
        game = self.step_number % config.adversarial_every == 0
        terms, thetas = self.losses(batch, mocap, game)
        total = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, config.clip)
        self.optimizer.step()
        losses = {name: value.detach() for name, value in terms.items()}
        losses["discriminators"] = (
            self._step_discriminators(thetas) if game else torch.zeros_like(total)
        )
        self.step_number += 1
        update_ema(self.ema, self.network, config.ema, self.step_number)
        return losses

    def _step_discriminators(self, thetas: list[Theta]) -> Tensor:
        self.discriminators.requires_grad_(True)
        real = self.processes.share(self.mocap.real(self.config.real, self.generator))
        rotmats, betas = (torch.cat([theta[k].detach() for theta in thetas]) for k in (0, 1))
        loss = self.discriminator_loss(real, (rotmats, betas))
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_optimizer.step()
        return cast(Tensor, loss.detach())

    def state(self) -> dict[str, Any]:
        """Everything besides the averaged weights that going on needs; all processes ask at once.

        Dropout differs from process to process, so every process's random state is in it.
        """
        # Checkpoints of earlier versions have these names too.
        return {
            "network": self.network.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimiser": self.optimizer.state_dict(),
            "critic": self.discriminator_optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "random_states": self.processes.gather(self._random_state()),
        }

    def _random_state(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def load_state(self, ema: dict[str, Any], state: dict[str, Any], step: int) -> None:
        """Inverse of :meth:`state`; ``ema`` are the averaged weights at that step."""
        self.network.load_state_dict(state["network"])
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimizer.load_state_dict(state["optimiser"])
        self.discriminator_optimizer.load_state_dict(state["critic"])
        self.generator.set_state(state["generator"])
        for name, value in ema.items():
            self.ema[name].copy_(value)
        self.step_number = step
        self._load_random_state(state)

    def _load_random_state(self, state: dict[str, Any]) -> None:
        # Earlier versions stored the state of the first process alone.
        states = state.get("random_states") or [{"cpu": state["global_generator"]}]
        if len(states) != self.processes.count:
            # Of another number of processes: their random numbers cannot go on.
            self.processes.seed(self.config.seed + self.step_number)
            return
        own = states[self.processes.rank]
        torch.set_rng_state(own["cpu"])
        if self.device.type == "cuda" and "cuda" in own:
            torch.cuda.set_rng_state(own["cuda"], self.device)


@torch.no_grad()
def update_ema(ema: dict[str, Tensor], network: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards the network's present ones, in place.

    Parameters
    ----------
    ema
        The averaged weights, a state dict of the same network.
    network
        Where the weights come from; what is not a floating-point number is copied.
    decay
        Decay once many steps are done.
    step
        Steps done; the decay rises with them, or the average would long remember the random start.
    """
    decay = min(decay, (1 + step) / (10 + step))
    state = network.state_dict()
    numbers = [name for name, value in state.items() if value.dtype.is_floating_point]
    torch._foreach_lerp_([ema[n] for n in numbers], [state[n] for n in numbers], 1 - decay)
    for name in state.keys() - numbers:
        ema[name].copy_(state[name])
