"""Figures of synthetic people."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import angle_between
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.evaluation.body_parts import LIMB_GROUPS, ROTATION_GROUPS
from hmr_live_training.evaluation.calibration import Origin, confidence_row, score_row
from hmr_live_training.evaluation.datasets.synthetic_angles import synthetic_angle_rows
from hmr_live_training.evaluation.datasets.synthetic_people import (
    TRUTH,
    GroundTruth,
    SurfaceErrors,
    SyntheticRun,
)
from hmr_live_training.evaluation.metrics import (
    hip_centred,
    mpjpe,
    outside_limits,
    pa_mpjpe,
    pck_hits,
    swapped,
)
from hmr_live_training.evaluation.predictions import Predictions
from hmr_live_training.evaluation.presence import false_negatives, false_positives
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import (
    Figure,
    mean,
    percent,
    ratio,
    square_root,
    variance_ratio,
)

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Figures = dict[str, Figure | None]

DATA_SET: Final = "synthetic people"
#: A person seen from behind: cosine between the forward axis of the pelvis and the viewing axis.
_AWAY: Final = 0.4
_VISIBLE: Final = 2


def synthetic_rows(run: SyntheticRun, limits: JointLimits | None, split: str) -> list[ResultRow]:
    """All tables of a split; joints outside their limits only with ``limits``."""
    rows: list[ResultRow] = []

    def add(section: str, condition: str, name: str, figures: Figures) -> None:
        rows.append(ResultRow(section, DATA_SET, split, condition, name, figures))

    truth = run.truth
    for condition, chosen in _groups(truth).items():
        for name, predictions in run.predictions.items():
            figures = _positions(predictions, truth, chosen) | _surface(
                run.surfaces.get(name), chosen
            )
            add("3D, surface, 2D", condition, name, figures)
        add("3D, surface, 2D", condition, TRUTH, _surface(run.surfaces[TRUTH], chosen))
    for condition, chosen in _views(truth).items():
        for name, predictions in run.predictions.items():
            add("Left and right", condition, name, _sides(predictions, truth, chosen))
    for name, predictions in run.predictions.items():
        hits, counted = _pck(predictions, truth)
        parts: Figures = {
            part: percent(hits[:, k], counted[:, k]) for part, k in LIMB_GROUPS.items()
        }
        add("Joint by joint, PCK@0.2", "in the picture", name, parts)
    for name, predictions in run.predictions.items():
        add(
            "Regression to the mean: predicted / true variance",
            "everyone",
            name,
            _variances(predictions, truth),
        )
    rows += synthetic_angle_rows(run, DATA_SET, split)
    if limits is not None:
        poses = {TRUTH: truth.rotmats} | {n: a.rotmats for n, a in run.predictions.items()}
        for name, rotmats in poses.items():
            if rotmats is not None:
                add("Joint limits", "everyone", name, _limits(rotmats, limits))
    for name, predictions in run.predictions.items():
        presence = false_negatives(predictions.score) | false_positives(run.person_free[name])
        add("Presence", "people and person-free crops", name, presence)
        origin = Origin(DATA_SET, split, "people and person-free crops", name)
        rows.append(score_row(predictions.score, run.person_free[name], origin))
        origin = Origin(DATA_SET, split, "joints in the picture", name)
        rows.append(confidence_row(predictions, *_pck(predictions, truth), origin))
    return rows


def _groups(truth: GroundTruth) -> dict[str, Mask]:
    whole: Mask = np.asarray((truth.labels[:, :12, 2] > 0).all(axis=1), np.bool_)
    return {"everyone": np.ones_like(whole), "all limbs in picture": whole, "cut off": ~whole}


def _views(truth: GroundTruth) -> dict[str, Mask]:
    """By the forward axis of the pelvis in the camera frame; with z > 0 the person faces away."""
    forward = truth.rotmats[:, 0, 2, 2]
    front: Mask = np.less(forward, -_AWAY)
    back: Mask = np.greater(forward, _AWAY)
    return {"front": front, "back": back, "side": ~(front | back)}


def _pck(predictions: Predictions, truth: GroundTruth) -> tuple[Mask, Mask]:
    return pck_hits(predictions.joints_2d, truth.labels, torso=truth.torso)


def _positions(predictions: Predictions, truth: GroundTruth, chosen: Mask) -> Figures:
    true, found = truth.joints[chosen], hip_centred(predictions.joints_3d[chosen])
    hits, counted = (x[chosen] for x in _pck(predictions, truth))
    visible = truth.labels[chosen, :12, 2] == _VISIBLE
    depth = ratio((found[..., 2] ** 2).sum(axis=1), (true[..., 2] ** 2).sum(axis=1))
    return {
        "MPJPE": mean(mpjpe(found, true), "mm"),
        "PA-MPJPE": mean(pa_mpjpe(found, true), "mm"),
        "depth, predicted / true": square_root(depth),
        "PCK visible": percent(hits, counted & visible),
        "PCK hidden": percent(hits, counted & ~visible),
    }


def _surface(surface: SurfaceErrors | None, chosen: Mask) -> Figures:
    if surface is None:
        return {}
    known = chosen & np.isfinite(surface.vertices)
    return {
        "PVE": mean(surface.vertices[known], "mm"),
        "IoU body": mean(surface.outline[chosen], "%", 100),
        "IoU mask": mean(surface.mask[chosen], "%", 100),
    }


def _sides(predictions: Predictions, truth: GroundTruth, chosen: Mask) -> Figures:
    exchanged, judged = swapped(predictions.joints_2d, truth.labels, torso=truth.torso)
    hits, counted = _pck(predictions, truth)
    figures: Figures = {
        "PCK12@0.2": percent(hits[chosen], counted[chosen]),
        "swapped": percent(exchanged[chosen], judged[chosen]),
    }
    if predictions.rotmats is not None:
        wrong = np.degrees(angle_between(predictions.rotmats[:, 0], truth.rotmats[:, 0]))[chosen]
        figures["orientation error"] = mean(wrong, "deg")
        figures["turned by over 90 deg"] = percent(wrong > 90)
    return figures


def _variances(predictions: Predictions, truth: GroundTruth) -> Figures:
    """Of hip-centred joints, and of the relative rotations of each group of joints."""
    figures = {"joints": variance_ratio(hip_centred(predictions.joints_3d), truth.joints)}
    if predictions.rotmats is not None:
        found = predictions.rotmats
        figures |= {
            f"rotations: {part}": variance_ratio(found[:, k], truth.rotmats[:, k])
            for part, k in ROTATION_GROUPS.items()
        }
    return figures


def _limits(rotmats: Array, limits: JointLimits) -> Figures:
    return {"joints outside limits": percent(outside_limits(rotmats, limits))}
