"""Posture of real people: who stands straight in a photo, and clips of people before a webcam.

There is no truth in 3D but for one clip.  But whoever stands straight in a photo has nearly
straight knees, and who walks or eats before a level camera has the trunk upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.data.crops import content_rectangle, crop_box_from_lsp
from hmr_live_training.data.lspet import Photos, load_lspet, photo_number
from hmr_live_training.evaluation.datasets.lspet_figures import SPLIT
from hmr_live_training.evaluation.datasets.triangulated import (
    flexions,
    load_camera,
    load_limbs,
)
from hmr_live_training.evaluation.datasets.videos import as_blocks, follow, in_blocks, video_frames
from hmr_live_training.evaluation.estimators import Estimate, NetworkEstimator, to_crop
from hmr_live_training.evaluation.metrics import (
    hip_centred,
    mpjpe,
    pa_mpjpe,
    pck_hits,
    swapped,
)
from hmr_live_training.evaluation.predictions import Predictions, stack_estimates
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, mean, median, percent, ratio
from hmr_live_training.landmarks import LSP_NAMES

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Figures = dict[str, Figure | None]

#: Clips before a level camera, in the folder of the training data.
LEVEL_CLIPS: Final = ("intel_asl_walk.mkv", "intel_asl_eat.mkv")
#: The clip with truth, and the truth, there too.
TRUE_CLIP: Final = "pose2sim_balancing_cam1.mp4"
TRUTH: Final = Path("pose2sim_cam1_truth", "truth.npz")
#: Development photos, by their numbers, of people whose legs and trunk are straight: all 34 whose
#: clicks would allow it were looked at, and clicks alone also allow people who crouch.
STANDING: Final = (8063, 8406, 8446, 8496, 8739, 8759, 8764, 8768, 8779, 8920, 8989)
#: People who crouch, squat or sit towards the camera: what they show of their legs is as long.
CROUCHING: Final = (8055, 8213, 8470, 8662, 8774)
_PLACE: Final = {name: k for k, name in enumerate(LSP_NAMES)}
_HIPS: Final = [_PLACE["RHip"], _PLACE["LHip"]]
_SHOULDERS: Final = [_PLACE["RShoulder"], _PLACE["LShoulder"]]
_ANKLES: Final = [_PLACE["RAnkle"], _PLACE["LAnkle"]]
#: Knees bent by fewer degrees than this count as straight.
_STRAIGHT: Final = 20.0
_MM: Final = 1000.0
_TINY: Final = 1e-6


def chosen_photos(photos: Photos, numbers: Sequence[int]) -> NDArray[np.int64]:
    """Positions of the photos that have one of these numbers."""
    return np.flatnonzero(np.isin([photo_number(name) for name in photos.names], numbers))


def photo_rows(
    data: Path, estimators: Sequence[NetworkEstimator], *, step: int = 1
) -> list[ResultRow]:
    """Development photos, in the tracker's crop from the clicked joints.

    Knees are those of all the people who stand straight, and of those who crouch; exchanged sides
    and PCK those of every ``step``-th photo.
    """
    photos = load_lspet(data, "development")
    posed = {
        "who stand straight": chosen_photos(photos, STANDING),
        "who crouch or sit": chosen_photos(photos, CROUCHING),
    }
    every = np.arange(0, len(photos), step)
    chosen = np.unique(np.concatenate([*posed.values(), every]))
    progress = ProgressLog("LSPET photos", len(chosen))
    found: dict[str, list[Estimate]] = {e.name: [] for e in estimators}
    labels = []
    for index in chosen.tolist():
        picture, keypoints = unpadded(photos.image(index), photos.keypoints[index])
        box = crop_box_from_lsp(keypoints)
        points = to_crop(keypoints[:, :2].astype(np.float64), box)
        labels.append(np.column_stack([points, keypoints[:, 2]]))
        for estimator in estimators:
            found[estimator.name] += estimator.estimate(picture, [box])
        progress.step()
    clicked = np.stack(labels)
    rows = []
    for condition, kept, figures_of in (
        *((condition, kept, _knee_figures) for condition, kept in posed.items()),
        ("all", every, _side_figures),
    ):
        if not len(kept):
            continue
        for name, estimates in found.items():
            figures = figures_of(stack_estimates(estimates), clicked, np.isin(chosen, kept))
            rows.append(ResultRow("Posture", "LSPET", SPLIT, condition, name, figures))
    return rows


def unpadded(image: Image, keypoints: Array) -> tuple[Image, Array]:
    """A photo without its black padding, which no camera has, and the joints in it."""
    left, top, right, bottom = content_rectangle(image)
    moved = keypoints.copy()
    moved[:, :2] -= (left, top)
    return np.ascontiguousarray(image[top:bottom, left:right]), moved


def _knee_figures(found: Predictions, clicked: Array, kept: Mask) -> Figures:
    knees = flexions(found.joints_3d[kept])["knee"].mean(axis=1)
    figures: Figures = {
        "knees bent": mean(knees, "deg"),
        "legs over trunk, clicked": median(_legs_over_trunk(clicked[kept])),
        "SMPL's joints": median(_legs_over_trunk(found.joints_2d[kept])),
    }
    if found.clicks_2d is not None:
        figures["regressed"] = median(_legs_over_trunk(found.clicks_2d[kept]))
    return figures


def _side_figures(found: Predictions, clicked: Array, kept: Mask) -> Figures:
    labels = clicked[kept]
    figures: Figures = {
        "swapped": percent(*swapped(found.joints_2d[kept], labels)),
        "PCK12@0.2": percent(*pck_hits(found.joints_2d[kept], labels)),
    }
    if found.clicks_2d is not None:
        figures["PCK12@0.2, regressed"] = percent(*pck_hits(found.clicks_2d[kept], labels))
    return figures


def _legs_over_trunk(limbs: Array) -> Array:
    """Hip to ankle over hip to shoulder in the picture, of LSP's joints ``(N, >= 12, 2)``."""
    hips, ankles, shoulders = (limbs[:, k, :2].mean(axis=1) for k in (_HIPS, _ANKLES, _SHOULDERS))
    trunk = np.linalg.norm(shoulders - hips, axis=1)
    legs = np.linalg.norm(hips - ankles, axis=1)
    return np.asarray(legs / np.maximum(trunk, _TINY))[:, None]


def clip_rows(
    data: Path, estimators: Sequence[NetworkEstimator], detector: PersonDetector, *, step: int = 1
) -> list[ResultRow]:
    """Lean of the trunk and bend of the knees in clips before a level camera, frame by frame.

    The focal length is the program's assumption.  ``step`` > 1 takes the first ``1 / step``.
    """
    rows = []
    for name in LEVEL_CLIPS:
        for estimator in estimators:
            video = VideoFile(data / "videos" / name)
            track = follow(video_frames(video, step), estimator, detector)
            lean, knees = _trunk_pitch(track.raw), flexions(track.raw)["knee"].mean(axis=1)
            figures: Figures = {
                "frames with a person": percent(track.seen),
                "trunk from the vertical": _mean(np.abs(lean), "deg"),
                "trunk, bias": _mean(lean, "deg"),
                "knees bent": _mean(knees, "deg"),
            }
            rows.append(ResultRow("Posture", name, "level camera", "raw", estimator.name, figures))
    return rows


def true_clip_rows(
    data: Path, estimators: Sequence[NetworkEstimator], detector: PersonDetector
) -> list[ResultRow]:
    """3D errors on the clip with truth and its focal length, frame by frame, without filters."""
    true, focal = load_limbs(data / TRUTH), load_camera(data / TRUTH).focal_length
    known = hip_centred(true.astype(np.float64))
    knees = flexions(known)["knee"]
    straight = knees < _STRAIGHT
    rows = []
    for estimator in estimators:
        video = VideoFile(data / "videos" / TRUE_CLIP)
        track = follow(video_frames(video), estimator, detector, focal)
        found = track.raw
        apart = np.abs(found - known) * _MM
        bent = flexions(found)["knee"] - knees
        lean = _trunk_pitch(found) - _trunk_pitch(known)
        figures: Figures = {
            "frames with a person": percent(track.seen),
            "MPJPE": _mean(mpjpe(found, known), "mm"),
            "PA-MPJPE": _mean(_aligned_errors(found, known), "mm"),
            **{axis: median(as_blocks(apart[..., k]), "mm") for k, axis in enumerate("xyz")},
            "knees, mean error": _mean(np.abs(bent).mean(axis=1), "deg"),
            "straight knees, bias": median(as_blocks(np.where(straight, bent, np.nan)), "deg"),
            "bent knees, bias": median(as_blocks(np.where(straight, np.nan, bent)), "deg"),
            "trunk pitch, mean error": _mean(np.abs(lean), "deg"),
            "trunk pitch, bias": _mean(lean, "deg"),
        }
        rows.append(ResultRow("Posture", TRUE_CLIP, "triangulated", "raw", estimator.name, figures))
    return rows


def _trunk_pitch(limbs: Array) -> Array:
    """Degrees by which trunks lean away from the camera, limbs ``(T, 12, 3)``: ``(T,)``."""
    trunk = limbs[:, _SHOULDERS].mean(axis=1) - limbs[:, _HIPS].mean(axis=1)
    return np.asarray(np.degrees(np.arctan2(trunk[:, 2], -trunk[:, 1])))


def _aligned_errors(found: Array, known: Array) -> Array:
    """PA-MPJPE of each frame ``(T,)`` in mm; NaN where nobody was found."""
    errors = np.full(len(known), np.nan)
    seen = np.isfinite(found).all(axis=(1, 2))
    errors[seen] = pa_mpjpe(found[seen], known[seen])
    return errors


def _mean(values: Array, unit: str) -> Figure | None:
    """Mean of the finite values ``(T,)``; neighbouring frames are resampled together."""
    return ratio(*in_blocks(values), unit)
