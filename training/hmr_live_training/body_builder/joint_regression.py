"""J_regressor: each joint as a weighted mean of a few dozen vertices, for every shape."""

from __future__ import annotations

import logging

import numpy as np
from scipy.optimize import nnls

from hmr_live.body.skeleton import JOINT, JOINT_NAMES, MIRROR, NUM_JOINTS
from hmr_live_training.body_builder.population import Population
from hmr_live_training.body_builder.source import Floats, Ints

logger = logging.getLogger(__name__)

_PEOPLE = 90
_SUM_TO_ONE = 10.0  # weight of that equation against residuals in metres
_RIDGE = 0.01  # spreads the weights over several vertices
_SMALLEST_SHARE = 2e-3
#: Joints deep in the trunk need vertices from farther away, so that they surround the joint.
_TRUNK = {
    JOINT[name]
    for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head", "left_hip", "right_hip",
                 "left_collar", "right_collar")
}  # fmt: skip


def fit_joint_regressor(population: Population, template: Floats, partners: Ints) -> Floats:
    """Fit non-negative weights that sum to 1, equal on both sides, ``(24, V)``.

    Parameters
    ----------
    population
        Vertices and joints of many shapes.
    template
        Mean vertices, ``(V, 3)``.
    partners
        Mirror partner of each vertex, ``(V,)``.
    """
    people = population.vertices[:_PEOPLE].astype(np.float64)
    joints = population.joints[:_PEOPLE]
    middle = population.joints.mean(axis=0)
    regressor: Floats = np.zeros((NUM_JOINTS, len(template)))
    for joint in range(NUM_JOINTS):
        chosen = _candidates(np.linalg.norm(template - middle[joint], axis=1), joint in _TRUNK)
        residual = people[:, chosen].transpose(0, 2, 1) - joints[:, joint, :, None]
        regressor[joint, chosen] = convex_weights(residual.reshape(-1, len(chosen)))
    regressor = _symmetric(regressor, partners)

    error = np.einsum("jv,nvd->njd", regressor, population.vertices) - population.joints
    worst = np.linalg.norm(error, axis=2).mean(axis=0)
    logger.info(
        "joint regressor: error over shapes %.1f mm, worst %s %.1f mm",
        1e3 * worst.mean(),
        JOINT_NAMES[int(worst.argmax())],
        1e3 * worst.max(),
    )
    return regressor


def convex_weights(residual: Floats) -> Floats:
    """Find w >= 0 with sum 1 that makes ``residual @ w`` small, ``(n, k)`` -> ``(k,)``."""
    count = residual.shape[1]
    equations = np.concatenate([residual, np.full((1, count), _SUM_TO_ONE), _RIDGE * np.eye(count)])
    wanted = np.concatenate([np.zeros(len(residual)), [_SUM_TO_ONE], np.zeros(count)])
    weights, _ = nnls(equations, wanted, maxiter=5000)
    weights[weights < _SMALLEST_SHARE * weights.max()] = 0
    return np.asarray(weights / weights.sum())


def _candidates(distances: Floats, in_trunk: bool) -> Ints:
    """The nearest vertices, and others drawn from the joint's wider surroundings."""
    near = np.argsort(distances)[: 4200 if in_trunk else 900]
    drawn = np.random.default_rng(1).choice(near, 420 if in_trunk else 260, replace=False)
    return np.unique(np.concatenate([near[:60], drawn]))


def _symmetric(regressor: Floats, partners: Ints) -> Floats:
    return np.asarray(0.5 * (regressor + regressor[list(MIRROR)][:, partners]))
