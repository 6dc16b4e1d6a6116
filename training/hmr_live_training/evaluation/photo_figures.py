"""From answers on the development photos to rows of figures."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.evaluation.answers import Answers
from hmr_live_training.evaluation.body_parts import LIMB_GROUPS, POINT_GROUPS
from hmr_live_training.evaluation.calibration import Origin, confidence_row
from hmr_live_training.evaluation.facing import views
from hmr_live_training.evaluation.geometries import GEOMETRIES
from hmr_live_training.evaluation.metrics import (
    hip_centred,
    pck_hits,
    point_errors,
    procrustes_aligned,
    swapped,
    torso_length,
)
from hmr_live_training.evaluation.photos import LIVE, PhotoAnswers, Reference
from hmr_live_training.evaluation.presence import missed
from hmr_live_training.evaluation.report import Row
from hmr_live_training.evaluation.statistics import (
    Figure,
    mean,
    percent,
    variance_ratio,
)
from hmr_live_training.landmarks import LSP_LIMBS_IN_LANDMARKS

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Figures = dict[str, Figure | None]

DATA_SET: Final = "LSPET"
SPLIT: Final = "development im08001-im09000"
#: Teacher points believed less than this are no reference.
_BELIEVED: Final = 0.3
_NEAR: Final = 0.2
_LIMBS: Final = list(LSP_LIMBS_IN_LANDMARKS)


def photo_rows(run: PhotoAnswers, limits: JointLimits | None) -> list[Row]:
    """All tables of the development photos."""
    names = list(dict.fromkeys(name for name, _ in run.answers))
    rows = []
    for geometry in (*GEOMETRIES, LIVE):
        for name in names:
            answers = run.answers.get((name, geometry))
            if answers is not None:
                figures = _crop_figures(answers, run.reference, live=geometry == LIVE)
                rows.append(_row("Crops", geometry, name, figures))
    for name in names:
        answers = run.answers[name, "upright"]
        parts = _parts(answers, run.reference)
        rows.append(_row("Joint by joint, PCK@0.2", "upright", name, parts))
    for view, chosen in _views(run.reference).items():
        for name in names:
            answers = run.answers[name, "upright"]
            figures = _sides(answers.joints_2d[chosen], run.reference.labels[chosen])
            rows.append(_row("Left and right", view, name, figures))
    for name in names:
        answers = run.answers[name, "upright"]
        figures = _against_teacher(answers, run.reference) | _limits(answers, limits)
        rows.append(_row("Against the teacher (agreement, not truth)", "upright", name, figures))
    for geometry in GEOMETRIES:
        rows += [_confidence(run.answers[n, geometry], run.reference, n, geometry) for n in names]
    return rows


def _row(section: str, condition: str, name: str, figures: Figures) -> Row:
    return Row(section, DATA_SET, SPLIT, condition, name, figures)


def _crop_figures(answers: Answers, reference: Reference, *, live: bool) -> Figures:
    """``found`` is the detector's share, or the whole program's; who was not found has no hits.

    Outside of the live row, figures are of those crops that there are.
    """
    kept = np.ones_like(answers.found) if live else answers.found
    predicted, labels = answers.joints_2d[kept], reference.labels[kept]
    figures: Figures = {
        "PCK12@0.2": percent(*pck_hits(predicted, labels)),
        "swapped": percent(*swapped(predicted, labels)),
        "found": percent(answers.found),
    }
    return figures if live else figures | missed(answers.score[kept])


def _parts(answers: Answers, reference: Reference) -> Figures:
    hits, counted = pck_hits(answers.joints_2d, reference.labels)
    figures = {name: percent(hits[:, k], counted[:, k]) for name, k in LIMB_GROUPS.items()}
    if reference.points is None:
        return figures
    measurable = counted.any(axis=1, keepdims=True)
    apart = np.linalg.norm(answers.points_2d - reference.points[..., :2], axis=-1)
    near: Mask = np.less(apart, _NEAR * torso_length(reference.labels)[:, None])
    sure = np.isfinite(apart) & measurable & (reference.points[..., 2] > _BELIEVED)
    valid: Mask = np.asarray(sure, np.bool_)
    return figures | {
        f"{name} (teacher)": percent(near[:, k], valid[:, k]) for name, k in POINT_GROUPS.items()
    }


def _views(reference: Reference) -> dict[str, NDArray[np.bool_]]:
    second = None if reference.world is None else reference.world[:, _LIMBS]
    return views(reference.labels, second)


def _sides(predicted: Array, labels: Array) -> Figures:
    return {
        "PCK12@0.2": percent(*pck_hits(predicted, labels)),
        "swapped": percent(*swapped(predicted, labels)),
    }


def _against_teacher(answers: Answers, reference: Reference) -> Figures:
    if reference.world is None:
        return {}
    whole = (reference.world[:, _LIMBS, 3] > _BELIEVED).all(axis=1)
    true = hip_centred(reference.world[whole][:, _LIMBS, :3])
    found = hip_centred(answers.joints_3d[whole])
    return {
        "MPJPE": mean(point_errors(found, true), "mm"),
        "PA-MPJPE": mean(point_errors(procrustes_aligned(found, true), true), "mm"),
        "variance of joints": variance_ratio(found, true),
    }


def _limits(answers: Answers, limits: JointLimits | None) -> Figures:
    if answers.rotmats is None or limits is None:
        return {}
    outside = limits.outside(axis_angle_from_matrix(answers.rotmats))
    return {"joints outside limits": percent(outside)}


def _confidence(answers: Answers, reference: Reference, name: str, geometry: str) -> Row:
    hits, counted = pck_hits(answers.joints_2d, reference.labels)
    counted &= answers.found[:, None]
    return confidence_row(answers, hits, counted, Origin(DATA_SET, SPLIT, geometry, name))
