"""Small films without pictures."""

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.motion.films import Answers, Film

FRAMES = 40


def marching(frames=FRAMES, rate=30.0):
    """Somebody upright who lifts one knee after the other, ``(T, 24, 3, 3)``, y up."""
    pose = np.zeros((frames, 24, 3), np.float32)
    swing = np.sin(2 * np.pi * np.arange(frames) / rate)
    for side, lift in (("left", np.maximum(swing, 0)), ("right", np.maximum(-swing, 0))):
        pose[:, JOINT[f"{side}_hip"], 0] = -0.8 * lift
        pose[:, JOINT[f"{side}_knee"], 0] = 1.2 * lift
    return matrix_from_axis_angle(pose)


def film(seed=0, noise=0.08, lost=()):
    """A film of a march before a level camera, and the answers of a network that errs."""
    rng = np.random.default_rng(seed)
    body = BodyModel.default()
    rotmats = marching()
    rotmats[:, 0] = np.diag([1.0, -1.0, -1.0]) @ rotmats[:, 0]
    betas = np.zeros(10, np.float32)
    transl = np.tile([0.1, 0.2, 3.0], (FRAMES, 1)).astype(np.float32) - body.rest_joints(betas)[0]
    wrong = rotmats @ matrix_from_axis_angle(
        rng.normal(0, noise, (FRAMES, 24, 3)).astype(np.float32)
    )
    answers = Answers(
        wrong,
        np.tile(betas, (FRAMES, 1)),
        transl + rng.normal(0, 0.02, transl.shape).astype(np.float32),
        np.full((FRAMES, 24), 0.8, np.float32),
    )
    for name in ("rotmats", "betas", "transl", "confidence"):
        getattr(answers, name)[list(lost)] = np.nan
    contacts = np.ones((FRAMES, 4), bool)
    up = np.array([0, -1, 0], np.float32)
    return Film(rotmats, betas, transl, contacts, up, 500.0, 448, "march", {"tiny": answers})
