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
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.projected_mocap import ProjectedMocap

#: SMPL's hip joints.
_HIPS = (1, 2)
#: The learned landmark corrections are punished per this distance squared, metres.
_CORRECTION_SCALE = 0.03


class PaperLosses:
    """The paper's losses, by name, weighted.

    Parameters
    ----------
    config
        The run; of its weights those of the paper's losses count.
    network
        What is trained.
    discriminators
        What it plays against; not trained here.
    """

    def __init__(
        self, config: RunConfig, network: PaperNetwork, discriminators: Discriminators
    ) -> None:
        self.config = config
        self.network = network
        self.discriminators = discriminators

    def __call__(
        self, batch: CropBatch, mocap: ProjectedMocap, adversarial: bool
    ) -> tuple[dict[str, Tensor], list[Theta]]:
        """Losses of one batch, and the Theta of every iteration.

        Parameters
        ----------
        batch
            Crops with labels.
        mocap
            Not used: without landmarks of its own the network has no use for projected mocap.
        adversarial
            Whether the adversarial loss is among them.
        """
        config, weights = self.config, self.config.loss
        device = batch.image.device.type
        with torch.autocast(device, torch.bfloat16, enabled=config.mixed_precision):
            raw = self.network.thetas(batch.image)
        thetas = [unpack(theta.float()) for theta in raw]
        last = thetas[-1]
        joints, landmarks = self.network.regressor.body(last.rotmats, last.betas)
        reprojection = reprojection_loss(project(landmarks, last.camera), batch.points)
        correction = self.network.regressor.body.correction / _CORRECTION_SCALE
        terms = {
            "reprojection": weights.reprojection * reprojection,
            "correction": weights.landmark_correction * (correction**2).mean(),
        }
        if adversarial:
            factor = weights.adversarial * config.adversarial_every
            terms["adversarial"] = factor * self._adversarial(thetas)
        if config.pairs:
            terms |= {
                "joints": weights.joints * joint_loss(joints, batch.joints),
                "rotations": weights.rotations
                * known_mean((last.rotmats - batch.rotmats) ** 2, batch.known[:, 0]),
                "betas": weights.shape
                * known_mean((last.betas - batch.betas) ** 2, batch.known[:, 1]),
            }
        return terms, thetas

    def _adversarial(self, thetas: list[Theta]) -> Tensor:
        self.discriminators.requires_grad_(False)
        rotmats, betas = (torch.cat([theta[k] for theta in thetas]) for k in (0, 1))
        return encoder_loss(self.discriminators(rotmats, betas))

    def discriminator_loss(
        self, real: tuple[Tensor, Tensor], predicted: tuple[Tensor, Tensor]
    ) -> Tensor:
        """What the discriminators minimise, of rotations and betas."""
        return discriminator_loss(self.discriminators(*real), self.discriminators(*predicted))


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
