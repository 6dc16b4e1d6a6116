"""ResNet-50 and HMR's regressor as one network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmr_live_training.models.regressor import (
    POSE_SIZE,
    IterativeRegressor,
    RegressorConfig,
    mean_theta,
)
from hmr_live_training.models.smpl_layer import BodyLandmarks, RestBody, learned_corrections
from hmr_live_training.paper.paper_config import PaperConfig


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
    config: PaperConfig, encoder: nn.Module, features: int, rest: RestBody, mean_pose: Tensor
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
