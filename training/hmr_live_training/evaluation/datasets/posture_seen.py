"""Posture of real people: who stands straight in a photo, and clips of people before a webcam.

There is no truth in 3D but for one clip.  But the knees of people whose legs and trunk are straight
and upright in the picture are nearly straight, and who walks or eats before a level camera has the
trunk upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.capture.sources import VideoFile
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.data.crops import content_rectangle, crop_box_from_lsp
from hmr_live_training.data.lspet import Photos, load_lspet
from hmr_live_training.evaluation.datasets.triangulated import flexions, load_limbs
from hmr_live_training.evaluation.datasets.videos import as_blocks, follow, video_frames
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.metrics import hip_centred, joint_distances, procrustes_aligned
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, mean, median, percent
from hmr_live_training.landmarks import LSP_NAMES

Array = NDArray[np.floating[Any]]

#: Clips before a level camera, in the folder of the training data.
LEVEL_CLIPS: Final = ("intel_asl_walk.mkv", "intel_asl_eat.mkv")
#: The clip with truth, and the truth, there too.
TRUE_CLIP: Final = "pose2sim_balancing_cam1.mp4"
TRUTH: Final = Path("pose2sim_cam1_truth", "truth.npz")
#: Degrees of a limb from straight and upright in the picture.
_UPRIGHT: Final = 14.0
#: Clicked legs over the clicked trunk: shorter ones are drawn up or seen from above.
_LONG_LEGS: Final = 1.2
_PLACE: Final = {name: k for k, name in enumerate(LSP_NAMES)}
_HIPS: Final = [_PLACE["RHip"], _PLACE["LHip"]]
_SHOULDERS: Final = [_PLACE["RShoulder"], _PLACE["LShoulder"]]
#: 3D errors of more than this are no crouch but another person or a back for a front.
_MM: Final = 1000.0


def standing_photos(photos: Photos) -> NDArray[np.int64]:
    """Photos of people who stand straight: legs and trunk straight and upright as clicked."""
    points, labelled = photos.keypoints[..., :2].astype(float), photos.keypoints[..., 2] > 0
    hips, shoulders = points[:, _HIPS].mean(axis=1), points[:, _SHOULDERS].mean(axis=1)
    trunk = shoulders - hips
    chosen = labelled[:, :12].all(axis=1) & (_lean(trunk) < _UPRIGHT)
    for side in "RL":
        hip, knee, ankle = (points[:, _PLACE[side + n]] for n in ("Hip", "Knee", "Ankle"))
        leg = hip - ankle
        chosen &= (_lean(hip - knee) < _UPRIGHT) & (_lean(knee - ankle) < _UPRIGHT)
        chosen &= np.linalg.norm(leg, axis=1) > _LONG_LEGS * np.linalg.norm(trunk, axis=1)
    return np.flatnonzero(chosen)


def _lean(lines: Array) -> Array:
    """Degrees of picture lines ``(N, 2)`` from upright."""
    return np.asarray(np.degrees(np.abs(np.arctan2(lines[:, 0], -lines[:, 1]))))


def standing_photo_rows(
    data: Path, estimators: Sequence[NetworkEstimator], *, step: int = 1
) -> list[ResultRow]:
    """Knees of people who stand straight in development photos, and limb lengths as shown."""
    photos = load_lspet(data, "development")
    chosen = standing_photos(photos)[::step]
    rows = []
    for estimator in estimators:
        bends, shown = [], []
        for index in chosen.tolist():
            image, keypoints = photos.image(index), photos.keypoints[index].copy()
            left, top, right, bottom = content_rectangle(image)
            keypoints[:, :2] -= (left, top)
            picture = np.ascontiguousarray(image[top:bottom, left:right])
            (found,) = estimator.estimate(picture, [crop_box_from_lsp(keypoints)])
            bends.append(flexions(found.joints_3d[None].astype(float))["knee"].mean())
            shown.append(_leg_over_trunk(found.joints_2d))
        figures: dict[str, Figure | None] = {
            "knees bent": mean(np.array(bends), "deg"),
            "legs over trunk, shown": median(np.array(shown)[:, None]),
            "legs over trunk, clicked": median(
                np.array([_leg_over_trunk(photos.keypoints[k, :12, :2]) for k in chosen])[:, None]
            ),
        }
        rows.append(
            ResultRow(
                "Posture", "LSPET", "development", "who stand straight", estimator.name, figures
            )
        )
    return rows


def _leg_over_trunk(limbs: Array) -> float:
    """Hip to ankle over hip to shoulder in the picture, limbs ``(12, 2)`` in LSP's order."""
    trunk = limbs[_SHOULDERS].mean(axis=0) - limbs[_HIPS].mean(axis=0)
    ankles = limbs[[_PLACE["RAnkle"], _PLACE["LAnkle"]]].mean(axis=0)
    leg = limbs[_HIPS].mean(axis=0) - ankles
    return float(np.linalg.norm(leg) / max(float(np.linalg.norm(trunk)), 1e-6))


def clip_rows(
    data: Path, estimators: Sequence[NetworkEstimator], detector: PersonDetector, *, step: int = 1
) -> list[ResultRow]:
    """Lean of the trunk and bend of the knees in clips before a level camera, frame by frame."""
    rows = []
    for name in LEVEL_CLIPS:
        for estimator in estimators:
            track = follow(
                video_frames(VideoFile(data / "videos" / name), step), estimator, detector
            )
            limbs = track.raw[track.seen]
            trunk = limbs[:, _SHOULDERS].mean(axis=1) - limbs[:, _HIPS].mean(axis=1)
            lean = np.degrees(np.arctan2(trunk[:, 2], -trunk[:, 1]))
            figures: dict[str, Figure | None] = {
                "frames with a person": percent(track.seen),
                "trunk from the vertical": mean(np.abs(lean), "deg"),
                "trunk, bias": mean(lean, "deg"),
                "knees bent": mean(flexions(limbs)["knee"].mean(axis=1), "deg"),
            }
            rows.append(ResultRow("Posture", name, "level camera", "raw", estimator.name, figures))
    return rows


def true_clip_rows(
    data: Path, estimators: Sequence[NetworkEstimator], detector: PersonDetector
) -> list[ResultRow]:
    """3D errors on the clip with truth, frame by frame, the network alone."""
    true = load_limbs(data / TRUTH)
    rows = []
    for estimator in estimators:
        track = follow(video_frames(VideoFile(data / "videos" / TRUE_CLIP)), estimator, detector)
        seen = track.seen
        found, known = track.raw[seen], hip_centred(true[seen].astype(float))
        apart = np.abs(found - known) * _MM
        aligned = procrustes_aligned(found, known)
        knees = flexions(found)["knee"] - flexions(known)["knee"]
        straight = flexions(known)["knee"] < 20
        figures: dict[str, Figure | None] = {
            "MPJPE": _blocks(joint_distances(found, known).mean(axis=1) * _MM, "mm"),
            "PA-MPJPE": _blocks(joint_distances(aligned, known).mean(axis=1) * _MM, "mm"),
            "x": median(apart[..., 0], "mm"),
            "y": median(apart[..., 1], "mm"),
            "z": median(apart[..., 2], "mm"),
            "knees, mean error": mean(np.abs(knees).mean(axis=1), "deg"),
            "straight knees, bias": median(np.where(straight, knees, np.nan), "deg"),
            "bent knees, bias": median(np.where(straight, np.nan, knees), "deg"),
        }
        rows.append(ResultRow("Posture", TRUE_CLIP, "triangulated", "raw", estimator.name, figures))
    return rows


def _blocks(values: Array, unit: str) -> Figure | None:
    """Mean of frames ``(T,)`` whose neighbours are nearly equal."""
    blocks = as_blocks(values[:, None])
    return mean(np.nanmean(blocks, axis=1), unit)
