"""The iterative regressor (Kanazawa et al. 2018, section 3.2).

``Theta_{t+1} = Theta_t + dTheta(phi, Theta_t)``, T times from the mean.  Theta is 24 rotations in
6-D form, 10 betas and the weak-perspective camera: 157 numbers.

With ``feedback`` the error that is fed back is measured and not only implied: the body of
Theta_t is posed and projected, and how it misses the encoder's own 2D and 3D landmarks (one
linear layer on phi) enters the next step (:mod:`.landmark_feedback`).  This is the iterative error
feedback of Carreira et al. (CVPR 2016), which HMR took its iterations from; without it the
regressor is HMR's.  One step of Gauss-Newton may refine the result (:mod:`.gauss_newton`), and
joints may be projected onto their limits after it (:mod:`.joint_limits`); neither is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hmr_live_training.landmarks import NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.gauss_newton import GaussNewton
from hmr_live_training.models.joint_limits import JointLimitProjection
from hmr_live_training.models.landmark_feedback import (
    FEEDBACK_SIZE,
    Feedback,
    LandmarkObservation,
    Posed,
)
from hmr_live_training.models.rotations import cross, matrix_from_6d, sixd_from_matrix

POSE_SIZE: Final = 24 * 6
THETA_SIZE: Final = POSE_SIZE + 10 + 3


class Theta(NamedTuple):
    """Body parameters of N crops.

    Attributes
    ----------
    rotmats
        ``(N, 24, 3, 3)``.
    betas
        ``(N, 10)``.
    camera
        ``(N, 3)`` as (s, tx, ty).
    """

    rotmats: Tensor
    betas: Tensor
    camera: Tensor


def unpack(theta: Tensor) -> Theta:
    """``(N, 157)`` -> :class:`Theta`."""
    pose = theta[:, :POSE_SIZE].reshape(-1, 24, 6)
    return Theta(
        matrix_from_6d(pose), theta[:, POSE_SIZE : POSE_SIZE + 10], theta[:, POSE_SIZE + 10 :]
    )


def theta_of(body: Theta) -> Tensor:
    """Inverse of :func:`unpack`."""
    return torch.cat([sixd_from_matrix(body.rotmats).flatten(1), body.betas, body.camera], dim=1)


@dataclass(frozen=True)
class RegressorConfig:
    """Shape of the regressor.

    With ``perspective`` it is told the inverse focal length of the crop.
    """

    features: int = 1152
    hidden: int = 1024
    dropout: float = 0.05
    iterations: int = 3
    feedback: bool = True
    perspective: bool = False


class IterativeRegressor(nn.Module):
    """Two hidden layers of 1024 with dropout, applied ``iterations`` times.

    Parameters
    ----------
    config
        Sizes.
    body
        Poses the body for the feedback.
    mean_theta
        ``(157,)`` where the iteration starts.
    gauss_newton
        Refines the last iteration's Theta (:meth:`refine`).
    limit_projection
        Projects the refined pose onto the joint limits.
    """

    def __init__(
        self,
        config: RegressorConfig,
        body: BodyLandmarks,
        mean_theta: Tensor,
        gauss_newton: GaussNewton | None = None,
        limit_projection: JointLimitProjection | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.body = body
        self.mean_theta: Tensor
        self.feature_mean: Tensor
        self.feature_scale: Tensor
        self.register_buffer("mean_theta", mean_theta)
        self.register_buffer("feature_mean", torch.zeros(config.features))
        self.register_buffer("feature_scale", torch.ones(config.features))
        self.feedback = Feedback(body.moved_by.clone())
        self.gauss_newton, self.limit_projection = gauss_newton, limit_projection
        told = (FEEDBACK_SIZE if config.feedback else 0) + int(config.perspective)
        # One layer on [phi, Theta, error], split in two because phi's part never changes.
        self.hidden1_phi = nn.Linear(config.features, config.hidden)
        self.hidden1_theta = nn.Linear(THETA_SIZE + told, config.hidden, bias=False)
        self.hidden2 = nn.Linear(config.hidden, config.hidden)
        self.update = nn.Linear(config.hidden, THETA_SIZE)
        self.dropout = nn.Dropout(config.dropout)
        # Small first steps keep the start near the mean, where the losses are well behaved.
        nn.init.xavier_uniform_(self.update.weight, gain=0.01)
        nn.init.zeros_(self.update.bias)

    def set_normalisation(self, mean: Tensor, deviation: Tensor) -> None:
        """Statistics of the encoder's features over the training set."""
        self.feature_mean.copy_(mean)
        self.feature_scale.copy_(1 / (deviation + 1e-2))

    def normalise(self, features: Tensor) -> Tensor:
        """Features as the hidden layers see them, ``(N, D)``."""
        return (features - self.feature_mean) * self.feature_scale

    def forward(self, phi: Tensor, observed: LandmarkObservation | None = None) -> list[Tensor]:
        """Normalised features ``(N, D)`` -> Theta after each iteration, ``(N, 157)`` each."""
        theta = self.mean_theta.expand(phi.shape[0], -1)
        # One row for all crops: the body of the first iteration is a constant of the exported
        # graph then.
        posed = self.mean_theta[None]
        from_phi = self.hidden1_phi(phi)
        thetas = []
        for _ in range(self.config.iterations):
            inputs = theta
            if self.config.feedback:
                if observed is None:
                    raise ValueError("A regressor with feedback needs the encoder's landmarks.")
                inputs = torch.cat([theta, self._exact_error(posed, observed)], dim=1)
            if self.config.perspective and observed is not None:
                inputs = torch.cat([inputs, observed.perspective], dim=1)
            hidden = self.dropout(torch.relu(from_phi + self.hidden1_theta(inputs)))
            hidden = self.dropout(torch.relu(self.hidden2(hidden)))
            theta = posed = theta + self.update(hidden).float()
            thetas.append(theta)
        return thetas

    def _exact_error(self, theta: Tensor, observed: LandmarkObservation) -> Tensor:
        """The error in float32 also where layers run in bfloat16."""
        device = theta.device.type
        if not torch.is_autocast_enabled(device):
            return self.error(theta, observed)
        with torch.autocast(device, enabled=False):
            return self.error(theta, LandmarkObservation(*(part.float() for part in observed)))

    def error(self, theta: Tensor, observed: LandmarkObservation) -> Tensor:
        """How the body of Theta misses the observed landmarks, ``(N, FEEDBACK_SIZE)``."""
        error: Tensor = self.feedback(self._posed(theta), observed)
        return error

    def refine(self, theta: Tensor, observed: LandmarkObservation) -> Tensor:
        """Theta after Gauss-Newton and the projection onto joint limits, where there are any.

        Losses are taken of the unrefined Theta: a regressor that is trained through this step
        leaves more to it, in depth too, where a picture says little.
        """
        if self.gauss_newton is not None:
            turns, change = self.gauss_newton(self._posed(theta), observed)
            theta = theta + turned(theta, turns) + functional.pad(change, (THETA_SIZE - 3, 0))
        if self.limit_projection is not None:
            pose = self.limit_projection(unpack(theta).rotmats)
            theta = torch.cat([pose.flatten(1), theta[:, POSE_SIZE:]], dim=1)
        return theta

    def _posed(self, theta: Tensor) -> Posed:
        rotmats, betas, camera = unpack(theta)
        joints, frames, landmarks = self.body.pose(rotmats, betas)
        return Posed(joints, frames, landmarks[:, :NUM_BLAZEPOSE], camera)


def turned(theta: Tensor, turns: Tensor) -> Tensor:
    """Change of Theta ``(N, 157)`` when joints turn a little, ``(N, 24, 3)`` radians.

    Each column c of a rotation moves by ``w x c``; Gram-Schmidt makes a rotation of it again.
    """
    columns = theta[:, :POSE_SIZE].reshape(-1, 24, 3, 2).transpose(2, 3)
    moved = cross(turns[:, :, None], columns)
    flat = moved.transpose(2, 3).reshape(-1, POSE_SIZE)
    return torch.cat([flat, torch.zeros_like(theta[:, POSE_SIZE:])], dim=1)


def mean_theta(mean_pose: Tensor, pelvis: Tensor, scale: float = 0.8) -> Tensor:
    """Start of the iteration: mean pose, mean shape, pelvis in the crop's middle.

    Parameters
    ----------
    mean_pose
        ``(24, 6)`` from :func:`hmr_live_training.data.mocap.mean_pose_6d`.
    pelvis
        ``(3,)`` rest place of the pelvis, which global rotation leaves where it is.
    scale
        Crop halves a metre; 0.8 is a standing adult in the tracker's crop box.
    """
    camera = torch.tensor([scale, -float(pelvis[0]), -float(pelvis[1])])
    return torch.cat([mean_pose.reshape(-1), torch.zeros(10), camera])
