"""What a step of training minimises: every loss of the method, on one batch."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.landmarks import (
    BLAZEPOSE_POINTS,
    BODY_LANDMARKS,
    LSP_LIMBS_IN_LANDMARKS,
    NUM_BLAZEPOSE,
)
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.discriminators import Discriminators, discriminator_loss, encoder_loss
from hmr_live_training.models.heatmaps import heatmap_loss
from hmr_live_training.models.landmark_feedback import LandmarkObservation
from hmr_live_training.models.losses import (
    backbone_agreement,
    confidence_targets,
    hip_centred,
    joint_limit_loss,
    reprojection_loss,
    rotation_loss,
    weighted_cross_entropy,
    weighted_l1,
    weighted_mean,
    world_loss,
)
from hmr_live_training.models.network import BodyNetwork, EncoderOutput
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import IterativeRegressor, Theta, theta_of, unpack
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.projected_mocap import ProjectedMocap
from hmr_live_training.sampling.samples import Samples
from hmr_live_training.synthetic.poses.sampler import offsets_to_flat_tpose, onto_body
from hmr_live_training.trainer.photo_losses import (
    bends_of_straight_limbs,
    of_photos,
    within_slack,
)

#: The learned landmark corrections are punished per this distance squared, metres.
_CORRECTION_SCALE = 0.03

Terms = dict[str, Tensor]


class RunLosses:
    """The losses of a run, by name, weighted.

    Parameters
    ----------
    config
        The run.
    network
        What is trained.
    discriminators
        The discriminators, which are not trained here.
    limits
        Range of the joints in motion capture.
    """

    def __init__(
        self,
        config: RunConfig,
        network: BodyNetwork,
        discriminators: Discriminators,
        limits: JointLimits,
    ) -> None:
        self.config = config
        self.network = network
        self.discriminators = discriminators
        device = network.regressor.feature_mean.device
        sides = (limits.low, limits.high)
        self.limits = tuple(torch.from_numpy(side).float().to(device) for side in sides)
        self.straight_legs = straight_legs(network.regressor.body).to(device)

    def __call__(
        self, batch: Samples, mocap: ProjectedMocap, adversarial: bool
    ) -> tuple[Terms, list[Theta]]:
        """Losses of one batch, and every Theta_t of its pictures."""
        if not self.config.pairs:
            batch = without_pairs(batch)
        if self.config.rest_hidden_legs:
            batch = with_resting_legs(batch, self.straight_legs)
        batch = batch._replace(world=self._trusted_world(batch))
        encoded = self.network.encode(batch.inputs, self.config.stage, batch.perspective)
        thetas = self._thetas(encoded, mocap)
        count = len(batch.lsp)
        last = Theta(*(part[:count] for part in thetas[-1]))
        terms = self._picture_losses(batch, encoded, last)
        if len(thetas[-1].rotmats) > count:
            found = Theta(*(part[count:] for part in thetas[-1]))
            terms["mocap"] = self._mocap_loss(found, mocap)
        if adversarial:
            factor = self.config.loss.adversarial * self.config.adversarial_every
            terms["adversarial"] = factor * self._adversarial(thetas)
        if self.config.stage != "features":
            _, flag = self.network.encoder.heads.logits(encoded.features)
            person = F.binary_cross_entropy_with_logits(flag, batch.person)
            terms["person"] = self.config.loss.person * person
        if self.config.stage != "features":
            apart = encoded.observed.world - batch.world[..., :3]
            own_world = weighted_l1(apart, batch.world[..., 3])
            terms["own_world"] = self.config.loss.own_world * own_world
        if self.config.trained != "regressor":
            terms |= self._own_losses(batch, encoded)
        return terms, [Theta(*(part[:count] for part in theta)) for theta in thetas]

    def _thetas(self, encoded: EncoderOutput, mocap: ProjectedMocap) -> list[Theta]:
        """Pictures first, then projected bodies, whose image features are the mean (0)."""
        regressor = self.network.regressor
        features = regressor.normalise(encoded.features)
        phi = torch.cat(
            [features, features.new_zeros(len(mocap.observed.points), features.shape[1])]
        )
        observed = LandmarkObservation(
            *(torch.cat([a, b]) for a, b in zip(encoded.observed, mocap.observed, strict=True))
        )
        with self._precision(phi.device):
            return [unpack(theta.float()) for theta in regressor(phi, observed)]

    def _precision(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, torch.bfloat16, enabled=self.config.mixed_precision)

    def _picture_losses(self, batch: Samples, encoded: EncoderOutput, last: Theta) -> Terms:
        weights, regressor = self.config.loss, self.network.regressor
        _, body = regressor.body(last.rotmats, last.betas)
        points = project(body, last.camera, encoded.observed.perspective)
        if weights.photo_slack:
            labels = torch.cat([batch.points, batch.lsp], dim=1)[..., :2]
            points = within_slack(points, labels, weights.photo_slack * of_photos(batch))
        blazepose = points[:, :NUM_BLAZEPOSE]
        correction = regressor.body.correction / _CORRECTION_SCALE
        terms = {
            "reprojection": weights.reprojection
            * reprojection_loss(points[:, NUM_BLAZEPOSE:], batch.lsp, weights.saturation),
            "points": weights.points
            * reprojection_loss(blazepose, batch.points, weights.saturation),
            "world": weights.world * world_loss(body[:, :NUM_BLAZEPOSE], batch.world),
            "rotations": weights.rotations
            * weighted_mean(
                rotation_loss(last.rotmats, batch.rotmats, median=weights.median_rotations),
                batch.body[:, 0],
            ),
            "stature": weights.stature
            * weighted_mean(self._rest_apart(last.betas, batch.betas), batch.body[:, 1]),
            "shape": weights.shape
            * weighted_mean(((last.betas - batch.betas) ** 2).mean(dim=1), batch.body[:, 1]),
            "betas": weights.betas * (last.betas**2).mean(),
            "joint_limits": weights.joint_limits * joint_limit_loss(last.rotmats, *self.limits),
            "correction": weights.landmark_correction * (correction**2).mean(),
            "confidence": weights.confidence
            * weighted_cross_entropy(
                self.network.confidence_logits(encoded.features.detach()),
                *confidence_targets(
                    self._refined_points(last, encoded),
                    clicked_first(batch),
                    batch.visible,
                    batch.person,
                ),
            ),
            "confidence_size": weights.confidence_size
            * (self.network.confidence.weight**2).sum(dim=1).mean(),
        }
        if weights.photo_rest:
            terms["photo_rest"] = weights.photo_rest * bends_of_straight_limbs(
                last.rotmats, self.straight_legs, batch
            )
        if weights.backbone_points:
            terms["backbone_points"] = weights.backbone_points * self._backbone_loss(
                blazepose, batch, encoded
            )
        return terms

    @torch.no_grad()
    def _refined_points(self, last: Theta, encoded: EncoderOutput) -> Tensor:
        """Landmarks of the refined body, ``(N, 27, 2)`` in [-1, 1] across the crop."""
        regressor = self.network.regressor
        refined = unpack(regressor.refine(theta_of(last), encoded.observed))
        return body_points(regressor, refined, encoded.observed.perspective)

    def _rest_apart(self, found: Tensor, true: Tensor) -> Tensor:
        """Mean distance of the resting joints of two shapes, metres, ``(N,)``."""
        tree = self.network.regressor.body.tree
        apart = tree.rest_joints(found) - tree.rest_joints(true)
        distances: Tensor = (apart - apart[:, :1]).norm(dim=-1)
        return distances.mean(dim=1)

    def _trusted_world(self, batch: Samples) -> Tensor:
        """3D labels ``(N, 27, 4)``; those of a teacher, who is not exact, weigh less."""
        trust = 1 - (1 - self.config.loss.photo_world) * of_photos(batch)
        return torch.cat([batch.world[..., :3], (batch.world[..., 3] * trust)[..., None]], dim=-1)

    def _backbone_loss(self, points: Tensor, batch: Samples, encoded: EncoderOutput) -> Tensor:
        """Distance of the body's points to the encoder's own, where these are right."""
        target = encoded.observed.points.detach()
        limbs = target[:, list(LSP_LIMBS_IN_LANDMARKS)]
        least = self.config.loss.backbone_least
        weight = backbone_agreement(limbs, batch.lsp[:, : limbs.shape[1]], least)
        weight = weight * encoded.observed.visibility.detach()
        return weighted_l1(points - target, weight, self.config.loss.saturation)

    def _mocap_loss(self, predicted: Theta, mocap: ProjectedMocap) -> Tensor:
        weights, body = self.config.loss, self.network.regressor.body
        with torch.no_grad():
            _, true = body(mocap.theta.rotmats, mocap.theta.betas)
            perspective = mocap.observed.perspective
            true_points = project(true, mocap.theta.camera, perspective)
        _, found = body(predicted.rotmats, predicted.betas)
        everywhere = true.new_ones(true.shape[:2])
        apart = hip_centred(found) - hip_centred(true)
        points = project(found, predicted.camera, perspective) - true_points
        turned = rotation_loss(
            predicted.rotmats, mocap.theta.rotmats, median=weights.median_rotations
        )
        return (
            weights.mocap_rotation * turned.mean()
            + weights.mocap_joints * weighted_l1(apart, everywhere)
            + weights.mocap_reprojection * weighted_l1(points, everywhere)
            + weights.mocap_betas * ((predicted.betas - mocap.theta.betas) ** 2).mean()
        )

    def _adversarial(self, thetas: list[Theta]) -> Tensor:
        """On every Theta_t, as one batch; the mean over t keeps the factor free of T."""
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(False)
        rotmats, betas = (torch.cat([theta[k] for theta in thetas]) for k in (0, 1))
        with self._precision(betas.device):
            return encoder_loss(self.discriminators(rotmats, betas))

    def discriminator_loss(
        self, real: tuple[Tensor, Tensor], predicted: tuple[Tensor, Tensor]
    ) -> Tensor:
        """What the discriminators minimise, of rotations and betas."""
        with self._precision(real[1].device):
            return discriminator_loss(self.discriminators(*real), self.discriminators(*predicted))

    def _own_losses(self, batch: Samples, encoded: EncoderOutput) -> Terms:
        """Losses of the encoder's own landmarks and probabilities while its layers train."""
        weights = self.config.loss
        order = list(BLAZEPOSE_POINTS)
        linear = encoded.landmarks.points[:, order]
        own = _points_loss(linear, batch)
        logits, _ = self.network.encoder.heads.logits(encoded.features)
        known = (batch.visible[..., 2] * batch.person[:, None])[..., None].expand(-1, -1, 2)
        probabilities = weighted_cross_entropy(logits[:, order], batch.visible[..., :2], known)
        terms = {
            "own_points": weights.own_points * own,
            "own_probabilities": weights.own_probabilities * probabilities,
        }
        if encoded.heatmaps is not None:
            labels = clicked_first(batch)
            terms["own_maps"] = weights.own_maps * heatmap_loss(encoded.heatmaps, labels)
        return terms


def body_points(regressor: IterativeRegressor, theta: Theta, perspective: Tensor) -> Tensor:
    """The body's BlazePose landmarks ``(N, 27, 2)`` in [-1, 1] across the crop."""
    _, body = regressor.body(theta.rotmats, theta.betas)
    return project(body[:, :NUM_BLAZEPOSE], theta.camera, perspective)


def _points_loss(points: Tensor, batch: Samples) -> Tensor:
    limbs = points[:, list(LSP_LIMBS_IN_LANDMARKS)]
    labels = batch.lsp[:, : limbs.shape[1]]
    return reprojection_loss(limbs, labels) + reprojection_loss(points, batch.points)


def clicked_first(batch: Samples) -> Tensor:
    """Labels of the 27 landmarks ``(N, 27, 3)``: limbs as they were clicked where they were.

    The teacher's are believed where they agree with clicked ones, so with them alone whatever is
    hard would not count, and confidence would be too sure.
    """
    limbs = list(LSP_LIMBS_IN_LANDMARKS)
    clicked = batch.lsp[:, : len(limbs)]
    labels = batch.points.clone()
    labels[:, limbs] = torch.where(clicked[..., 2:] > 0, clicked, labels[:, limbs])
    return labels


#: Joints of each leg, and the landmarks that show it.
_LEGS: Final = tuple(
    (
        [JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot")],
        [
            k
            for k, landmark in enumerate(BODY_LANDMARKS[:NUM_BLAZEPOSE])
            if landmark.name in {f"{side}_{name}" for name in ("knee", "ankle", "heel", "toe")}
        ],
    )
    for side in ("left", "right")
)


def straight_legs(body: BodyLandmarks) -> Tensor:
    """Rotations ``(24, 3, 3)`` that stretch the legs; a body rests with them a little bent."""
    rest = body.tree.rest.detach().cpu().numpy().astype(np.float64)
    flat = onto_body(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)), offsets_to_flat_tpose(rest))
    return torch.from_numpy(flat).float()


def with_resting_legs(batch: Samples, straight: Tensor) -> Samples:
    """The batch with legs that the crop does not show stretched, as a standing person's.

    Nobody can know them.  The most probable answer to a person cut off at the hips is one who
    sits or one who stands, whichever is drawn more often; a leg at rest does the least harm.
    """
    rotmats, world = batch.rotmats.clone(), batch.world.clone()
    exact = batch.body[:, 0] > 0
    for joints, landmarks in _LEGS:
        hidden = (batch.visible[:, landmarks, 1] == 0).all(dim=1) & exact
        legs = rotmats[:, joints]
        rotmats[:, joints] = torch.where(hidden[:, None, None, None], straight[joints], legs)
        shown = (~hidden).float()[:, None]
        world[:, landmarks, 3] = world[:, landmarks, 3] * shown
    return batch._replace(rotmats=rotmats, world=world)


def without_pairs(batch: Samples) -> Samples:
    """The batch without any 3D label, as in the paper's unpaired setting."""
    world = torch.cat([batch.world[..., :3], torch.zeros_like(batch.world[..., 3:])], dim=-1)
    return batch._replace(world=world, body=torch.zeros_like(batch.body))
