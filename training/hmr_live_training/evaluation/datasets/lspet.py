"""The development photos of LSPET (im08001 to im09000), in every crop geometry and live.

All 2D is compared in the coordinates of the upright crop, so that every crop geometry counts the
same photos and joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live.core.state import BodyState, CropBox
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.pipeline import Pipeline
from hmr_live_training.data.augment import generator
from hmr_live_training.data.crops import crop_matrix, rotate_to_crop
from hmr_live_training.data.lspet import Photos
from hmr_live_training.data.teacher import TeacherLabels, teacher_confidence
from hmr_live_training.evaluation.datasets.crop_geometries import (
    CROP_GEOMETRIES,
    CropViews,
    crop_views,
    nearest,
    refined_crop_box,
)
from hmr_live_training.evaluation.estimators import (
    Estimate,
    Estimator,
    live_pipelines,
    to_crop,
    to_frame,
)
from hmr_live_training.evaluation.predictions import Predictions, in_crop_of, stack_estimates
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, LSP_LIMBS_IN_SMPL, NOSE

Array = NDArray[np.floating[Any]]

#: The whole live pipeline: detector, confirmation by the network, second pass.
LIVE: Final = "live"
_SEED: Final = 11
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)


@dataclass(frozen=True)
class LspetReference:
    """Labels of N photos, in the coordinates of the upright crop.

    Attributes
    ----------
    labels
        ``(N, 14, 3)`` clicked LSP joints in [-1, 1], then a flag: labelled where > 0.
    points
        ``(N, 27, 3)`` the teacher's points and their confidence; None without a teacher.
    world
        ``(N, 27, 4)`` the teacher's 3D points in metres and their confidence; None without one.
    """

    labels: Array
    points: Array | None
    world: Array | None


@dataclass(frozen=True)
class LspetRun:
    """Labels, and the predictions of every estimator by its name and the crop geometry."""

    reference: LspetReference
    predictions: dict[tuple[str, str], Predictions]


def run_lspet(
    photos: Photos,
    estimators: Sequence[Estimator],
    detector: PersonDetector,
    *,
    teacher: TeacherLabels | None = None,
    step: int = 1,
) -> LspetRun:
    """Run all estimators on every ``step``-th photo.

    Raises
    ------
    AssetError
        When the teacher's labels belong to other photos.
    """
    if teacher is not None and len(teacher.flag) != len(photos):
        raise AssetError(
            "The teacher's labels belong to other photos; run "
            "hmr_live_training.sampling.prepare again."
        )
    chosen = range(0, len(photos), step)
    collected: dict[tuple[str, str], list[Estimate | None]] = {}
    pipelines = live_pipelines(estimators, detector)
    labels, frames = [], []
    progress = ProgressLog("LSPET photos", len(chosen))
    for index in chosen:
        image, keypoints = photos.image(index), photos.keypoints[index]
        views = crop_views(image, keypoints, detector, generator(_SEED, index))
        upright = views.crop_boxes["upright"]
        points = to_crop(views.keypoints[:, :2].astype(np.float64), upright)
        labels.append(np.column_stack([points, keypoints[:, 2]]))
        frames.append((upright, views.keypoints[0, :2] - keypoints[0, :2]))
        for estimator in estimators:
            found = _estimates(estimator, views)
            if estimator.name in pipelines:
                found[LIVE] = _live(pipelines[estimator.name], views)
            for crop_geometry, estimate in found.items():
                collected.setdefault((estimator.name, crop_geometry), []).append(estimate)
        progress.step()
    reference = _reference(np.stack(labels), frames, photos.keypoints[::step], teacher, step)
    return LspetRun(reference, {key: stack_estimates(given) for key, given in collected.items()})


def _estimates(estimator: Estimator, views: CropViews) -> dict[str, Estimate | None]:
    """Estimates by crop geometry, all in the upright crop."""
    crop_boxes = views.crop_boxes
    found = estimator.estimate(views.image, list(crop_boxes.values()))
    upright = crop_boxes["upright"]
    placed: dict[str, Estimate | None] = dict.fromkeys(CROP_GEOMETRIES)
    for (crop_geometry, crop_box), estimate in zip(crop_boxes.items(), found, strict=True):
        placed[crop_geometry] = in_crop_of(estimate, crop_box, upright)
        if crop_geometry == "box":
            limbs, points = (
                to_frame(flat, crop_box) for flat in (estimate.joints_2d, estimate.points_2d)
            )
            again = refined_crop_box(limbs, points[NOSE])
            (second,) = estimator.estimate(views.image, [again])
            placed["again"] = in_crop_of(second, again, upright)
    return placed


def _live(pipeline: Pipeline, views: CropViews) -> Estimate | None:
    """The labelled person as the live pipeline shows them; None if it does not."""
    upright = views.crop_boxes["upright"]
    bodies = pipeline.recover(views.image)
    own = nearest(upright, [body.crop_box for body in bodies])
    return None if own is None else _as_estimate(bodies[own], upright)


def _as_estimate(body: BodyState, upright: CropBox) -> Estimate:
    """The 2D of a live body; everything else is measured in the other crop geometries."""
    return Estimate(
        joints_2d=to_crop(body.joints_2d[_LIMBS].astype(np.float64), upright),
        joints_3d=body.joints[_LIMBS],
        points_2d=np.full((len(BLAZEPOSE_POINTS), 2), np.nan),
        score=body.score,
        confidence=body.confidence[_LIMBS],
    )


def _reference(
    labels: Array,
    frames: list[tuple[CropBox, Array]],
    keypoints: Array,
    teacher: TeacherLabels | None,
    step: int,
) -> LspetReference:
    """Bring the teacher's labels from photo pixels into the upright crops."""
    if teacher is None:
        return LspetReference(labels, None, None)
    kept = TeacherLabels(*(getattr(teacher, name)[::step] for name in vars(teacher)))
    confidence, chosen = teacher_confidence(kept, keypoints), list(BLAZEPOSE_POINTS)
    flat, deep = [], []
    for (upright, moved), points, world in zip(frames, kept.points, kept.world, strict=True):
        flat.append(to_crop(points.astype(np.float64) + moved, upright))
        deep.append(rotate_to_crop(crop_matrix(upright), world.astype(np.float64)))
    weight_2d = confidence * kept.visibility
    weight_3d = confidence * (0.4 + 0.6 * kept.visibility)
    return LspetReference(
        labels,
        np.dstack([np.stack(flat), weight_2d])[:, chosen],
        np.dstack([np.stack(deep), weight_3d])[:, chosen],
    )
