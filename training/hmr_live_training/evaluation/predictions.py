"""Estimates of many crops as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox
from hmr_live_training.evaluation.estimators import Estimate, to_crop, to_frame
from hmr_live_training.landmarks import LSP_LIMBS, NUM_BLAZEPOSE

Array = NDArray[np.floating[Any]]
_NUM_LIMBS = len(LSP_LIMBS)


@dataclass(frozen=True)
class Predictions:
    """Estimates of N crops; where nobody was found, joints are NaN, score and confidence 0.

    Attributes
    ----------
    found
        ``(N,)`` whether there is an estimate.
    joints_2d, joints_3d, points_2d, score, confidence
        As in :class:`.Estimate`, with the crop as the first dimension.
    rotmats
        ``(N, 24, 3, 3)``; None for an estimator without a body.
    """

    found: NDArray[np.bool_]
    joints_2d: Array
    joints_3d: Array
    points_2d: Array
    score: Array
    confidence: Array
    rotmats: Array | None


def stack_estimates(estimates: Sequence[Estimate | None]) -> Predictions:
    """Stack estimates; None stands for nobody found."""
    count = len(estimates)
    joints_2d = np.full((count, _NUM_LIMBS, 2), np.nan)
    joints_3d = np.full((count, _NUM_LIMBS, 3), np.nan)
    points = np.full((count, NUM_BLAZEPOSE, 2), np.nan)
    score, confidence = np.zeros(count), np.zeros((count, _NUM_LIMBS))
    rotmats = np.full((count, 24, 3, 3), np.nan)
    for k, one in enumerate(estimates):
        if one is None:
            continue
        joints_2d[k], joints_3d[k], points[k] = one.joints_2d, one.joints_3d, one.points_2d
        score[k], confidence[k] = one.score, one.confidence
        if one.output is not None:
            rotmats[k] = one.output.rotmats
    found = np.array([one is not None for one in estimates], bool)
    has_body = any(one is not None and one.output is not None for one in estimates)
    return Predictions(
        found, joints_2d, joints_3d, points, score, confidence, rotmats if has_body else None
    )


def in_crop_of(estimate: Estimate, crop_box: CropBox, reference: CropBox) -> Estimate:
    """The same estimate with its 2D points in [-1, 1] across the crop of another box."""
    if crop_box == reference:
        return estimate
    joints, points = (
        to_crop(to_frame(flat, crop_box), reference)
        for flat in (estimate.joints_2d, estimate.points_2d)
    )
    return replace(estimate, joints_2d=joints, points_2d=points)
