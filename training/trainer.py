"""One run: network, discriminators, optimisers, and the step that moves them."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from training.averaging import update_average
from training.config import RunConfig
from training.data.lifted import Lifted, LiftedSampler
from training.data.mocap import JointLimits
from training.data.samples import Samples, join_samples
from training.discriminators import Discriminators, discriminator_loss, encoder_loss
from training.encoders.blazepose import LandmarkHeads
from training.feedback import Evidence, evidence_from
from training.landmarks import LSP_LIMBS_IN_LANDMARKS, NUM_BLAZEPOSE
from training.losses import (
    hip_centred,
    joint_limit_loss,
    probability_loss,
    reprojection_loss,
    rotation_loss,
    trunk_agreement,
    weighted_l1,
    world_loss,
)
from training.network import BodyNetwork
from training.projection import project
from training.regressor import Theta, unpack

#: The learned landmark corrections are punished per this distance squared, metres.
_CORRECTION_SCALE = 0.03


class Trainer:
    """Holds the state of a run and advances it step by step.

    Parameters
    ----------
    config
        The run.
    network
        Trained in place.
    samples
        Training crops.
    lifted
        Source of motion capture.
    limits
        Range of the joints in motion capture.
    published
        Heads of the trunk as published, when ``network`` has others by now.
    synthetic
        Synthetic people with exact labels.
    """

    def __init__(
        self,
        config: RunConfig,
        network: BodyNetwork,
        samples: Samples,
        lifted: LiftedSampler,
        limits: JointLimits,
        published: LandmarkHeads | None = None,
        synthetic: Samples | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.network = network
        self.samples = samples
        self.synthetic = synthetic
        self.lifted = lifted
        self.limits = tuple(torch.from_numpy(side).float() for side in (limits.low, limits.high))
        self.generator = torch.Generator().manual_seed(config.seed)
        self.discriminators = Discriminators()
        self.published = published or copy.deepcopy(network.encoder.heads)
        self.published.requires_grad_(False)
        self.optimiser = self._optimiser()
        self.critic = torch.optim.Adam(
            self.discriminators.parameters(), config.discriminator_rate, betas=(0.5, 0.999)
        )
        self.average = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.step_number = 0
        self.photos = 0

    def _optimiser(self) -> torch.optim.Optimizer:
        config, network = self.config, self.network
        for parameter in network.encoder.parameters():
            parameter.requires_grad_(False)
        correction = network.regressor.body.correction
        own = [p for p in network.regressor.parameters() if p is not correction]
        groups: list[dict[str, Any]] = [
            {"params": own, "lr": config.learning_rate, "weight_decay": config.weight_decay},
            {"params": [correction], "lr": config.correction_rate, "weight_decay": 0.0},
        ]
        if config.train_late:
            late = [
                *network.encoder.late.parameters(),
                *network.encoder.heads.parameters(),
            ]
            for parameter in late:
                parameter.requires_grad_(True)
            # On CPUs the late layers run nearly twice as fast in this layout.
            network.encoder.late.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            groups.append({"params": late, "lr": config.encoder_rate, "weight_decay": 0.0})
        for group in groups:
            group["base_lr"] = group["lr"]
        return torch.optim.AdamW(groups)

    def rate(self) -> float:
        """Share of the learning rates at the present step: linear rise, cosine fall to 2 %."""
        done = min(self.step_number / max(self.config.steps, 1), 1.0)
        rise = min(1.0, (self.step_number + 1) / max(self.config.warm_up, 1))
        return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    def step(self) -> dict[str, float]:
        """One optimiser step of the network, one of the discriminators; returns the losses."""
        config = self.config
        self.network.train()
        batch = self._draw()
        lifted = self.lifted.draw(config.lifted, self.generator)
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_lr"] * self.rate()
        terms, thetas = self._losses(batch, lifted)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, config.clip)
        self.optimiser.step()
        critic = self._step_critic(thetas) if self._critics_turn() else 0.0
        self.step_number += 1
        update_average(self.average, self.network, self.config.ema, self.step_number)
        return {**{name: float(value.detach()) for name, value in terms.items()}, "critic": critic}

    def _draw(self) -> Samples:
        """Photos and synthetic people of one batch."""
        sources = [(self.samples, self.config.batch)]
        if self.config.synthetic and self.synthetic is not None:
            sources.append((self.synthetic, self.config.synthetic))
        return join_samples(
            [
                source.at(torch.randint(len(source.lsp), (count,), generator=self.generator))
                for source, count in sources
            ]
        )

    def _losses(self, batch: Samples, lifted: Lifted) -> tuple[dict[str, Tensor], list[Theta]]:
        weights = self.config.loss
        regressor = self.network.regressor
        encoder = self.network.encoder
        emb = batch.emb
        if self.config.train_late:
            emb = encoder.emb(batch.maps.contiguous(memory_format=torch.channels_last))
        landmarks = encoder.heads(emb)
        seen = evidence_from(landmarks)
        phi = torch.cat([regressor.normalise(emb), torch.zeros(self.config.lifted, emb.shape[1])])
        evidence = Evidence(
            *(torch.cat([a, b]) for a, b in zip(seen, lifted.evidence, strict=True))
        )
        with self._precision():
            thetas = [unpack(theta.float()) for theta in regressor(phi, evidence)]
        photos = len(batch.lsp)
        last = Theta(*(part[:photos] for part in thetas[-1]))
        _, body = regressor.body(last.rotmats, last.betas)
        points = project(body, last.camera)
        correction = regressor.body.correction / _CORRECTION_SCALE
        terms = {
            "reprojection": weights.reprojection
            * reprojection_loss(points[:, NUM_BLAZEPOSE:], batch.lsp),
            "teacher_points": weights.teacher_points
            * reprojection_loss(points[:, :NUM_BLAZEPOSE], batch.points),
            "teacher_world": weights.teacher_world
            * world_loss(body[:, :NUM_BLAZEPOSE], batch.world),
            "betas": weights.betas * (last.betas**2).mean(),
            "joint_limits": weights.joint_limits * joint_limit_loss(last.rotmats, *self.limits),
            "correction": weights.landmark_correction * (correction**2).mean(),
            "true": self._true_loss(Theta(*(p[photos:] for p in thetas[-1])), lifted),
        }
        if weights.trunk_points:
            terms["trunk_points"] = weights.trunk_points * self._trunk_loss(points, batch, seen)
        if self._critics_turn():
            factor = weights.adversarial * self.config.adversarial_every
            terms["adversarial"] = factor * self._adversarial(thetas)
        if self.config.train_late:
            terms |= self._own_losses(batch, emb, seen)
        return terms, thetas

    def _critics_turn(self) -> bool:
        return self.step_number % self.config.adversarial_every == 0

    def _precision(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.config.mixed_precision)

    def _adversarial(self, thetas: list[Theta]) -> Tensor:
        """On every Theta_t, as one batch; the mean over t keeps the factor free of T."""
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(False)
        rotmats, betas = (torch.cat([theta[k] for theta in thetas]) for k in (0, 1))
        with self._precision():
            return encoder_loss(self.discriminators(rotmats, betas))

    def _trunk_loss(self, points: Tensor, batch: Samples, seen: Evidence) -> Tensor:
        """Distance of the body's points to the trunk's own, on photos where these are right."""
        own = slice(0, self.config.batch)
        target = seen.points[own].detach()
        limbs = target[:, list(LSP_LIMBS_IN_LANDMARKS)]
        weight = trunk_agreement(limbs, batch.lsp[own, : limbs.shape[1]])
        difference = points[own, :NUM_BLAZEPOSE] - target
        return weighted_l1(difference, weight * seen.visibility[own].detach())

    def _true_loss(self, predicted: Theta, lifted: Lifted) -> Tensor:
        weights, body = self.config.loss, self.network.regressor.body
        with torch.no_grad():
            _, true = body(lifted.theta.rotmats, lifted.theta.betas)
            true_points = project(true, lifted.theta.camera)
        _, found = body(predicted.rotmats, predicted.betas)
        everywhere = torch.ones(true.shape[:2])
        apart = hip_centred(found) - hip_centred(true)
        points = project(found, predicted.camera) - true_points
        return (
            weights.true_rotation * rotation_loss(predicted.rotmats, lifted.theta.rotmats)
            + weights.true_joints * weighted_l1(apart, everywhere)
            + weights.true_reprojection * weighted_l1(points, everywhere)
            + weights.true_betas * ((predicted.betas - lifted.theta.betas) ** 2).mean()
        )

    def _own_losses(self, batch: Samples, emb: Tensor, seen: Evidence) -> dict[str, Tensor]:
        """Losses of the trunk's own heads while the late layers train."""
        weights = self.config.loss
        limbs = seen.points[:, list(LSP_LIMBS_IN_LANDMARKS)]
        apart = seen.world - batch.world[..., :3]
        published = self.published.logits(batch.emb)
        return {
            "own_points": weights.own_points
            * (
                reprojection_loss(limbs, batch.lsp[:, : limbs.shape[1]])
                + 0.5 * reprojection_loss(seen.points, batch.points)
            ),
            "own_world": weights.own_world * weighted_l1(apart, batch.world[..., 3]),
            "own_probabilities": weights.own_probabilities
            * probability_loss(self.network.encoder.heads.logits(emb), published),
        }

    def _step_critic(self, thetas: list[Theta]) -> float:
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(True)
        real = self.lifted.real(self.config.real, self.generator)
        photos = self.config.batch + (self.config.synthetic if self.synthetic else 0)
        rotmats, betas = (
            torch.cat([theta[k][:photos].detach() for theta in thetas]) for k in (0, 1)
        )
        with self._precision():
            loss = discriminator_loss(
                self.discriminators(*real), self.discriminators(rotmats, betas)
            )
        self.critic.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic.step()
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Everything besides the averaged weights that going on needs."""
        return {
            "network": self.network.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "critic": self.critic.state_dict(),
            "generator": self.generator.get_state(),
            "global_generator": torch.get_rng_state(),
        }

    def load_state(self, average: dict[str, Any], state: dict[str, Any], step: int) -> None:
        """Inverse of :meth:`state`."""
        self.network.load_state_dict(state["network"])
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.critic.load_state_dict(state["critic"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["global_generator"])
        self.average = {name: value.clone() for name, value in average.items()}
        self.step_number = step
