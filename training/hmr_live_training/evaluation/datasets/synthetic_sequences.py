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

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import CropBox, Frame, Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.data.mocap import load_sequences
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
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.opengl.renderer import Light, PeopleRenderer
from hmr_live_training.synthetic.people.person import Dresser, Person
from hmr_live_training.synthetic.picture.view import CropView
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.scene.scene import draw_light
from hmr_live_training.synthetic.surface import BodySurface

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
_NOISE: Final = 4.0
_JPEG_QUALITY: Final = 80
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
    studio = _Studio(data)
    sequences = load_sequences(data, held_out=True)
    long = [s for s in sequences if len(s) >= frames] or [max(sequences, key=len)]
    progress = ProgressLog("rendering synthetic sequences", count)
    made = []
    for number, place in enumerate(np.linspace(0, len(long) - 1, count).round().astype(int)):
        sequence = long[int(place)]
        begin = (len(sequence) - min(frames, len(sequence))) // 2
        made.append(studio.render(number, sequence[begin : begin + frames], number / count))
        progress.step()
    studio.close()
    return made


class _Studio:
    """Renders sequences of one person each."""

    def __init__(self, data: Path) -> None:
        self._body = BodyModel.default()
        surface = BodySurface(self._body)
        self._materials = Materials(data, "test")
        # Figures of this set stay comparable only while its people stay the same.
        self._dresser = Dresser(surface, self._materials, makehuman_share=0)
        self._offsets = flat_tpose_offsets(self._body)
        self._renderer = PeopleRenderer()
        level = np.diag([1.0, -1.0, -1.0])
        place = np.array([0.0, _HEIGHT, _DISTANCE])
        self._camera = PinholeCamera(level, place, _FOCAL, (_SIZE, _SIZE))
        crop_box = CropBox(_SIZE / 2, _SIZE / 2, _SIZE)
        self._view = CropView.of(self._camera, crop_box, _SIZE)

    def close(self) -> None:
        self._renderer.close()

    def render(self, number: int, poses: Array, turn: float) -> SyntheticSequence:
        """Sequence ``number`` of axis-angle poses ``(T, 24, 3)``, rotated by ``turn`` turns."""
        rng = np.random.default_rng([_SEED, number])
        background = self._materials.background(rng)
        backdrop = self._view.backdrop(rng, background)
        light = draw_light(rng, background, np.array([0.0, -1.0, 0.0]))
        heading = matrix_from_axis_angle(np.array([0, 2 * math.pi * turn, 0]))
        rotmats = onto_body(matrix_from_axis_angle(poses), self._offsets).astype(np.float32)
        rotmats[:, 0] = self._camera.rotation @ heading @ rotmats[:, 0]
        betas = np.clip(rng.normal(0, 1, 10), -2, 2).astype(np.float32)
        pelvis = self._body.rest_joints(betas)[0]
        transl = self._camera.from_world(np.array([0, _PELVIS_HEIGHT, 0])) - pelvis
        looks = int(rng.integers(2**31))
        pictures, joints = [], []
        for pose in rotmats:
            person = self._dresser.person(
                np.random.default_rng(looks), pose, betas, transl.astype(np.float32)
            )
            pictures.append(_sensor(rng, self._drawn(person, light, backdrop)))
            joints.append(person.joints[_LIMBS])
        limbs = hip_centred(np.stack(joints).astype(np.float64))
        return SyntheticSequence(pictures, limbs, rotmats, _FOCAL)

    def _drawn(self, person: Person, light: Light, backdrop: Image) -> Image:
        depth = float(person.joints[0, 2])
        layers = [self._dresser.layers(person)]
        drawn = self._renderer.draw(layers, light, self._view.intrinsics(), _SIZE, depth)
        behind = 1 - drawn.color[:, :, 3:].astype(np.float32) / 255
        mixed = backdrop * behind + drawn.color[:, :, :3]
        return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _sensor(rng: np.random.Generator, image: Image) -> NDArray[np.uint8]:
    noisy = np.clip(image + rng.normal(0, _NOISE, image.shape), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return np.asarray(cv2.imencode(".jpg", noisy, quality)[1], np.uint8).reshape(-1)


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
