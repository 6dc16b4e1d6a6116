"""The development photos (LSPET im08001 to im09000) in every crop geometry and live.

All 2D is compared in the upright crop's coordinates, so that every geometry counts the same
photos and joints.
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
from hmr_live_training.evaluation.answers import Answers, gather, seen_from
from hmr_live_training.evaluation.estimators import (
    Estimate,
    Estimator,
    live_pipelines,
    to_crop,
    to_frame,
)
from hmr_live_training.evaluation.geometries import (
    GEOMETRIES,
    Looks,
    looks_at,
    nearest,
    second_look,
)
from hmr_live_training.evaluation.progress import Progress
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, LSP_LIMBS_IN_SMPL, NOSE

Array = NDArray[np.floating[Any]]

#: The whole path of the program: detector, the network's confirmation, a second look.
LIVE: Final = "live"
_SEED: Final = 11
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)


@dataclass(frozen=True)
class Reference:
    """What is known about the photos, in the upright crop's coordinates.

    Attributes
    ----------
    labels
        ``(N, 14, 3)`` clicked LSP joints in [-1, 1], visible flag.
    points
        ``(N, 27, 3)`` the teacher's points and how far they are believed; None without a teacher.
    world
        ``(N, 27, 4)`` the teacher's 3D in metres and the same weight.
    """

    labels: Array
    points: Array | None
    world: Array | None


@dataclass(frozen=True)
class PhotoAnswers:
    """What every estimator answered, by estimator and geometry."""

    reference: Reference
    answers: dict[tuple[str, str], Answers]


def run_photos(
    photos: Photos,
    estimators: Sequence[Estimator],
    detector: PersonDetector,
    *,
    teacher: TeacherLabels | None = None,
    step: int = 1,
) -> PhotoAnswers:
    """Run all estimators over every ``step``-th photo.

    Raises
    ------
    AssetError
        When the teacher's labels are of other photos.
    """
    if teacher is not None and len(teacher.flag) != len(photos):
        raise AssetError(
            "The teacher's labels are of other photos; run "
            "hmr_live_training.sampling.prepare again."
        )
    chosen = range(0, len(photos), step)
    collected: dict[tuple[str, str], list[Estimate | None]] = {}
    pipelines = live_pipelines(estimators, detector)
    labels, frames = [], []
    progress = Progress("photos", len(chosen))
    for index in chosen:
        image, keypoints = photos.image(index), photos.keypoints[index]
        looks = looks_at(image, keypoints, detector, generator(_SEED, index))
        upright = looks.crop_boxes["upright"]
        places = to_crop(looks.keypoints[:, :2].astype(np.float64), upright)
        labels.append(np.column_stack([places, keypoints[:, 2]]))
        frames.append((upright, looks.keypoints[0, :2] - keypoints[0, :2]))
        for estimator in estimators:
            found = _every_look(estimator, looks)
            if estimator.name in pipelines:
                found[LIVE] = _live(pipelines[estimator.name], looks)
            for geometry, estimate in found.items():
                collected.setdefault((estimator.name, geometry), []).append(estimate)
        progress.step()
    reference = _reference(np.stack(labels), frames, photos.keypoints[::step], teacher, step)
    return PhotoAnswers(reference, {key: gather(given) for key, given in collected.items()})


def _every_look(estimator: Estimator, looks: Looks) -> dict[str, Estimate | None]:
    crop_boxes = looks.crop_boxes
    found = estimator.estimate(looks.image, list(crop_boxes.values()))
    upright = crop_boxes["upright"]
    placed: dict[str, Estimate | None] = dict.fromkeys(GEOMETRIES)
    for (geometry, crop_box), estimate in zip(crop_boxes.items(), found, strict=True):
        placed[geometry] = seen_from(estimate, crop_box, upright)
        if geometry == "box":
            limbs, points = (
                to_frame(flat, crop_box) for flat in (estimate.joints_2d, estimate.points_2d)
            )
            again = second_look(limbs, points[NOSE])
            (closer,) = estimator.estimate(looks.image, [again])
            placed["again"] = seen_from(closer, again, upright)
    return placed


def _live(pipeline: Pipeline, looks: Looks) -> Estimate | None:
    """What the program shows of this person, if it shows them."""
    upright = looks.crop_boxes["upright"]
    bodies = pipeline.recover(looks.image)
    own = nearest(upright, [body.crop_box for body in bodies])
    return None if own is None else _as_estimate(bodies[own], upright)


def _as_estimate(body: BodyState, upright: CropBox) -> Estimate:
    """2D alone: the rest of a live answer is that of the other geometries."""
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
) -> Reference:
    """Bring the teacher's answers, which are in photo pixels, to the upright crops."""
    if teacher is None:
        return Reference(labels, None, None)
    kept = TeacherLabels(*(getattr(teacher, name)[::step] for name in vars(teacher)))
    believed, chosen = teacher_confidence(kept, keypoints), list(BLAZEPOSE_POINTS)
    flat, deep = [], []
    for (upright, moved), points, world in zip(frames, kept.points, kept.world, strict=True):
        flat.append(to_crop(points.astype(np.float64) + moved, upright))
        deep.append(rotate_to_crop(crop_matrix(upright), world.astype(np.float64)))
    weight_2d = believed * kept.visibility
    weight_3d = believed * (0.4 + 0.6 * kept.visibility)
    return Reference(
        labels,
        np.dstack([np.stack(flat), weight_2d])[:, chosen],
        np.dstack([np.stack(deep), weight_3d])[:, chosen],
    )
