"""Figures of the development photos of LSPET."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.evaluation.body_parts import LIMB_GROUPS, POINT_GROUPS
from hmr_live_training.evaluation.calibration import Origin, confidence_row
from hmr_live_training.evaluation.datasets.crop_geometries import CROP_GEOMETRIES
from hmr_live_training.evaluation.datasets.facing import views
from hmr_live_training.evaluation.datasets.lspet import LIVE, LspetReference, LspetRun
from hmr_live_training.evaluation.metrics import (
    hip_centred,
    mpjpe,
    outside_limits,
    pa_mpjpe,
    pck_hits,
    swapped,
    torso_length,
)
from hmr_live_training.evaluation.predictions import Predictions
from hmr_live_training.evaluation.presence import false_negatives
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, mean, percent, variance_ratio
from hmr_live_training.landmarks import LSP_LIMBS_IN_LANDMARKS

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Figures = dict[str, Figure | None]

DATA_SET: Final = "LSPET"
SPLIT: Final = "development im08001-im09000"
#: Teacher points of less confidence are no reference.
_CONFIDENT: Final = 0.3
_NEAR: Final = 0.2
_LIMBS: Final = list(LSP_LIMBS_IN_LANDMARKS)


def lspet_rows(run: LspetRun, limits: JointLimits | None) -> list[ResultRow]:
    """All tables of the development photos; joints outside their limits only with ``limits``."""
    names = list(dict.fromkeys(name for name, _ in run.predictions))
    rows = []
    for crop_geometry in (*CROP_GEOMETRIES, LIVE):
        for name in names:
            predictions = run.predictions.get((name, crop_geometry))
            if predictions is not None:
                live = crop_geometry == LIVE
                figures = _crop_figures(predictions, run.reference, live=live)
                rows.append(_row("Crops", crop_geometry, name, figures))
    for name in names:
        predictions = run.predictions[name, "upright"]
        parts = _parts(predictions, run.reference)
        rows.append(_row("Joint by joint, PCK@0.2", "upright", name, parts))
    for view, chosen in _views(run.reference).items():
        for name in names:
            predictions = run.predictions[name, "upright"]
            figures = _sides(predictions.joints_2d[chosen], run.reference.labels[chosen])
            rows.append(_row("Left and right", view, name, figures))
    for name in names:
        predictions = run.predictions[name, "upright"]
        figures = _against_teacher(predictions, run.reference) | _limits(predictions, limits)
        rows.append(_row("Against the teacher (agreement, not truth)", "upright", name, figures))
    for crop_geometry in CROP_GEOMETRIES:
        for name in names:
            predictions = run.predictions[name, crop_geometry]
            rows.append(_confidence(predictions, run.reference, name, crop_geometry))
    return rows


def _row(section: str, condition: str, name: str, figures: Figures) -> ResultRow:
    return ResultRow(section, DATA_SET, SPLIT, condition, name, figures)


def _crop_figures(predictions: Predictions, reference: LspetReference, *, live: bool) -> Figures:
    """PCK, swaps, and ``found``, the share of people whom detector or pipeline found.

    PCK is that of SMPL's joints and, regressed, that of what annotators click on the mesh.
    In the live row people who were not found count as misses; other rows leave them out.
    """
    kept = np.ones_like(predictions.found) if live else predictions.found
    predicted, labels = predictions.joints_2d[kept], reference.labels[kept]
    figures: Figures = {
        "PCK12@0.2": percent(*pck_hits(predicted, labels)),
        "swapped": percent(*swapped(predicted, labels)),
        "found": percent(predictions.found),
    }
    if predictions.clicks_2d is not None:
        clicked = pck_hits(predictions.clicks_2d[kept], labels)
        figures["PCK12@0.2, regressed"] = percent(*clicked)
    return figures if live else figures | false_negatives(predictions.score[kept])


def _parts(predictions: Predictions, reference: LspetReference) -> Figures:
    hits, counted = pck_hits(predictions.joints_2d, reference.labels)
    figures = {name: percent(hits[:, k], counted[:, k]) for name, k in LIMB_GROUPS.items()}
    if reference.points is None:
        return figures
    measurable = counted.any(axis=1, keepdims=True)
    apart = np.linalg.norm(predictions.points_2d - reference.points[..., :2], axis=-1)
    near: Mask = np.less(apart, _NEAR * torso_length(reference.labels)[:, None])
    sure = np.isfinite(apart) & measurable & (reference.points[..., 2] > _CONFIDENT)
    valid: Mask = np.asarray(sure, np.bool_)
    return figures | {
        f"{name} (teacher)": percent(near[:, k], valid[:, k]) for name, k in POINT_GROUPS.items()
    }


def _views(reference: LspetReference) -> dict[str, NDArray[np.bool_]]:
    second = None if reference.world is None else reference.world[:, _LIMBS]
    return views(reference.labels, second)


def _sides(predicted: Array, labels: Array) -> Figures:
    return {
        "PCK12@0.2": percent(*pck_hits(predicted, labels)),
        "swapped": percent(*swapped(predicted, labels)),
    }


def _against_teacher(predictions: Predictions, reference: LspetReference) -> Figures:
    if reference.world is None:
        return {}
    whole = (reference.world[:, _LIMBS, 3] > _CONFIDENT).all(axis=1)
    true = hip_centred(reference.world[whole][:, _LIMBS, :3])
    predicted = hip_centred(predictions.joints_3d[whole])
    return {
        "MPJPE": mean(mpjpe(predicted, true), "mm"),
        "PA-MPJPE": mean(pa_mpjpe(predicted, true), "mm"),
        "variance of joints": variance_ratio(predicted, true),
    }


def _limits(predictions: Predictions, limits: JointLimits | None) -> Figures:
    if predictions.rotmats is None or limits is None:
        return {}
    return {"joints outside limits": percent(outside_limits(predictions.rotmats, limits))}


def _confidence(
    predictions: Predictions, reference: LspetReference, name: str, crop_geometry: str
) -> ResultRow:
    hits, counted = pck_hits(predictions.joints_2d, reference.labels)
    counted &= predictions.found[:, None]
    origin = Origin(DATA_SET, SPLIT, crop_geometry, name)
    return confidence_row(predictions, hits, counted, origin)
