"""HMR as in the paper: ResNet-50 and the iterative regressor as one network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from hmr_live_training.data.mocap import load_poses, mean_pose_6d
from hmr_live_training.models.backbones.resnet50 import ResNet50Encoder
from hmr_live_training.models.body_landmarks import BodyLandmarks, learned_corrections
from hmr_live_training.models.regressor import (
    POSE_SIZE,
    IterativeRegressor,
    RegressorConfig,
    mean_theta,
)
from hmr_live_training.models.smpl_layer import RestBody, read_rest_body
from hmr_live_training.recipes.run_config import RunConfig


class PaperNetwork(nn.Module):
    """Pictures to the Thetas of all iterations.

    Parameters
    ----------
    encoder
        A module with ``dim`` features.
    regressor
        Without landmark feedback.
    """

    def __init__(self, encoder: nn.Module, regressor: IterativeRegressor) -> None:
        super().__init__()
        self.encoder = encoder
        self.regressor = regressor

    def thetas(self, image: Tensor) -> list[Tensor]:
        """``(N, 3, 224, 224)`` normalised RGB -> Theta after each iteration, ``(N, 157)`` each."""
        return list(self.regressor(self.regressor.normalise(self.encoder(image))))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Last Theta as ``(N, 24, 6)``, ``(N, 10)``, ``(N, 3)``: what is exported."""
        theta = self.thetas(image)[-1]
        betas, camera = theta[:, POSE_SIZE : POSE_SIZE + 10], theta[:, POSE_SIZE + 10 :]
        return theta[:, :POSE_SIZE].reshape(-1, 24, 6), betas, camera


def build_paper_network(
    config: RunConfig, encoder: nn.Module, features: int, rest: RestBody, mean_pose: Tensor
) -> PaperNetwork:
    """A network that starts at the mean pose (``(24, 6)``) of the given body."""
    sizes = RegressorConfig(
        features=features,
        hidden=config.hidden,
        dropout=config.dropout,
        iterations=config.iterations,
        feedback=False,
    )
    body = BodyLandmarks(rest, learned_corrections())
    start = mean_theta(mean_pose, torch.from_numpy(rest.joints[0]))
    return PaperNetwork(encoder, IterativeRegressor(sizes, body, start))


def fresh_network(
    config: RunConfig, *, data: Path, body: Path, imagenet: Path | None = None
) -> PaperNetwork:
    """A network before training.

    Parameters
    ----------
    config
        The run.
    data
        Folder with motion capture, whose mean pose the regressor starts at.
    body
        The open body's ``.npz``.
    imagenet
        A torchvision state dict with ImageNet's weights; without it they are random.
    """
    torch.manual_seed(config.seed)
    mean_pose = torch.from_numpy(mean_pose_6d(load_poses(data)))
    encoder = ResNet50Encoder()
    if imagenet is not None:
        encoder.load_imagenet(imagenet)
    return build_paper_network(config, encoder, encoder.dim, read_rest_body(body), mean_pose)
