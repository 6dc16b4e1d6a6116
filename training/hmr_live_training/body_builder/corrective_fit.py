"""Pose correctives: for each joint the linear map from its rotation to vertex displacements.

Random rotations within the joint's range are played on the reference; ridge regression finds
the ``(9, 3 V)`` map from ``R - I`` to the displacements that linear skinning lacks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, MIRROR, NUM_JOINTS
from hmr_live_training.body_builder.reference_motion import ReferenceMotion
from hmr_live_training.body_builder.source import Floats, Ints

logger = logging.getLogger(__name__)

#: Axis-angle boxes in degrees (x, y, z); the right side mirrors the left.  Joints not named here
#: (feet, hands) get no correctives.
_RANGES = {
    "left_hip": ((-120, 45), (-45, 45), (-35, 50)),
    "left_knee": ((0, 140), (-15, 15), (-8, 8)),
    "left_ankle": ((-40, 50), (-25, 25), (-20, 20)),
    "spine1": ((-25, 50), (-30, 30), (-25, 25)),
    "spine2": ((-20, 40), (-30, 30), (-20, 20)),
    "spine3": ((-20, 30), (-30, 30), (-20, 20)),
    "neck": ((-35, 40), (-50, 50), (-30, 30)),
    "head": ((-30, 35), (-45, 45), (-25, 25)),
    "left_collar": ((-15, 15), (-25, 20), (-25, 30)),
    "left_shoulder": ((-70, 60), (-100, 45), (-95, 75)),
    "left_elbow": ((-70, 70), (-140, 8), (-25, 25)),
    "left_wrist": ((-70, 70), (-35, 35), (-65, 65)),
}
_SAMPLES = 80
_PROBES = 5
_RIDGE = 2e-2
_REACHED = 5e-4  # metres: vertices that a probe moves less are left out
_FADE_FROM, _FADE_OVER = 1e-3, 2e-3  # metres: small displacements fade out, so no edge shows
_SMALLEST = 3e-5
_SEED = 5


def fit_correctives(motion: ReferenceMotion, partners: Ints) -> Floats:
    """Fit ``posedirs``, ``(V, 3, 207)`` metres.

    Parameters
    ----------
    motion
        The reference.
    partners
        Mirror partner of each vertex, ``(V,)``.
    """
    posedirs = np.zeros((len(partners), 3, NUM_JOINTS - 1, 9))
    random = np.random.default_rng(_SEED)
    for name, box in _RANGES.items():
        joint = JOINT[name]
        samples = _play(motion, joint, np.array(box, float), random)
        fitted = _fit(name, samples)
        posedirs[samples.vertices, :, joint - 1] = fitted
        if MIRROR[joint] != joint:
            posedirs[:, :, MIRROR[joint] - 1] = _mirrored(posedirs[:, :, joint - 1], partners)
    posedirs[np.abs(posedirs) < _SMALLEST] = 0
    logger.info("pose correctives: %.1f %% are not zero", 100 * (posedirs != 0).mean())
    return posedirs.reshape(len(partners), 3, -1)


@dataclass(frozen=True)
class _Samples:
    """``features`` ``(S, 9)`` and ``displacements`` ``(S, n, 3)`` of n ``vertices``."""

    vertices: Ints
    features: Floats
    displacements: Floats


def _play(
    motion: ReferenceMotion, joint: int, box: Floats, random: np.random.Generator
) -> _Samples:
    everywhere = np.arange(motion.num_vertices)
    reach = np.zeros(motion.num_vertices)
    for _ in range(_PROBES):
        moved = motion.corrective(joint, _draw(box, random), everywhere)
        reach = np.maximum(reach, np.linalg.norm(moved, axis=1))
    vertices = np.flatnonzero(reach > _REACHED)
    rotations = [_draw(box, random) for _ in range(_SAMPLES)]
    return _Samples(
        vertices,
        np.array([(rotation - np.eye(3)).ravel() for rotation in rotations]),
        np.array([motion.corrective(joint, rotation, vertices) for rotation in rotations]),
    )


def _draw(box: Floats, random: np.random.Generator) -> Floats:
    """Draw a rotation; in three of ten some of its components are left out."""
    degrees = np.array([random.uniform(low, high) for low, high in box])
    if random.random() < 0.3:
        degrees *= random.random(3) < 0.4
    return np.asarray(matrix_from_axis_angle(np.deg2rad(degrees)))


def _fit(name: str, samples: _Samples) -> Floats:
    """Ridge regression, ``(n, 3, 9)``."""
    features, count = samples.features, len(samples.features)
    wanted = samples.displacements.reshape(count, -1)
    ridge = _RIDGE * count * np.mean(features**2) * np.eye(9)
    solution = np.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    before = np.linalg.norm(samples.displacements, axis=2)
    after = np.linalg.norm(
        (wanted - features @ solution).reshape(samples.displacements.shape), axis=2
    )
    active = before.max(axis=0) > 2e-3
    logger.info(
        "%-14s linear skinning to reference %4.1f mm -> %.1f mm on %d vertices",
        name,
        1e3 * before[:, active].mean(),
        1e3 * after[:, active].mean(),
        active.sum(),
    )
    fade = np.clip((before.max(axis=0) - _FADE_FROM) / _FADE_OVER, 0, 1)
    return np.asarray((solution.reshape(9, -1, 3) * fade[:, None]).transpose(1, 2, 0))


def _mirrored(posedirs: Floats, partners: Ints) -> Floats:
    """The other side's map, ``(V, 3, 9)``.

    A mirrored rotation is S R S with S = diag(-1, 1, 1): elements with exactly one x change sign.
    """
    sign = np.ones((3, 3))
    sign[0, 1:] = sign[1:, 0] = -1
    mirrored = posedirs[partners] * np.array([-1, 1, 1])[:, None] * sign.ravel()
    return np.asarray(mirrored)
