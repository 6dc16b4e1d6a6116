"""From answers on synthetic people to rows of figures."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import angle_between, axis_angle_from_matrix
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.evaluation.answers import Answers
from hmr_live_training.evaluation.body_parts import LIMB_GROUPS, ROTATION_GROUPS
from hmr_live_training.evaluation.calibration import Origin, confidence_row, score_row
from hmr_live_training.evaluation.metrics import (
    hip_centred,
    pck_hits,
    point_errors,
    procrustes_aligned,
    swapped,
)
from hmr_live_training.evaluation.presence import called_a_person, missed
from hmr_live_training.evaluation.report import Row
from hmr_live_training.evaluation.statistics import (
    Figure,
    mean,
    percent,
    ratio,
    square_root,
    variance_ratio,
)
from hmr_live_training.evaluation.synthetic import TRUTH, Surface, SyntheticAnswers, Truth

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Figures = dict[str, Figure | None]

DATA_SET: Final = "synthetic people"
#: Cosine between the pelvis's forward axis and the viewing axis from which a view is of the back.
_AWAY: Final = 0.4
_VISIBLE: Final = 2


def synthetic_rows(run: SyntheticAnswers, limits: JointLimits | None, split: str) -> list[Row]:
    """All tables of a split."""
    rows: list[Row] = []

    def add(section: str, condition: str, name: str, figures: Figures) -> None:
        rows.append(Row(section, DATA_SET, split, condition, name, figures))

    truth = run.truth
    for condition, chosen in _groups(truth).items():
        for name, answers in run.answers.items():
            figures = _positions(answers, truth, chosen) | _surface(run.surfaces.get(name), chosen)
            add("3D, surface, 2D", condition, name, figures)
        add("3D, surface, 2D", condition, TRUTH, _surface(run.surfaces[TRUTH], chosen))
    for condition, chosen in _views(truth).items():
        for name, answers in run.answers.items():
            add("Left and right", condition, name, _sides(answers, truth, chosen))
    for name, answers in run.answers.items():
        hits, counted = _pck(answers, truth)
        parts: Figures = {
            part: percent(hits[:, k], counted[:, k]) for part, k in LIMB_GROUPS.items()
        }
        add("Joint by joint, PCK@0.2", "in the picture", name, parts)
    for name, answers in run.answers.items():
        add("Lean to the mean: predicted / true variance", "everyone", name, _lean(answers, truth))
    if limits is not None:
        poses = {TRUTH: truth.rotmats} | {n: a.rotmats for n, a in run.answers.items()}
        for name, rotmats in poses.items():
            if rotmats is not None:
                add("Joint limits", "everyone", name, _limits(rotmats, limits))
    for name, answers in run.answers.items():
        presence = missed(answers.score) | called_a_person(run.nobody[name])
        add("Presence", "people and person-free crops", name, presence)
        origin = Origin(DATA_SET, split, "people and person-free crops", name)
        rows.append(score_row(answers.score, run.nobody[name], origin))
        origin = Origin(DATA_SET, split, "joints in the picture", name)
        rows.append(confidence_row(answers, *_pck(answers, truth), origin))
    return rows


def _groups(truth: Truth) -> dict[str, Mask]:
    whole: Mask = np.asarray((truth.labels[:, :12, 2] > 0).all(axis=1), np.bool_)
    return {"everyone": np.ones_like(whole), "all limbs in picture": whole, "cut off": ~whole}


def _views(truth: Truth) -> dict[str, Mask]:
    """The pelvis's forward axis in the camera: z > 0 looks away."""
    forward = truth.rotmats[:, 0, 2, 2]
    front: Mask = np.less(forward, -_AWAY)
    back: Mask = np.greater(forward, _AWAY)
    return {"front": front, "back": back, "side": ~(front | back)}


def _pck(answers: Answers, truth: Truth) -> tuple[Mask, Mask]:
    return pck_hits(answers.joints_2d, truth.labels, torso=truth.torso)


def _positions(answers: Answers, truth: Truth, chosen: Mask) -> Figures:
    true, found = truth.joints[chosen], hip_centred(answers.joints_3d[chosen])
    hits, counted = (x[chosen] for x in _pck(answers, truth))
    visible = truth.labels[chosen, :12, 2] == _VISIBLE
    depth = ratio((found[..., 2] ** 2).sum(axis=1), (true[..., 2] ** 2).sum(axis=1))
    return {
        "MPJPE": mean(point_errors(found, true), "mm"),
        "PA-MPJPE": mean(point_errors(procrustes_aligned(found, true), true), "mm"),
        "depth, predicted / true": square_root(depth),
        "PCK visible": percent(hits, counted & visible),
        "PCK hidden": percent(hits, counted & ~visible),
    }


def _surface(surface: Surface | None, chosen: Mask) -> Figures:
    if surface is None:
        return {}
    known = chosen & np.isfinite(surface.vertices)
    return {
        "PVE": mean(surface.vertices[known], "mm"),
        "IoU body": mean(surface.outline[chosen], "%", 100),
        "IoU mask": mean(surface.mask[chosen], "%", 100),
    }


def _sides(answers: Answers, truth: Truth, chosen: Mask) -> Figures:
    exchanged, judged = swapped(answers.joints_2d, truth.labels, torso=truth.torso)
    hits, counted = _pck(answers, truth)
    figures: Figures = {
        "PCK12@0.2": percent(hits[chosen], counted[chosen]),
        "swapped": percent(exchanged[chosen], judged[chosen]),
    }
    if answers.rotmats is not None:
        wrong = np.degrees(angle_between(answers.rotmats[:, 0], truth.rotmats[:, 0]))[chosen]
        figures["orientation error"] = mean(wrong, "deg")
        figures["turned by over 90 deg"] = percent(wrong > 90)
    return figures


def _lean(answers: Answers, truth: Truth) -> Figures:
    """Joints relative to the hips; rotations relative to the parent joint, group by group."""
    figures = {"joints": variance_ratio(hip_centred(answers.joints_3d), truth.joints)}
    if answers.rotmats is not None:
        found = answers.rotmats
        figures |= {
            f"rotations: {part}": variance_ratio(found[:, k], truth.rotmats[:, k])
            for part, k in ROTATION_GROUPS.items()
        }
    return figures


def _limits(rotmats: Array, limits: JointLimits) -> Figures:
    outside = limits.outside(axis_angle_from_matrix(rotmats))
    return {"joints outside limits": percent(outside)}
