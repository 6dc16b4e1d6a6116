"""The 25 discriminators of HMR (Kanazawa et al. 2018, section 3.3): joints, whole pose, shape."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS

#: One for each of the 23 joint rotations, one for the whole pose, one for the shape.
NUM_DISCRIMINATORS: Final = NUM_JOINTS - 1 + 2
_EMBEDDING: Final = 32
_POSE_HIDDEN: Final = 1024


class Discriminators(nn.Module):
    """Least-squares discriminators of body parameters; 1 means "as in motion capture".

    All joints share the embedding of their rotation matrix (two layers of 32); each has its own
    output.  The pose discriminator reads all 23 embeddings, the shape
    discriminator the betas (10-10-5-1).
    """

    def __init__(self) -> None:
        super().__init__()
        joints = NUM_JOINTS - 1
        self.embedding = nn.Sequential(
            nn.Linear(9, _EMBEDDING), nn.ReLU(), nn.Linear(_EMBEDDING, _EMBEDDING), nn.ReLU()
        )
        self.joint_weight = nn.Parameter(torch.randn(joints, _EMBEDDING) * 0.1)
        self.joint_bias = nn.Parameter(torch.zeros(joints))
        self.pose = nn.Sequential(
            nn.Linear(joints * _EMBEDDING, _POSE_HIDDEN),
            nn.ReLU(),
            nn.Linear(_POSE_HIDDEN, _POSE_HIDDEN),
            nn.ReLU(),
            nn.Linear(_POSE_HIDDEN, 1),
        )
        self.shape = nn.Sequential(
            nn.Linear(NUM_BETAS, 10), nn.ReLU(), nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, 1)
        )

    def forward(self, rotmats: Tensor, betas: Tensor) -> Tensor:
        """``(N, 24, 3, 3)`` (the root is ignored) and ``(N, 10)`` -> ``(N, 25)``."""
        embedded = self.embedding(rotmats[:, 1:].flatten(2))
        joints = (embedded * self.joint_weight).sum(-1) + self.joint_bias
        return torch.cat([joints, self.pose(embedded.flatten(1)), self.shape(betas)], dim=1).float()


def encoder_loss(scores: Tensor) -> Tensor:
    """``L_adv = sum_i E[(D_i - 1)^2]``, what the network minimises."""
    return ((scores - 1) ** 2).mean(dim=0).sum()


def discriminator_loss(real: Tensor, predicted: Tensor) -> Tensor:
    """``sum_i E[(D_i(real) - 1)^2] + E[D_i(predicted)^2]``."""
    return (((real - 1) ** 2).mean(dim=0) + (predicted**2).mean(dim=0)).sum()
