"""Pose prior: a mixture of Gaussians over the body's axis-angle pose, fitted by EM.

As in SMPLify, the energy of a pose is its negative log likelihood; where that is low, people
really move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.floating[Any]]

_ROUNDS: Final = 25
#: Radians; no direction of the pose space is narrower than this.
_FLOOR: Final = 0.05


@dataclass(frozen=True)
class Mixture:
    """K Gaussians in D dimensions.

    Attributes
    ----------
    log_weights
        ``(K,)``.
    means
        ``(K, D)``.
    precisions
        ``(K, D, D)`` lower triangular W with ``W^T W`` = inverse covariance.
    """

    log_weights: Array
    means: Array
    precisions: Array

    def log_densities(self, points: Array) -> Array:
        """``(N, D)`` -> ``(N, K)`` log of weight times density."""
        dimension = points.shape[1]
        columns = []
        for log_weight, mean, whiten in zip(
            self.log_weights, self.means, self.precisions, strict=True
        ):
            scaled = (points - mean) @ whiten.T
            log_scale = np.log(np.diagonal(whiten)).sum() - dimension / 2 * math.log(2 * math.pi)
            columns.append(log_weight + log_scale - (scaled**2).sum(axis=1) / 2)
        return np.stack(columns, axis=1)


def fit_mixture(points: Array, components: int, seed: int = 0) -> Mixture:
    """Expectation maximisation from randomly chosen means.

    Parameters
    ----------
    points
        ``(N, D)``, many more than ``D`` for each component.
    components
        Number of Gaussians.
    seed
        Of the choice of the first means.
    """
    points = points.astype(np.float64)
    rng = np.random.default_rng(seed)
    means = points[rng.choice(len(points), components, replace=False)]
    distance = (points**2).sum(axis=1)[:, None] - 2 * points @ means.T + (means**2).sum(axis=1)
    shares = np.eye(components)[distance.argmin(axis=1)]
    mixture = _maximise(points, shares)
    for _ in range(_ROUNDS):
        densities = mixture.log_densities(points)
        shares = np.exp(densities - np.logaddexp.reduce(densities, axis=1, keepdims=True))
        mixture = _maximise(points, shares)
    return mixture


def _maximise(points: Array, shares: Array) -> Mixture:
    dimension = points.shape[1]
    floor = _FLOOR**2 * np.eye(dimension)
    overall = np.cov(points.T)
    mass = shares.sum(axis=0)
    means, precisions = [], []
    for share, total in zip(shares.T, mass, strict=True):
        # A few imagined points of the whole distribution keep small components regular.
        mean = (share @ points + 1e-6 * points.mean(axis=0)) / (total + 1e-6)
        centred = points - mean
        scatter = (centred * share[:, None]).T @ centred + dimension * overall
        covariance = scatter / (total + dimension) + floor
        precisions.append(np.linalg.inv(np.linalg.cholesky(covariance)))
        means.append(mean)
    log_weights = np.log((mass + 1) / (mass + 1).sum())
    return Mixture(log_weights, np.stack(means), np.stack(precisions))


class PosePrior(nn.Module):
    """Negative log likelihood of body poses, relative to the best pose there is."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__()
        self.means: Tensor
        self.whiten: Tensor
        self.offsets: Tensor
        scale = np.log(np.diagonal(mixture.precisions, axis1=1, axis2=2)).sum(axis=1)
        offsets = mixture.log_weights + scale
        self.register_buffer("means", torch.from_numpy(mixture.means).float())
        self.register_buffer("whiten", torch.from_numpy(mixture.precisions).float())
        self.register_buffer("offsets", torch.from_numpy(offsets - offsets.max()).float())

    def forward(self, axis_angle: Tensor) -> Tensor:
        """``(N, J, 3)`` radians -> ``(N,)``."""
        pose = axis_angle.flatten(1)
        centred = pose[None] - self.means[:, None]
        scaled = centred @ self.whiten.transpose(1, 2)
        return -torch.logsumexp(self.offsets[:, None] - (scaled**2).sum(-1) / 2, dim=0)


def learn_prior(poses: Array, components: int, seed: int = 0) -> PosePrior:
    """Prior of the joints below the root from ``(N, 24, 3)`` axis-angle poses."""
    return PosePrior(fit_mixture(poses[:, 1:].reshape(len(poses), -1), components, seed))
