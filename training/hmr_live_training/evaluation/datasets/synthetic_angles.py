"""Errors of the joint angles of synthetic people."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.evaluation.datasets.synthetic_people import GroundTruth, SyntheticRun
from hmr_live_training.evaluation.joint_angles import (
    ANGLE_COLUMNS,
    AngleColumns,
    angle_errors,
    angle_figures,
    straight_legs,
)
from hmr_live_training.evaluation.report import ResultRow

Mask = NDArray[np.bool_]

IN_PICTURE: Final = "Joint angles, segments in the picture"
EVERYONE: Final = "Joint angles, everyone"
#: The condition of people who stand, more or less.
STRAIGHT: Final = "knee flexion, both knees truly below 20 deg"


def synthetic_angle_rows(run: SyntheticRun, data_set: str, split: str) -> list[ResultRow]:
    """One row for each angle and estimator with a body.

    The pelvis's angles are against the camera that looks at the middle of the crop, as in the
    ground truth.
    """
    truth = run.truth
    errors = {
        name: angle_errors(predictions.rotmats, truth.rotmats)
        for name, predictions in run.predictions.items()
        if predictions.rotmats is not None
    }
    return [
        ResultRow(
            section,
            data_set,
            split,
            condition,
            name,
            angle_figures(np.where(counted, wrong[:, angle.columns], np.nan)),
        )
        for section, in_picture in ((IN_PICTURE, True), (EVERYONE, False))
        for condition, angle, counted in _conditions(truth, in_picture=in_picture)
        for name, wrong in errors.items()
    ]


def _conditions(truth: GroundTruth, *, in_picture: bool) -> list[tuple[str, AngleColumns, Mask]]:
    """Conditions with their angles and which of them ``(N, K)`` count."""
    conditions = []
    straight = straight_legs(truth.rotmats)[:, None]
    for angle in ANGLE_COLUMNS:
        counted = angle.in_picture(truth.in_picture | (not in_picture))
        conditions.append((angle.name, angle, counted))
        if angle.name == "knee flexion":
            conditions.append((STRAIGHT, angle, counted & straight))
    return conditions
