"""The energy that a fit minimises: for each person a sum of negative log likelihoods.

    E = E_labels + E_points + E_world + E_prior + E_limits + E_betas

The first three are robust (Geman & McClure), because labels and teacher err grossly at times.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.landmarks import NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.rotations import axis_angle_from_matrix, matrix_from_6d
from hmr_live_training.pseudo_gt.bodies import Bodies, to_photo
from hmr_live_training.pseudo_gt.fit_config import FitConfig
from hmr_live_training.pseudo_gt.observations import Observations
from hmr_live_training.pseudo_gt.prior import PosePrior

#: The teacher's people are this much smaller or larger than the body: bounds of the factor.
_TEACHER_SCALE = (0.85, 1.4)


class PosedBodies(NamedTuple):
    """Posed bodies.

    Attributes
    ----------
    axis_angle
        ``(N, 24, 3)`` relative rotations.
    joints, landmarks
        ``(N, 24, 3)``, ``(N, L, 3)`` metres, camera frame.
    projected
        ``(N, L, 2)`` landmarks in photo pixels.
    """

    axis_angle: Tensor
    joints: Tensor
    landmarks: Tensor
    projected: Tensor


def robust(squared: Tensor, width: float) -> Tensor:
    """Geman-McClure: half the square near 0, ``width ** 2 / 2`` far away; ``width`` in sigmas."""
    return 0.5 * squared * width**2 / (width**2 + squared)


def teacher_scale(landmarks: Tensor, world: Tensor) -> Tensor:
    """Least-squares factor ``(N, 1, 1)`` that brings the teacher's people to the body's size."""
    weight = world[..., 3:]
    products = (weight * landmarks * world[..., :3]).sum(dim=(1, 2))
    squares = (weight * world[..., :3] ** 2).sum(dim=(1, 2))
    factor = products / squares.clamp_min(1e-6)
    return torch.where(squares > 1e-3, factor, 1.0).clamp(*_TEACHER_SCALE)[:, None, None]


class FitEnergy(nn.Module):
    """Energy of bodies given the observations.

    Parameters
    ----------
    body
        Poses the landmarks; its corrections are part of the measurement.
    prior
        Of the joints below the root.
    limits
        Range of joints 1 to 21.
    config
        Noise and weights.
    """

    def __init__(
        self, body: BodyLandmarks, prior: PosePrior, limits: JointLimits, config: FitConfig
    ) -> None:
        super().__init__()
        self.body = body
        self.prior = prior
        self.config = config
        self.low: Tensor
        self.high: Tensor
        self.world_sigma: Tensor
        self.register_buffer("low", torch.from_numpy(limits.low).float())
        self.register_buffer("high", torch.from_numpy(limits.high).float())
        flat, deep = config.world_sigma
        self.register_buffer("world_sigma", torch.tensor([flat, flat, deep]))

    def pose(self, bodies: Bodies) -> PosedBodies:
        """Bring the bodies into the camera frame and the photo."""
        rotmats = matrix_from_6d(bodies.pose)
        joints, landmarks = self.body(rotmats, bodies.betas)
        projected = to_photo(landmarks, joints[:, 0], bodies.camera)
        return PosedBodies(axis_angle_from_matrix(rotmats), joints, landmarks, projected)

    def forward(
        self, bodies: Bodies, seen: Observations, scale: Tensor, width: float, prior: float
    ) -> Tensor:
        """Energy of each person, ``(N,)``.

        Parameters
        ----------
        bodies, seen
            The unknowns and the evidence.
        scale
            ``(N,)`` pixels per metre in which 2D residuals are counted; a constant, or a fit
            could gain by growing.
        width
            Of the robust function, in sigmas.
        prior
            Factor of the pose prior.
        """
        config = self.config
        posed = self.pose(bodies)
        clicked, landmarks = posed.projected[:, NUM_BLAZEPOSE:], posed.projected[:, :NUM_BLAZEPOSE]
        energy: Tensor = (
            _reprojection(clicked, seen.labels, scale * config.label_sigma, width)
            + _reprojection(landmarks, seen.points, scale * config.point_sigma, width)
            + self._world(posed.landmarks[:, :NUM_BLAZEPOSE], seen.world, width)
            + prior * self.prior(posed.axis_angle[:, 1:])
            + self._limits(posed.axis_angle)
            + 0.5 * config.betas * (bodies.betas**2).sum(dim=1)
        )
        return energy

    def _world(self, landmarks: Tensor, world: Tensor, width: float) -> Tensor:
        centred = hip_centred(landmarks)
        factor = teacher_scale(centred.detach(), world)
        apart = (centred - factor * world[..., :3]) / self.world_sigma
        return (robust((apart**2).sum(dim=-1), width) * world[..., 3]).sum(dim=1)

    def _limits(self, axis_angle: Tensor) -> Tensor:
        return 0.5 * (self._beyond(axis_angle) ** 2).sum(dim=(1, 2)) / self.config.limit_sigma**2

    def beyond_limits(self, axis_angle: Tensor) -> Tensor:
        """Radians beyond the joint limits, ``(N, 24, 3)`` -> ``(N,)``, summed over joints."""
        return self._beyond(axis_angle).sum(dim=(1, 2))

    def _beyond(self, axis_angle: Tensor) -> Tensor:
        angles = axis_angle[:, 1:22]
        return (self.low - angles).clamp_min(0) + (angles - self.high).clamp_min(0)


def _reprojection(projected: Tensor, labels: Tensor, sigma: Tensor, width: float) -> Tensor:
    apart = (projected - labels[..., :2]) / sigma[:, None, None]
    return (robust((apart**2).sum(dim=-1), width) * labels[..., 2]).sum(dim=1)
