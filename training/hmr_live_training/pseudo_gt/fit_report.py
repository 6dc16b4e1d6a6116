"""Figures of the fits of a split."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hmr_live.body.rotations import angle_between
from hmr_live_training.data.lspet import Photos
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.data.teacher import TeacherLabels, teacher_confidence
from hmr_live_training.evaluation.metrics import (
    joint_distances,
    outside_limits,
    pck_hits,
    procrustes_aligned,
)
from hmr_live_training.landmarks import (
    BLAZEPOSE_POINTS,
    LIMBS,
    LSP_LIMBS,
    LSP_LIMBS_IN_BLAZEPOSE,
    NUM_BLAZEPOSE,
)
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.pseudo_gt.bodies import to_photo
from hmr_live_training.pseudo_gt.fits_file import Fits

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: The teacher's 3D points of a photo count from this mean confidence of the limb joints on.
_CONFIDENT = 0.5
#: BlazePose's points at the limbs of :data:`hmr_live_training.landmarks.LIMBS`.
_TEACHER_LIMBS = [BLAZEPOSE_POINTS[k] for k in LIMBS]


@torch.no_grad()
def fit_figures(
    fits: Fits, photos: Photos, teacher: TeacherLabels, body: BodyLandmarks, limits: JointLimits
) -> dict[str, float]:
    """Figures by name, for all photos and for those kept.

    ``body`` poses the landmarks; it gets the corrections that the fits were made with.
    """
    body.correction.copy_(torch.from_numpy(fits.correction))
    rotmats, betas = torch.from_numpy(fits.rotmats), torch.from_numpy(fits.betas)
    joints, landmarks = body(rotmats, betas)
    flat = to_photo(landmarks, joints[:, 0], torch.from_numpy(fits.camera)).numpy()
    clicked = flat[:, NUM_BLAZEPOSE : NUM_BLAZEPOSE + len(LSP_LIMBS)]
    hits, counted = pck_hits(clicked, photos.keypoints)
    confidence = teacher_confidence(teacher, photos.keypoints)[
        :, list(LSP_LIMBS_IN_BLAZEPOSE)
    ].mean(axis=1)
    judged = fits.kept & (confidence > _CONFIDENT)
    outside = outside_limits(fits.rotmats, limits)
    return {
        "photos": len(fits),
        "kept": int(fits.kept.sum()),
        "PCK12@0.2 of all, %": _share(hits, counted),
        "PCK12@0.2 of the kept, %": _share(hits[fits.kept], counted[fits.kept]),
        "mean residual of the kept, torsos": float(fits.residual[fits.kept].mean()),
        "photos with a confident teacher": int(judged.sum()),
        "PA-MPJPE to the teacher, mm": _to_teacher(
            landmarks.numpy()[judged], teacher.world[judged]
        ),
        "joints outside limits, %": 100 * float(outside[fits.kept].mean()),
        "spread of body rotations, degrees": rotation_spread(fits.rotmats[fits.kept, 1:22]),
    }


def rotation_spread(rotmats: Array) -> float:
    """Mean angle between rotations ``(N, J, 3, 3)`` and their mean, degrees."""
    u, _, vt = np.linalg.svd(rotmats.mean(axis=0))
    return float(np.rad2deg(angle_between(rotmats, np.broadcast_to(u @ vt, rotmats.shape))).mean())


def _share(hits: Mask, counted: Mask) -> float:
    return 100 * float(hits.sum() / max(counted.sum(), 1))


def _to_teacher(landmarks: Array, world: Array) -> float:
    if not len(world):
        return float("nan")
    true = world[:, _TEACHER_LIMBS]
    aligned = procrustes_aligned(landmarks[:, list(LIMBS)], true)
    return float(joint_distances(aligned, true).mean() * 1000)
