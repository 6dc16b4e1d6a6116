"""Bodies whose truth is known, and what a photo's labels and a teacher would say of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from hmr_live_training.data.mocap import joint_limits
from hmr_live_training.data.teacher import TeacherLabels
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks, learned_corrections
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.rotations import matrix_from_axis_angle, sixd_from_matrix
from hmr_live_training.pseudo_gt.bank import PoseBank, turned_upright
from hmr_live_training.pseudo_gt.bodies import Bodies
from hmr_live_training.pseudo_gt.energy import FitEnergy, PosedBodies
from hmr_live_training.pseudo_gt.fit_config import FitConfig, Stage
from hmr_live_training.pseudo_gt.observations import Observations
from hmr_live_training.pseudo_gt.prior import PosePrior, learn_prior
from hmr_live_training.pseudo_gt.solver import Solver
from tests.training.cases import rest_body

#: Radians; sigma of the joints' angles.
SPREAD = 0.3
#: Pixels to the metre in the imagined photos.
SCALE = 80.0


def poses(count: int, seed: int) -> np.ndarray:
    angles = np.random.default_rng(seed).normal(0, SPREAD, (count, 24, 3))
    # Collars, spine, neck, hands and feet hardly move, as in motion capture.
    angles[:, [3, 6, 9, 10, 11, 12, 13, 14, 22, 23]] *= 0.2
    return angles.astype(np.float32)


@cache
def prior() -> PosePrior:
    return learn_prior(turned_upright(poses(600, 0)), 2)


def config(**changes: object) -> FitConfig:
    values = {"bank": 600, "searched": 150, "views": 30, "batch": 8, "calibration": 8}
    return FitConfig(**{**values, **changes})


def short_config(**changes: object) -> FitConfig:
    """Fits that are good enough to see an effect."""
    first = (Stage(20, learning_rate=0.08, robust=8.0, prior=0.5),)
    last = (Stage(40, learning_rate=0.05, robust=4.0, prior=0.15),)
    return config(first=first, last=last, **changes)


def quick_config(**changes: object) -> FitConfig:
    """For tests in which it does not matter how good a fit is."""
    stages = (Stage(4, learning_rate=0.05, robust=8.0, prior=0.5),)
    return config(first=stages, last=stages, **changes)


def solver(settings: FitConfig) -> Solver:
    body = BodyLandmarks(rest_body(), learned_corrections())
    drawn = poses(settings.bank, 0)
    energy = FitEnergy(body, prior(), joint_limits(drawn), settings)
    return Solver(energy, PoseBank(drawn, body, settings.searched, settings.views), settings)


def people(count: int, seed: int = 1) -> Bodies:
    """Standing people, turned up to 60 degrees, in the middle of photos of 224 pixels."""
    rng = np.random.default_rng(seed)
    rotmats = matrix_from_axis_angle(torch.from_numpy(poses(count, seed + 100)))
    heading = np.zeros((count, 3), np.float32)
    heading[:, 1] = rng.uniform(-np.pi / 3, np.pi / 3, count)
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    rotmats[:, 0] = facing @ matrix_from_axis_angle(torch.from_numpy(heading))
    betas = torch.from_numpy(rng.normal(0, 0.4, (count, 10)).astype(np.float32))
    camera = torch.tensor([SCALE, 112.0, 105.0]).repeat(count, 1)
    return Bodies(sixd_from_matrix(rotmats), betas, camera)


def seen_of(posed: PosedBodies, *, believed: float = 1.0) -> Observations:
    """Exact evidence; ``believed`` is the weight of everything that the teacher says."""
    count = len(posed.joints)
    weight = torch.full((count, NUM_BLAZEPOSE, 1), believed)
    labels = torch.cat([posed.projected[:, NUM_BLAZEPOSE:], torch.ones(count, 14, 1)], dim=2)
    points = torch.cat([posed.projected[:, :NUM_BLAZEPOSE], weight], dim=2)
    world = torch.cat([hip_centred(posed.landmarks[:, :NUM_BLAZEPOSE]), weight], dim=2)
    return Observations(*(part.detach().clone() for part in (labels, points, world)))


def teacher_of(seen: Observations) -> TeacherLabels:
    """A teacher that says what is in the observations and is sure of it."""
    count = len(seen.labels)
    points, world = np.zeros((count, 33, 2), np.float32), np.zeros((count, 33, 3), np.float32)
    points[:, list(BLAZEPOSE_POINTS)] = seen.points[..., :2].numpy()
    world[:, list(BLAZEPOSE_POINTS)] = seen.world[..., :3].numpy()
    sure = np.ones((count, 33), np.float32)
    return TeacherLabels(points, sure, world, np.zeros_like(sure), np.ones(count, np.float32))
