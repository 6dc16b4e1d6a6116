"""One run of the recipe, in any number of processes: steps, reports, checkpoints."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.distributed import Objective, Processes
from hmr_live_training.models.discriminators import Discriminators
from hmr_live_training.paper.crops import CropBatch
from hmr_live_training.paper.losses import PaperLosses, discriminator_losses
from hmr_live_training.paper.network import PaperNetwork
from hmr_live_training.paper.paper_config import PaperConfig
from hmr_live_training.sampling.projected_mocap import ProjectedMocapSampler
from hmr_live_training.trainer.ema import update_average


class PaperRun:
    """The state of a run.

    Parameters
    ----------
    config
        The run.
    network
        Trained in place.
    poses
        ``(F, 24, 3)`` motion capture, axis-angle.
    processes
        Those that train together.
    """

    def __init__(
        self,
        config: PaperConfig,
        network: PaperNetwork,
        poses: Tensor,
        processes: Processes | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.processes = processes or Processes()
        device = self.processes.device
        self.network = network.to(device)
        if device.type == "cuda":
            # Convolutions in low precision run on tensor cores in this layout only.
            network.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminators = Discriminators().to(device)
        # On the processor and seeded alike everywhere: each process takes its share of the draw.
        self.motion = ProjectedMocapSampler(poses, network.regressor.body)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.objective = self.processes.wrap(
            Objective(network, PaperLosses(config, network, self.discriminators))
        )
        self.discriminator_objective = self.processes.wrap(
            Objective(self.discriminators, self._discriminator_loss)
        )
        self.optimizer = self._make_optimizer()
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminators.parameters(), config.discriminator_rate, betas=(0.5, 0.999)
        )
        self.average = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.step_number = 0
        self.processes.seed(config.seed)

    def _discriminator_loss(self, real: tuple[Tensor, Tensor], thetas: Any) -> Tensor:  # noqa: ANN401
        return discriminator_losses(self.discriminators, real, thetas)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        config, network = self.config, self.network
        groups: list[dict[str, Any]] = [
            {"params": list(network.encoder.parameters()), "lr": config.encoder_rate},
            {"params": list(network.regressor.parameters()), "lr": config.regressor_rate},
        ]
        for group in groups:
            group["base_lr"] = group["lr"]
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay)

    def rate(self) -> float:
        """Share of the learning rates at the present step: a linear rise, then constant."""
        return min(1.0, (self.step_number + 1) / max(self.config.warm_up, 1))

    def step(self, batch: CropBatch) -> dict[str, float]:
        """One step of the network and one of the discriminators on this process's pictures."""
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * self.rate()
        terms, thetas = self.objective(batch.to(self.processes.device))
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimizer.step()
        real = self.processes.share(self.motion.real(self.config.real, self.generator))
        rotmats, betas = (part.to(self.processes.device) for part in real)
        loss = self.discriminator_objective((rotmats, betas), thetas)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_optimizer.step()
        self.step_number += 1
        update_average(self.average, self.network, self.config.ema, self.step_number)
        return {
            **{name: float(value.detach()) for name, value in terms.items()},
            "discriminators": float(loss.detach()),
        }

    def save(self, path: Path, history: list[dict[str, float]]) -> None:
        """Write everything that going on needs; the first process does, the others wait."""
        if self.processes.is_first:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            torch.save({**self._state(), "history": history}, temporary)
            temporary.replace(path)
        self.processes.wait()

    def _state(self) -> dict[str, Any]:
        return {
            "config": self.config.to_dict(),
            "step": self.step_number,
            "average": self.average,
            "network": self.network.state_dict(),
            "critics": self.discriminators.state_dict(),
            "optimiser": self.optimizer.state_dict(),
            "critic": self.discriminator_optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }

    def resume(self, path: Path) -> list[dict[str, float]]:
        """Go on from a checkpoint when there is one; return its history.

        Weights, averages and optimisers are those of the stopped run; the pictures come in a new
        order.

        Raises
        ------
        AssetError
            When the file is damaged or of another configuration.
        """
        if not path.exists():
            return []
        state = load_state(path)
        if PaperConfig.from_dict(state["config"]) != self.config:
            raise AssetError(
                f"{path} belongs to a run with another configuration; give the run a new name."
            )
        self.network.load_state_dict(state["network"])
        self.discriminators.load_state_dict(state["critics"])
        self.optimizer.load_state_dict(state["optimiser"])
        self.discriminator_optimizer.load_state_dict(state["critic"])
        self.generator.set_state(state["generator"])
        for name, value in state["average"].items():
            self.average[name].copy_(value)
        self.step_number = int(state["step"])
        return list(state["history"])


def load_state(path: Path) -> dict[str, Any]:
    """Content of a checkpoint (AssetError when it is none)."""
    names = ("config", "step", "average", "network", "critics", "optimiser", "critic", "generator")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        missing = [name for name in (*names, "history") if name not in state]
    # A damaged file ends in one of many exceptions.
    except Exception as error:
        raise AssetError(f"{path} is no checkpoint of this recipe; train again.") from error
    if missing:
        raise AssetError(f"{path} is no checkpoint of this recipe; train again.")
    return state


@dataclass
class Loop:
    """Step after step with reports and checkpoints.

    Attributes
    ----------
    run
        What is trained.
    batches
        Endless batches of this process.
    path
        The checkpoint.
    report_every
        Steps between reports; each one saves.
    print
        Where a report goes.
    """

    run: PaperRun
    batches: Iterator[CropBatch]
    path: Path
    report_every: int = 500
    print: Callable[[str], None] = print
    history: list[dict[str, float]] = field(default_factory=list)

    def train(self) -> None:
        """Until the run has its length."""
        sums: dict[str, float] = {}
        since = self.run.step_number
        while self.run.step_number < self.run.config.steps:
            for name, value in self.run.step(next(self.batches)).items():
                if not math.isfinite(value):
                    raise AssetError(
                        f"The loss '{name}' is no number at step {self.run.step_number}; lower "
                        "the rates or look for damaged labels."
                    )
                sums[name] = sums.get(name, 0.0) + value
            done = self.run.step_number
            if done % self.report_every == 0 or done == self.run.config.steps:
                self._report({name: value / (done - since) for name, value in sums.items()})
                sums, since = {}, done

    def _report(self, losses: dict[str, float]) -> None:
        figures = self.run.processes.mean(losses) | {"step": float(self.run.step_number)}
        self.history.append(figures)
        if self.run.processes.is_first:
            text = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
            self.print(text)
        self.run.save(self.path, self.history)
