"""One run: network, discriminators, optimisers, and the step that moves them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.distributed import Objective, Processes
from hmr_live_training.models.backbones.graph_module import SameConv
from hmr_live_training.models.discriminators import Discriminators, discriminator_loss
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.models.regressor import Theta
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.batches import Batches
from hmr_live_training.sampling.pictures import Source
from hmr_live_training.sampling.projected_mocap import ProjectedMocapSampler
from hmr_live_training.sampling.samples import Samples
from hmr_live_training.trainer.ema import update_average
from hmr_live_training.trainer.objective import RunLosses
from hmr_live_training.trainer.scaled_adam import ScaledAdam, Scales, response_scales

#: Pictures from which the scales of the encoder's steps are measured.
_MEASURED = 96


class Trainer:
    """Holds the state of a run and advances it step by step.

    Parameters
    ----------
    config
        The run.
    network
        Trained in place.
    sources
        Where a batch comes from, with the number of samples of each in a batch of the whole run.
    lifted
        Source of motion capture.
    limits
        Range of the joints in motion capture.
    processes
        Those that train together; each makes its share of every batch.
    """

    def __init__(
        self,
        config: RunConfig,
        network: BodyNetwork,
        sources: Sequence[tuple[Source, int]],
        projected_mocap: ProjectedMocapSampler,
        limits: JointLimits,
        processes: Processes | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.projected_mocap = projected_mocap
        self.processes = processes or Processes()
        self.batches = Batches(sources, self.processes)
        self.device = self.processes.device
        self.network = network.to(self.device)
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.discriminators = Discriminators().to(self.device)
        self.optimizer = self._make_optimizer()
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminators.parameters(), config.discriminator_rate, betas=(0.5, 0.999)
        )
        losses = RunLosses(config, network, self.discriminators, limits)
        self.objective = self.processes.wrap(Objective(network, losses))
        self.discriminator_objective = self.processes.wrap(
            Objective(self.discriminators, self._discriminator_loss)
        )
        self.average = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.step_number = 0
        self.processes.seed(config.seed)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        config, network = self.config, self.network
        network.encoder.requires_grad_(False)
        correction = network.regressor.body.correction
        own = [p for p in network.regressor.parameters() if p is not correction]
        groups: list[dict[str, Any]] = [
            {"params": own, "lr": config.learning_rate, "weight_decay": config.weight_decay},
            {"params": [correction], "lr": config.correction_rate, "weight_decay": 0.0},
            {
                "params": [*network.confidence.parameters()],
                "lr": config.confidence_rate,
                "weight_decay": 0.0,
            },
        ]
        trained = self._trained_encoder()
        for part in trained:
            part.requires_grad_(True)
            # Convolutions run nearly twice as fast in this layout.
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for layer in part.modules():
                if isinstance(layer, SameConv):
                    layer.rough_gradients = config.mixed_precision
        if trained:
            scales = self._measured(trained)
            parameters = [p for part in trained for p in part.parameters() if p.requires_grad]
            groups.append(
                {
                    "params": parameters,
                    "scales": [scales[p] for p in parameters],
                    "lr": config.encoder_rate,
                    "weight_decay": 0.0,
                }
            )
        for group in groups:
            group["base_lr"] = group["lr"]
        return ScaledAdam(groups, fused=True)

    def _measured(self, trained: list[nn.Module]) -> Scales:
        """What the trained layers do to the first pictures; the same in every process."""
        source, _ = self.batches.sources[0]
        inputs = source.draw(0, _MEASURED, Processes()).inputs.to(self.device)
        # While it trains, a network's fast layers are not called as the layers that are measured.
        self.network.eval()
        return response_scales(trained, lambda: self.network.encode(inputs, self.config.stage))

    def _trained_encoder(self) -> list[nn.Module]:
        encoder = self.network.encoder
        if self.config.stage == "encoder_output":
            return [encoder.heads.flag]
        if self.config.trained == "regressor":
            return []
        late: list[nn.Module] = [encoder.late, encoder.heads]
        if self.config.trained == "late":
            return late
        early = [encoder.stem] if self.config.trained == "whole" else []
        maps = [encoder.decoder] if self.config.heatmaps else []
        return [*early, encoder.middle, *late, *maps]

    def rate(self) -> float:
        """Share of the learning rates at the present step: linear rise, cosine fall to 2 %."""
        done = min(self.step_number / max(self.config.steps, 1), 1.0)
        rise = min(1.0, (self.step_number + 1) / max(self.config.warm_up, 1))
        return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    def step(self, batch: Samples | None = None) -> dict[str, Tensor]:
        """One optimiser step of the network, one of the discriminators; returns the losses.

        Parameters
        ----------
        batch
            Of the present step, if it was drawn ahead.
        """
        config = self.config
        self.network.train()
        batch = (batch or self.batches.draw(self.step_number)).to(self.device)
        mocap = self.processes.share(
            self.projected_mocap.draw(config.projected_mocap, self.generator)
        )
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * self.rate()
        game = self.step_number % config.adversarial_every == 0
        terms, thetas = self.objective(batch, mocap, game)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, config.clip)
        self.optimizer.step()
        judged = (
            self._step_discriminators(thetas, len(batch.lsp))
            if game
            else batch.person.new_zeros(())
        )
        self.step_number += 1
        update_average(self.average, self.network, self.config.ema, self.step_number)
        # As tensors: to read a number is to wait for a GPU.
        return {**{name: value.detach() for name, value in terms.items()}, "discriminators": judged}

    def _step_discriminators(self, thetas: list[Theta], pictures: int) -> Tensor:
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(True)
        real = self.processes.share(self.projected_mocap.real(self.config.real, self.generator))
        rotmats, betas = (
            torch.cat([theta[k][:pictures].detach() for theta in thetas]) for k in (0, 1)
        )
        loss = self.discriminator_objective(real, (rotmats, betas))
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_optimizer.step()
        return cast(Tensor, loss.detach())

    def _discriminator_loss(
        self, real: tuple[Tensor, Tensor], predicted: tuple[Tensor, Tensor]
    ) -> Tensor:
        enabled = self.config.mixed_precision
        with torch.autocast(self.device.type, torch.bfloat16, enabled=enabled):
            return discriminator_loss(self.discriminators(*real), self.discriminators(*predicted))

    def state(self) -> dict[str, Any]:
        """Everything besides the averaged weights that going on needs."""
        return {
            "network": self.network.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimiser": self.optimizer.state_dict(),
            "critic": self.discriminator_optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "global_generator": torch.get_rng_state(),
        }

    def load_state(self, average: dict[str, Any], state: dict[str, Any], step: int) -> None:
        """Inverse of :meth:`state`."""
        self.network.load_state_dict(state["network"])
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimizer.load_state_dict(state["optimiser"])
        self.discriminator_optimizer.load_state_dict(state["critic"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["global_generator"])
        for name, value in average.items():
            self.average[name].copy_(value)
        self.step_number = step
