"""A small run of the real regressor, losses and discriminators, by one process or by several.

Started by ``torchrun`` as ``python -m tests.training.trainer.distributed_run FILE``: every
process writes
its final parameters and the gradients of the first step to FILE with its rank.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hmr_live.core.assets import asset_path
from hmr_live_training.distributed import LossModule, Processes, joined_processes
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.discriminators import Discriminators, discriminator_loss, encoder_loss
from hmr_live_training.models.losses import reprojection_loss, rotation_loss
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import (
    IterativeRegressor,
    RegressorConfig,
    mean_theta,
    unpack,
)
from hmr_live_training.models.rotations import matrix_from_axis_angle, sixd_from_matrix
from hmr_live_training.models.smpl_layer import read_rest_body
from hmr_live_training.paper.crops import CropBatch
from hmr_live_training.paper.network import build_paper_network
from hmr_live_training.recipes.paper_runs import PAPER_RUNS
from hmr_live_training.trainer.train import make_paper_trainer
from hmr_live_training.trainer.trainer import Trainer
from hmr_live_training.trainer.training_run import TrainingRun

FEATURES, BATCH, STEPS = 12, 8, 4


def regressor() -> IterativeRegressor:
    rest = read_rest_body(asset_path("body", "open_body.npz"))
    config = RegressorConfig(features=FEATURES, hidden=24, dropout=0.0, feedback=False)
    start = sixd_from_matrix(matrix_from_axis_angle(torch.zeros(24, 3)))
    pelvis = torch.from_numpy(rest.joints[0])
    return IterativeRegressor(config, BodyLandmarks(rest), mean_theta(start, pelvis))


def run(processes: Processes, steps: int = STEPS) -> dict[str, np.ndarray]:
    """Train a few steps on made-up labels; return parameters and the first gradients."""
    torch.manual_seed(0)
    network, discriminators = regressor(), Discriminators()
    generator = torch.Generator().manual_seed(1)
    labels = torch.ones(BATCH, len(BODY_LANDMARKS), 3)

    def losses(phi, points, rotmats):
        thetas = [unpack(theta) for theta in network(phi)]
        last = thetas[-1]
        _, landmarks = network.body(last.rotmats, last.betas)
        flat = reprojection_loss(project(landmarks, last.camera), points)
        deep = rotation_loss(last.rotmats, rotmats).mean()
        discriminators.requires_grad_(False)
        real = sum(encoder_loss(discriminators(t.rotmats, t.betas)) for t in thetas) / len(thetas)
        discriminators.requires_grad_(True)
        return flat + deep + 0.1 * real, last

    def discriminator_losses(true, false):
        return discriminator_loss(discriminators(*true), discriminators(*false))

    objective = processes.wrap(LossModule(network, losses))
    discriminator_objective = processes.wrap(LossModule(discriminators, discriminator_losses))
    # Adam divides tiny gradients by their own size; epsilon keeps rounding from being magnified.
    optimizer = torch.optim.Adam(network.parameters(), 1e-2, eps=1e-4)
    discriminator_optimizer = torch.optim.Adam(discriminators.parameters(), 1e-2, eps=1e-4)
    result = {}
    for step in range(steps):
        phi = torch.randn(BATCH, FEATURES, generator=generator)
        labels[..., :2] = torch.randn(BATCH, len(BODY_LANDMARKS), 2, generator=generator)
        rotmats = matrix_from_axis_angle(torch.randn(BATCH, 24, 3, generator=generator))
        phi, points, rotmats = processes.share((phi, labels, rotmats))
        optimizer.zero_grad()
        loss, last = objective(phi, points, rotmats)
        loss.backward()
        discriminator_optimizer.zero_grad()
        betas = torch.zeros(len(phi), 10)
        discriminator_objective(
            (rotmats, betas), (last.rotmats.detach(), last.betas.detach())
        ).backward()
        if step == 0:
            result |= {f"gradient/{k}": v for k, v in gradients(network, discriminators).items()}
            result["loss"] = processes.mean(loss.detach()).numpy()
        optimizer.step()
        discriminator_optimizer.step()
    result |= {f"network/{k}": v.detach().numpy() for k, v in network.named_parameters()}
    return result | {
        f"discriminators/{k}": v.detach().numpy() for k, v in discriminators.named_parameters()
    }


def gradients(*modules: torch.nn.Module) -> dict[str, np.ndarray]:
    return {
        f"{number}/{name}": parameter.grad.numpy().copy()
        for number, module in enumerate(modules)
        for name, parameter in module.named_parameters()
    }


class PoolEncoder(torch.nn.Module):
    dim = FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, FEATURES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.layer(image.mean(dim=(2, 3))))


@dataclass(frozen=True)
class MadeUpCrops:
    """Crops whose labels all count; those of a step are always the same."""

    processes: Processes

    def drawn(self, steps: range, workers: int) -> Iterator[CropBatch]:
        for step in steps:
            yield self.processes.share(made_up_crops(step))


def made_up_crops(step: int) -> CropBatch:
    generator = torch.Generator().manual_seed(step)
    weighted = torch.ones(BATCH, len(BODY_LANDMARKS), 3)
    weighted[..., :2] = torch.randn(BATCH, len(BODY_LANDMARKS), 2, generator=generator)
    return CropBatch(
        image=torch.randn(BATCH, 3, 4, 4, generator=generator),
        points=weighted,
        joints=torch.cat(
            [torch.randn(BATCH, 24, 3, generator=generator), torch.ones(BATCH, 24, 1)], -1
        ),
        rotmats=matrix_from_axis_angle(torch.randn(BATCH, 24, 3, generator=generator)),
        betas=torch.randn(BATCH, 10, generator=generator),
        known=torch.ones(BATCH, 2),
    )


def paper_trainer(processes: Processes, dropout: float = 0.0) -> Trainer:
    config = replace(
        PAPER_RUNS["paper"],
        hidden=24,
        dropout=dropout,
        batch=BATCH,
        real=BATCH,
        steps=STEPS,
        mixed_precision=False,
        warm_up=1,
        encoder_rate=1e-3,
        learning_rate=1e-3,
        discriminator_rate=1e-3,
    )
    rest = read_rest_body(asset_path("body", "open_body.npz"))
    start = sixd_from_matrix(matrix_from_axis_angle(torch.zeros(24, 3)))
    torch.manual_seed(3)
    network = build_paper_network(config, PoolEncoder(), FEATURES, rest, start)
    poses = torch.randn(50, 24, 3, generator=torch.Generator().manual_seed(2)) * 0.2
    return make_paper_trainer(config, network, MadeUpCrops(processes), poses, processes)


def paper_run(processes: Processes) -> dict[str, np.ndarray]:
    """A few steps of the paper's recipe."""
    trainer = paper_trainer(processes)
    for batch in trainer.batches.drawn(range(STEPS), 0):
        losses = trainer.step(batch)
    parts = {f"paper/{name}": value.numpy() for name, value in trainer.ema.items()}
    parts |= {
        f"paper/discriminators/{k}": v.detach().numpy()
        for k, v in trainer.discriminators.named_parameters()
    }
    return parts | {f"paper/loss/{k}": processes.mean(v).numpy() for k, v in losses.items()}


def interrupted_run(processes: Processes, folder: Path) -> dict[str, np.ndarray]:
    """Weights of a run with dropout, and of one that stops after a step and goes on."""
    whole = paper_trainer(processes, dropout=0.5)
    TrainingRun(whole, folder / "whole.pt").run()
    path = folder / "stopped.pt"
    TrainingRun(paper_trainer(processes, dropout=0.5), path).run(minutes=0)
    resumed = paper_trainer(processes, dropout=0.5)
    going_on = TrainingRun(resumed, path)
    assert going_on.resume()
    assert resumed.step_number == 1
    going_on.run()
    return {
        f"{name}/{key}": value.detach().numpy()
        for name, trainer in (("whole", whole), ("resumed", resumed))
        for key, value in trainer.network.state_dict().items()
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined_processes() as processes:
        out = Path(sys.argv[1])
        results = {**run(processes), **paper_run(processes)}
        np.savez(out.with_name(f"{out.stem}_{processes.rank}.npz"), **results)
        parts = interrupted_run(processes, out.parent)
        np.savez(out.with_name(f"interrupted_{processes.rank}.npz"), **parts)
        processes.seed(7)
        drawn = torch.rand(3).numpy()
        np.savez(out.with_name(f"seed_{processes.rank}.npz"), drawn=drawn, count=processes.count)
        processes.wait()
