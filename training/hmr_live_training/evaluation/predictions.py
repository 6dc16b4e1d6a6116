"""Estimates of many crops as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox
from hmr_live_training.evaluation.estimators import Estimate, to_crop, to_frame, with_points_2d
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
    clicks_2d
        As in :class:`.Estimate`; None for an estimator that has none.
    """

    found: NDArray[np.bool_]
    joints_2d: Array
    joints_3d: Array
    points_2d: Array
    score: Array
    confidence: Array
    rotmats: Array | None
    clicks_2d: Array | None


def stack_estimates(estimates: Sequence[Estimate | None]) -> Predictions:
    """Stack estimates; None stands for nobody found."""
    count = len(estimates)
    joints_2d = np.full((count, _NUM_LIMBS, 2), np.nan)
    joints_3d = np.full((count, _NUM_LIMBS, 3), np.nan)
    points = np.full((count, NUM_BLAZEPOSE, 2), np.nan)
    score, confidence = np.zeros(count), np.zeros((count, _NUM_LIMBS))
    rotmats = np.full((count, 24, 3, 3), np.nan)
    clicks = np.full((count, _NUM_LIMBS, 2), np.nan)
    for k, one in enumerate(estimates):
        if one is None:
            continue
        joints_2d[k], joints_3d[k], points[k] = one.joints_2d, one.joints_3d, one.points_2d
        score[k], confidence[k] = one.score, one.confidence
        if one.output is not None:
            rotmats[k] = one.output.rotmats
        if one.clicks_2d is not None:
            clicks[k] = one.clicks_2d
    found = np.array([one is not None for one in estimates], bool)
    has_body = any(one is not None and one.output is not None for one in estimates)
    has_clicks = any(one is not None and one.clicks_2d is not None for one in estimates)
    return Predictions(
        found=found,
        joints_2d=joints_2d,
        joints_3d=joints_3d,
        points_2d=points,
        score=score,
        confidence=confidence,
        rotmats=rotmats if has_body else None,
        clicks_2d=clicks if has_clicks else None,
    )


def in_crop_of(estimate: Estimate, crop_box: CropBox, reference: CropBox) -> Estimate:
    """The same estimate with its 2D points in [-1, 1] across the crop of another box."""
    if crop_box == reference:
        return estimate
    return with_points_2d(estimate, lambda flat: to_crop(to_frame(flat, crop_box), reference))
