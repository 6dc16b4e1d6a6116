"""A video whose 3D joints are known from several cameras: included angles of the limbs.

The truth is an ``.npz`` file with ``joints_camera`` ``(T, K, 3)``, metres, camera frame, one entry
for each frame of the video, and ``joint_names`` ``(K,)``, among them the limb joints by their names
in :data:`.LSP_NAMES`.  An included angle lies between two segments at their common joint; the
error is that of the flexion, 180 degrees minus the included angle, so that positive means bent too
much.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmr_live.capture.sources import VideoFile
from hmr_live.core.errors import AssetError
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.evaluation.datasets.videos import FORMS, as_blocks, follow, video_frames
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.joint_angles import angle_figures
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.landmarks import LSP_LIMBS, LSP_NAMES

Array = NDArray[np.floating[Any]]

SPLIT: Final = "triangulated joints"
_LIMB_NAMES: Final = [LSP_NAMES[k] for k in LSP_LIMBS]
#: Joint in the middle, and the joints at the ends of its segments.
_CHAINS: Final = {
    "knee": ("Hip", "Knee", "Ankle"),
    "hip": ("Shoulder", "Hip", "Knee"),
    "elbow": ("Shoulder", "Elbow", "Wrist"),
}


def load_limbs(path: Path) -> Array:
    """Limb joints ``(T, 12, 3)`` in LSP's order, metres, camera frame.

    Raises
    ------
    AssetError
        When the file cannot be read or has no such joints.
    """
    try:
        with np.load(path) as data:
            names = data["joint_names"].tolist()
            return np.asarray(data["joints_camera"][:, [names.index(n) for n in _LIMB_NAMES]])
    except (OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise AssetError(
            f"There are no 3D limb joints in {path}; it needs joints_camera and joint_names."
        ) from error


class TrueCamera(NamedTuple):
    """The camera of a video with truth; None for what the file does not say.

    Attributes
    ----------
    focal_length
        Pixels.
    up
        ``(3,)`` unit vector against gravity, in the camera's frame.
    """

    focal_length: float | None
    up: Array | None


def load_camera(path: Path) -> TrueCamera:
    """Read the camera matrix ``K`` and the rotation ``R`` from a world whose z points up.

    Raises
    ------
    AssetError
        When the file cannot be read.
    """
    try:
        with np.load(path) as data:
            focal = float(data["K"][0, 0]) if "K" in data else None
            return TrueCamera(focal, np.asarray(data["R"][:, 2]) if "R" in data else None)
    except (OSError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise AssetError(f"{path} cannot be read as 3D truth of a video.") from error


def flexions(limbs: Array) -> dict[str, Array]:
    """180 degrees minus the included angles of knees, hips and elbows.

    Parameters
    ----------
    limbs
        ``(T, 12, 3)`` limb joints in LSP's order.

    Returns
    -------
    ``(T, 2)`` degrees by joint, right and left; NaN where a joint is.
    """
    angles = {}
    for name, chain in _CHAINS.items():
        first, middle, last = (
            limbs[:, [_LIMB_NAMES.index(side + joint) for side in "RL"]] for joint in chain
        )
        above, below = middle - first, last - middle
        sine = np.linalg.norm(np.cross(above, below), axis=-1)
        angles[name] = np.degrees(np.arctan2(sine, (above * below).sum(axis=-1)))
    return angles


def triangulated_rows(
    video: Path, truth: Path, estimators: Sequence[NetworkEstimator], detector: PersonDetector
) -> list[ResultRow]:
    """Errors of the included angles, raw and smoothed; blocks of 15 frames are resampled.

    Raises
    ------
    AssetError
        When the truth cannot be read or has another number of frames than the video.
    """
    limbs = load_limbs(truth)
    known = flexions(limbs)
    rows = []
    for estimator in estimators:
        track = follow(video_frames(VideoFile(video)), estimator, detector)
        if len(track.raw) != len(limbs):
            raise AssetError(
                f"{truth.name} has {len(limbs)} frames and {video.name} {len(track.raw)}; "
                "give one entry of joints_camera for each frame."
            )
        for form in FORMS:
            for joint, found in flexions(getattr(track, form)).items():
                figures = angle_figures(as_blocks(found - known[joint]))
                condition = f"{joint}, {form}"
                rows.append(
                    ResultRow(
                        "Included angles", video.name, SPLIT, condition, estimator.name, figures
                    )
                )
    return rows
