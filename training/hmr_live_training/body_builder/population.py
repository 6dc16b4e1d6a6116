"""A population of adults in the T-pose: the data from which the shape space is learnt."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from hmr_live.body.skeleton import MIRROR, NUM_JOINTS
from hmr_live_training.body_builder.joint_placement import place_joints
from hmr_live_training.body_builder.phenotype import Phenotype, PhenotypeSpace
from hmr_live_training.body_builder.skinning import linear_blend
from hmr_live_training.body_builder.source import Floats, Ints, MakeHumanSource
from hmr_live_training.body_builder.surface import SkinSurface
from hmr_live_training.body_builder.tpose import tpose

logger = logging.getLogger(__name__)

_FLIP_X = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True)
class Population:
    """S people, pelvis at the origin, T-pose; each averaged with their own mirror image.

    Attributes
    ----------
    vertices
        As sampled, ``(S, V, 3)`` float32; averaged with the mirror image.
    joints
        Likewise, ``(S, 24, 3)``.
    gender, stature, weight, muscle
        ``(S,)`` each; stature in metres, the others as slider positions.
    """

    vertices: Floats
    joints: Floats
    gender: Floats
    stature: Floats
    weight: Floats
    muscle: Floats


def sample_population(
    source: MakeHumanSource,
    space: PhenotypeSpace,
    surface: SkinSurface,
    partners: Ints,
    size: int,
    seed: int = 0,
) -> Population:
    """Draw people and bring each into the T-pose.

    Parameters
    ----------
    source, space, surface
        The source, its sliders and the skin.
    partners
        Mirror partner of each vertex, ``(V,)``.
    size, seed
        How many people, and the random seed.
    """
    random = np.random.default_rng(seed)
    rig, chosen = source.rig, surface.source_vertices
    weights = rig.weights[chosen]
    vertices: Floats = np.zeros((size, len(chosen), 3), np.float32)
    joints: Floats = np.zeros((size, NUM_JOINTS, 3))
    traits = np.zeros((size, 4))
    for person in range(size):
        phenotype, stature = _draw_adult(random)
        shape = space.shape_with_stature(phenotype, stature)
        pose = tpose(rig, shape)
        skin = linear_blend(shape[chosen], weights, pose.rotations, pose.translations)
        placed = place_joints(rig, pose.heads)
        vertices[person], joints[person] = skin - placed[0], placed - placed[0]
        traits[person] = phenotype.gender, stature, phenotype.weight, phenotype.muscle
    # Two sides that differ would teach the shape space to lean.
    vertices = 0.5 * (vertices + vertices[:, partners] * _FLIP_X)
    joints = 0.5 * (joints + joints[:, list(MIRROR)] * _FLIP_X)
    logger.info("%d people, stature %.3f +- %.3f m", size, traits[:, 1].mean(), traits[:, 1].std())
    return Population(vertices, joints, *traits.T)


def _draw_adult(random: np.random.Generator) -> tuple[Phenotype, float]:
    """Sliders and stature; the order of the draws is part of the recipe."""
    gender = float(np.clip(random.beta(0.35, 0.35), 0, 1))
    muscle = float(np.clip(random.normal(0.52, 0.19), 0, 1))
    # Above 1 the heaviest target is extrapolated, less so on people without muscles.
    heaviest = 1.5 - 0.8 * max(0, 0.5 - muscle)
    phenotype = Phenotype(
        gender=gender,
        muscle=muscle,
        weight=float(np.clip(random.normal(0.74, 0.42), -0.05, heaviest)),
        age=float(np.clip(random.beta(1.2, 2.6), 0, 0.85)),
        proportions=float(np.clip(random.normal(0.55, 0.18), 0, 1)),
        races=tuple(random.dirichlet([1, 1, 1])),
        cup=float(np.clip(random.normal(0.5, 0.18), 0, 1)),
    )
    return phenotype, float(random.normal(1.635 + 0.135 * gender, 0.066))
