"""Template and shape directions: mean and principal components of the population."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from hmr_live.body.skeleton import NUM_BETAS
from hmr_live_training.body_builder.mesh_tools import vertex_areas
from hmr_live_training.body_builder.population import Population
from hmr_live_training.body_builder.source import Floats, Ints

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShapeSpace:
    """``mean`` ``(V, 3)`` and ``directions`` ``(V, 3, 10)`` metres for one standard deviation."""

    mean: Floats
    directions: Floats


def principal_shapes(population: Population, faces: Ints) -> ShapeSpace:
    """Find the ten directions of most variation, ordered and signed as users of SMPL expect.

    beta 0 grows with stature, beta 1 is the one of the next three that follows weight most and
    grows as weight falls, the others grow from female to male.
    """
    people = population.vertices
    size, count, _ = people.shape
    mean = people.mean(axis=0)
    centred = (people - mean).reshape(size, -1)
    # Weighted by area: the face has many vertices, and must not outvote the trunk.
    area = vertex_areas(mean, faces)
    area = np.repeat(area / area.mean(), 3).astype(np.float32)
    covariance = ((centred * area) @ centred.T).astype(np.float64) / (size - 1)
    variances, vectors = np.linalg.eigh(covariance)
    largest = np.argsort(-variances)[:NUM_BETAS]
    scores = vectors[:, largest] * np.sqrt(size - 1)
    directions = centred.T @ vectors[:, largest] / np.sqrt(size - 1)
    explained = variances[largest].sum() / variances.sum()

    order = _weight_second(scores, population.weight)
    scores, directions = scores[:, order], directions[:, order]
    directions = directions * _signs(scores, population)
    logger.info("10 shape directions explain %.1f %% of the variance", 100 * explained)
    return ShapeSpace(mean, directions.reshape(count, 3, NUM_BETAS))


def _weight_second(scores: Floats, weight: Floats) -> list[int]:
    follows = [abs(np.corrcoef(scores[:, k], weight)[0, 1]) for k in (1, 2, 3)]
    second = 1 + int(np.argmax(follows))
    return [0, second, *(k for k in range(1, NUM_BETAS) if k != second)]


def _signs(scores: Floats, population: Population) -> Floats:
    wanted = [(population.stature, 1), (population.weight, -1)]
    wanted += [(population.gender, 1)] * (NUM_BETAS - 2)
    return np.array(
        [
            sign if np.corrcoef(scores[:, k], trait)[0, 1] >= 0 else -sign
            for k, (trait, sign) in enumerate(wanted)
        ]
    )
