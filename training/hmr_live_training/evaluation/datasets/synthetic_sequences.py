"""Synthetic video sequences with exact ground truth, through the live pipeline.

Held-out motion capture is rendered frame by frame: a dressed person moves on the spot in front of
a static camera.  Background, clothes, light and camera stay the same; sensor noise and compression
differ in every frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import Frame
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.data.mocap import load_sequences
from hmr_live_training.evaluation.datasets.studio import Studio, through_a_sensor, whole_frame
from hmr_live_training.evaluation.datasets.videos import (
    FORMS,
    PersonTrack,
    as_blocks,
    follow,
    in_blocks,
)
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.joint_angles import ANGLE_COLUMNS, angle_errors, angle_figures
from hmr_live_training.evaluation.metrics import (
    acceleration_errors,
    hip_centred,
    jitter,
    mpjpe,
    pa_mpjpe,
)
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, percent, ratio
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.scene.scene import draw_light

Array = NDArray[np.floating[Any]]

DATA_SET: Final = "synthetic video sequences"
SPLIT: Final = "held-out motion capture, 30 frames a second"
RATE: Final = 30.0
SEQUENCES: Final = 3
FRAMES: Final = 60
#: Side and focal length of the frame in pixels; metres to the person, and of the camera height.
_SIZE: Final = 400
_FOCAL: Final = 420.0
_DISTANCE: Final = 2.6
_HEIGHT: Final = 1.1
_PELVIS_HEIGHT: Final = 0.95
#: With this seed the backgrounds are a street and two halls.
_SEED: Final = 31
_MM_PER_FRAME2: Final = "mm/frame^2"
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)


@dataclass(frozen=True)
class SyntheticSequence:
    """A rendered video and its ground truth.

    Attributes
    ----------
    pictures
        The T frames as JPEG.
    joints
        ``(T, 12, 3)`` limb joints, metres, camera frame, hip-centred.
    rotmats
        ``(T, 24, 3, 3)`` relative rotations, joint 0 into the camera frame.
    focal
        Pixels.
    """

    pictures: list[NDArray[np.uint8]]
    joints: Array
    rotmats: Array
    focal: float

    def frames(self) -> Iterator[Frame]:
        """The frames in order, as a video source gives them."""
        for k, data in enumerate(self.pictures):
            yield Frame(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), k / RATE, k)


def draw_sequences(
    data: Path, *, count: int = SEQUENCES, frames: int = FRAMES
) -> list[SyntheticSequence]:
    """Render the middle of ``count`` held-out sequences, each from another side.

    Raises
    ------
    AssetError
        When motion capture, backgrounds or fabrics are missing.
    RenderError
        When the machine offers no OpenGL 3.3.
    """
    studio = Studio(data)
    sequences = [sequence.poses for sequence in load_sequences(data, held_out=True)]
    long = [s for s in sequences if len(s) >= frames] or [max(sequences, key=len)]
    progress = ProgressLog("rendering synthetic sequences", count)
    made = []
    for number, place in enumerate(np.linspace(0, len(long) - 1, count).round().astype(int)):
        sequence = long[int(place)]
        begin = (len(sequence) - min(frames, len(sequence))) // 2
        made.append(_render(studio, number, sequence[begin : begin + frames], number / count))
        progress.step()
    studio.close()
    return made


def _render(studio: Studio, number: int, poses: Array, turn: float) -> SyntheticSequence:
    """Sequence ``number`` of axis-angle poses ``(T, 24, 3)``, rotated by ``turn`` turns."""
    body = studio.body
    level, place = np.diag([1.0, -1.0, -1.0]), np.array([0.0, _HEIGHT, _DISTANCE])
    camera = PinholeCamera(level, place, _FOCAL, (_SIZE, _SIZE))
    view = whole_frame(camera)
    rng = np.random.default_rng([_SEED, number])
    background = studio.materials.background(rng)
    backdrop = view.backdrop(rng, background)
    light = draw_light(rng, background, np.array([0.0, -1.0, 0.0]))
    heading = matrix_from_axis_angle(np.array([0, 2 * math.pi * turn, 0]))
    captured = onto_body(matrix_from_axis_angle(poses), flat_tpose_offsets(body))
    rotmats = captured.astype(np.float32)
    rotmats[:, 0] = camera.rotation @ heading @ rotmats[:, 0]
    betas = np.clip(rng.normal(0, 1, 10), -2, 2).astype(np.float32)
    pelvis = body.rest_joints(betas)[0]
    transl = camera.from_world(np.array([0, _PELVIS_HEIGHT, 0])) - pelvis
    looks = int(rng.integers(2**31))
    pictures, joints = [], []
    for pose in rotmats:
        person = studio.dressed(looks, pose, betas, transl)
        drawn = studio.draw(person, light, backdrop, view)
        pictures.append(through_a_sensor(rng, drawn))
        joints.append(person.joints[_LIMBS])
    limbs = hip_centred(np.stack(joints).astype(np.float64))
    return SyntheticSequence(pictures, limbs, rotmats, _FOCAL)


def sequence_rows(
    sequences: list[SyntheticSequence], estimators: list[NetworkEstimator], detector: PersonDetector
) -> list[ResultRow]:
    """Errors of position, acceleration and joint angles of every network, raw and smoothed.

    Frames in which nobody was found do not count.  The bootstrap resamples blocks of half a second.
    """
    rows = []
    for estimator in estimators:
        tracks = [follow(s.frames(), estimator, detector, s.focal) for s in sequences]
        for form in FORMS:
            pairs = [(getattr(t, form), c.joints) for t, c in zip(tracks, sequences, strict=True)]
            figures = {
                "acceleration error": _pooled(
                    [acceleration_errors(*p) for p in pairs], _MM_PER_FRAME2
                ),
                "jitter": _pooled([jitter(found) for found, _ in pairs], _MM_PER_FRAME2),
                "true jitter": _pooled([jitter(true) for _, true in pairs], _MM_PER_FRAME2),
                "MPJPE": _pooled([mpjpe(*p) for p in pairs], "mm"),
                "PA-MPJPE": _pooled([_aligned_errors(*p) for p in pairs], "mm"),
                "frames with a person": percent(np.concatenate([t.seen for t in tracks])),
            }
            rows.append(ResultRow("Video", DATA_SET, SPLIT, form, estimator.name, figures))
            rows += _angle_rows(form, estimator.name, tracks, sequences)
    return rows


def _angle_rows(
    form: str, name: str, tracks: list[PersonTrack], sequences: list[SyntheticSequence]
) -> list[ResultRow]:
    errors = [
        angle_errors(t.rotmats[form], s.rotmats) for t, s in zip(tracks, sequences, strict=True)
    ]
    return [
        ResultRow(
            f"Joint angles, {form}",
            DATA_SET,
            SPLIT,
            angle.name,
            name,
            angle_figures(np.concatenate([as_blocks(e[:, angle.columns]) for e in errors])),
        )
        for angle in ANGLE_COLUMNS
    ]


def _aligned_errors(found: Array, true: Array) -> Array:
    """PA-MPJPE ``(T,)`` in millimetres; NaN where nobody was found."""
    errors = np.full(len(found), np.nan)
    seen = np.isfinite(found).all(axis=(1, 2))
    errors[seen] = pa_mpjpe(found[seen], true[seen])
    return errors


def _pooled(values: list[Array], unit: str) -> Figure | None:
    sums, numbers = zip(*(in_blocks(v) for v in values), strict=True)
    return ratio(np.concatenate(sums), np.concatenate(numbers), unit)
