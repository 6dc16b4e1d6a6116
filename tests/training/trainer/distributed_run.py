"""A small run of the real regressor, losses and discriminators, by one process or by several.

Started by ``torchrun`` as ``python -m tests.training.trainer.distributed_run FILE``: every
process writes
its final parameters and the gradients of the first step to FILE with its rank.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from hmr_live.core.assets import asset_path
from hmr_live_training.distributed import Objective, Processes, joined_processes
from hmr_live_training.landmarks import BODY_LANDMARKS
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
from hmr_live_training.models.smpl_layer import BodyLandmarks, read_rest_body
from hmr_live_training.paper.crops import CropBatch
from hmr_live_training.paper.network import build_paper_network
from hmr_live_training.paper.paper_config import PaperConfig
from hmr_live_training.paper.run import PaperRun

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

    objective = processes.wrap(Objective(network, losses))
    discriminator_objective = processes.wrap(Objective(discriminators, discriminator_losses))
    # Adam divides tiny gradients by their own size; epsilon keeps rounding from being magnified.
    optimizer = torch.optim.Adam(network.parameters(), 1e-2, eps=1e-4)
    judge = torch.optim.Adam(discriminators.parameters(), 1e-2, eps=1e-4)
    result = {}
    for step in range(steps):
        phi = torch.randn(BATCH, FEATURES, generator=generator)
        labels[..., :2] = torch.randn(BATCH, len(BODY_LANDMARKS), 2, generator=generator)
        rotmats = matrix_from_axis_angle(torch.randn(BATCH, 24, 3, generator=generator))
        phi, points, rotmats = processes.share((phi, labels, rotmats))
        optimizer.zero_grad()
        loss, last = objective(phi, points, rotmats)
        loss.backward()
        judge.zero_grad()
        betas = torch.zeros(len(phi), 10)
        discriminator_objective(
            (rotmats, betas), (last.rotmats.detach(), last.betas.detach())
        ).backward()
        if step == 0:
            result |= {f"gradient/{k}": v for k, v in gradients(network, discriminators).items()}
            result["loss"] = np.array(processes.mean({"loss": loss.item()})["loss"])
        optimizer.step()
        judge.step()
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


def paper_run(processes: Processes) -> dict[str, np.ndarray]:
    """A few steps of the paper's recipe on made-up crops whose labels all count."""
    generator = torch.Generator().manual_seed(2)
    config = PaperConfig(
        hidden=24,
        dropout=0.0,
        batch=BATCH,
        real=BATCH,
        mixed_precision=False,
        warm_up=1,
        encoder_rate=1e-3,
        regressor_rate=1e-3,
        discriminator_rate=1e-3,
    )
    rest = read_rest_body(asset_path("body", "open_body.npz"))
    start = sixd_from_matrix(matrix_from_axis_angle(torch.zeros(24, 3)))
    torch.manual_seed(3)
    network = build_paper_network(config, PoolEncoder(), FEATURES, rest, start)
    poses = torch.randn(50, 24, 3, generator=generator) * 0.2
    steps = PaperRun(config, network, poses, processes)
    for _ in range(STEPS):
        weighted = torch.ones(BATCH, len(BODY_LANDMARKS), 3)
        weighted[..., :2] = torch.randn(BATCH, len(BODY_LANDMARKS), 2, generator=generator)
        batch = CropBatch(
            image=torch.randn(BATCH, 3, 4, 4, generator=generator),
            points=weighted,
            joints=torch.cat(
                [torch.randn(BATCH, 24, 3, generator=generator), torch.ones(BATCH, 24, 1)], -1
            ),
            rotmats=matrix_from_axis_angle(torch.randn(BATCH, 24, 3, generator=generator)),
            betas=torch.randn(BATCH, 10, generator=generator),
            known=torch.ones(BATCH, 2),
        )
        losses = processes.mean(steps.step(processes.share(batch)))
    parts = {f"paper/{name}": value.numpy() for name, value in steps.average.items()}
    parts |= {
        f"paper/critic/{k}": v.detach().numpy() for k, v in steps.discriminators.named_parameters()
    }
    return parts | {f"paper/loss/{name}": np.array(value) for name, value in losses.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined_processes() as processes:
        out = Path(sys.argv[1])
        results = {**run(processes), **paper_run(processes)}
        np.savez(out.with_name(f"{out.stem}_{processes.rank}.npz"), **results)
        processes.seed(7)
        drawn = torch.rand(3).numpy()
        np.savez(out.with_name(f"seed_{processes.rank}.npz"), drawn=drawn, count=processes.count)
        processes.wait()
