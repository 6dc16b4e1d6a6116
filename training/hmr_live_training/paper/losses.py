"""L = L_reproj + 1[3D] L_3D on the last Theta, L_adv on every Theta_t (section 3 of the paper)."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr_live_training.models.discriminators import Discriminators, discriminator_loss, encoder_loss
from hmr_live_training.models.losses import reprojection_loss
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import Theta, unpack
from hmr_live_training.paper.crops import CropBatch
from hmr_live_training.paper.network import PaperNetwork
from hmr_live_training.paper.paper_config import PaperConfig

#: SMPL's hip joints.
_HIPS = (1, 2)
#: The learned landmark corrections are punished per this distance squared, metres.
_CORRECTION_SCALE = 0.03


class PaperLosses:
    """Losses of the network; call it with a batch.

    Parameters
    ----------
    config
        Factors.
    network, discriminators
        The parts; the discriminators do not train here.
    """

    def __init__(
        self, config: PaperConfig, network: PaperNetwork, discriminators: Discriminators
    ) -> None:
        self.config = config
        self.network = network
        self.discriminators = discriminators

    def __call__(self, batch: CropBatch) -> tuple[dict[str, Tensor], list[Theta]]:
        """Weighted terms, and the Theta of every iteration."""
        config = self.config
        device = batch.image.device.type
        with torch.autocast(device, torch.bfloat16, enabled=config.mixed_precision):
            raw = self.network.thetas(batch.image)
        thetas = [unpack(theta.float()) for theta in raw]
        last = thetas[-1]
        joints, landmarks = self.network.regressor.body(last.rotmats, last.betas)
        seen = reprojection_loss(project(landmarks, last.camera), batch.points)
        correction = self.network.regressor.body.correction / _CORRECTION_SCALE
        terms = {
            "reprojection": config.reprojection * seen,
            "correction": config.landmark_correction * (correction**2).mean(),
            "adversarial": config.adversarial * self._adversarial(thetas),
        }
        if config.paired:
            terms |= {
                "joints": config.joints * joint_loss(joints, batch.joints),
                "rotations": config.rotations
                * known_mean((last.rotmats - batch.rotmats) ** 2, batch.known[:, 0]),
                "betas": config.betas
                * known_mean((last.betas - batch.betas) ** 2, batch.known[:, 1]),
            }
        return terms, thetas

    def _adversarial(self, thetas: list[Theta]) -> Tensor:
        self.discriminators.requires_grad_(False)
        rotmats, betas = (torch.cat([theta[k] for theta in thetas]) for k in (0, 1))
        loss = encoder_loss(self.discriminators(rotmats, betas))
        self.discriminators.requires_grad_(True)
        return loss


def discriminator_losses(
    discriminators: Discriminators, real: tuple[Tensor, Tensor], thetas: list[Theta]
) -> Tensor:
    """Loss of the discriminators: real poses against the (detached) Thetas of all iterations."""
    rotmats, betas = (torch.cat([theta[k].detach() for theta in thetas]) for k in (0, 1))
    return discriminator_loss(discriminators(*real), discriminators(rotmats, betas))


def joint_loss(joints: Tensor, labels: Tensor) -> Tensor:
    """Mean squared distance of SMPL joints from labels, both relative to the hips' middle.

    Parameters
    ----------
    joints
        ``(N, 24, 3)`` metres.
    labels
        ``(N, 24, 4)`` as x, y, z, weight; a person without labelled hips does not count.
    """
    hips = list(_HIPS)
    weight = labels[..., 3] * (labels[:, hips, 3] > 0).all(dim=1, keepdim=True)
    own = joints - joints[:, hips].mean(dim=1, keepdim=True)
    true = labels[..., :3] - labels[:, hips, :3].mean(dim=1, keepdim=True)
    return (((own - true) ** 2).sum(-1) * weight).sum() / weight.sum().clamp_min(1e-6)


def known_mean(squared: Tensor, known: Tensor) -> Tensor:
    """Mean over the samples ``(N, ...)`` that are known (1) and not over the others (0)."""
    each = squared.flatten(1).mean(dim=1)
    return (each * known).sum() / known.sum().clamp_min(1e-6)
