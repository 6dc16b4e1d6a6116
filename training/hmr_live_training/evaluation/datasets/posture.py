"""Posture in space: drawn, dressed people with exact truth before cameras as people have them.

An overlay that fits says little about depth: a leg shown at 0.985 of its length may be straight and
in perspective, or bent by 20 degrees.  So people whose posture is known are drawn and compared in
the frame's camera, whatever camera the network has for its crops.  The crop is the tracker's, from
the true joints, and the focal length is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Image
from hmr_live.recovery.crop import crop_box_from_joints
from hmr_live.recovery.crop_to_camera import CropToCamera
from hmr_live.recovery.frame_camera import project
from hmr_live_training.evaluation.datasets.studio import Studio, through_a_sensor, whole_frame
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, mean
from hmr_live_training.synthetic.poses.archetypes import Posture
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.scene.scene import draw_light

Array = NDArray[np.floating[Any]]

DATA_SET: Final = "drawn people"
SPLIT: Final = "test clothes and backgrounds"
#: People before each camera.
PEOPLE: Final = 24
_SIZE: Final = 400
_FOCAL_AT_NEAREST: Final = 420.0
_NEAREST: Final = 2.6
_SEED: Final = 77
_LEGS: Final = [
    (JOINT[f"{side}_hip"], JOINT[f"{side}_knee"], JOINT[f"{side}_ankle"])
    for side in ("left", "right")
]
_HIPS: Final = [JOINT["left_hip"], JOINT["right_hip"]]
_ANKLES: Final = [JOINT["left_ankle"], JOINT["right_ankle"]]
_SHOULDERS: Final = [JOINT["left_shoulder"], JOINT["right_shoulder"]]


@dataclass(frozen=True)
class Viewpoint:
    """A level or pitched camera: metres away, metres high, degrees down."""

    distance: float
    height: float
    down: float

    def __str__(self) -> str:
        """For the tables."""
        if not self.down:
            return f"level, {self.distance:g} m"
        return f"{abs(self.down):g} deg {'down' if self.down > 0 else 'up'}, {self.distance:g} m"

    def camera(self) -> PinholeCamera:
        """Farther cameras have longer lenses."""
        angle = np.radians(self.down)
        pitch = matrix_from_axis_angle(np.array([angle, 0.0, 0.0]))
        rotation = pitch @ np.diag([1.0, -1.0, -1.0])
        place = np.array([0.0, self.height, self.distance])
        focal = _FOCAL_AT_NEAREST * self.distance / _NEAREST
        return PinholeCamera(rotation, place, focal, (_SIZE, _SIZE))


STANDING_VIEWS: Final = (
    Viewpoint(2.6, 1.1, 0),
    Viewpoint(5.0, 1.1, 0),
    Viewpoint(12.0, 1.1, 0),
    Viewpoint(2.6, 1.8, 20),
    Viewpoint(5.0, 1.8, 10),
    Viewpoint(2.6, 0.6, -10),
)
_DESK_VIEWS: Final = (Viewpoint(1.3, 1.15, 0), Viewpoint(2.0, 1.15, 0))
_OTHER_VIEWS: Final = (Viewpoint(2.6, 1.1, 0), Viewpoint(5.0, 1.8, 10))


@dataclass(frozen=True)
class DrawnPerson:
    """A picture and the true body in its camera."""

    image: Image
    camera: PinholeCamera
    joints: Array
    stature: float


def standing(rng: np.random.Generator, body: Posture) -> None:
    """Straight legs, arms down."""
    _arms_down(rng, body)


def sitting(rng: np.random.Generator, body: Posture) -> None:
    """Upright on a chair, thighs level, shins upright."""
    _arms_down(rng, body)
    for left in (True, False):
        body.side(left, "hip", (-np.pi / 2, 0.1, 0))
        body.side(left, "knee", (np.pi / 2, 0, 0))


def squatting(rng: np.random.Generator, body: Posture) -> None:
    """Deep, the arms stretched forward."""
    bend = float(np.radians(rng.uniform(85, 120)))
    body.mid("pelvis", (0.5, 0, 0))
    for left in (True, False):
        body.side(left, "hip", (-bend, 0.25, 0.1))
        body.side(left, "knee", (bend, 0, 0))
        body.side(left, "ankle", (-0.35, 0, 0))
        body.side(left, "shoulder", (0, -1.3, -0.2))


def lunging(rng: np.random.Generator, body: Posture) -> None:
    """One knee bent by about a right angle, the other leg stretched back."""
    _arms_down(rng, body)
    front = bool(rng.random() < 0.5)
    body.side(front, "hip", (-1.4, 0, 0))
    body.side(front, "knee", (1.4, 0, 0))
    body.side(not front, "hip", (0.35, 0, 0))
    body.side(not front, "knee", (0.15, 0, 0))


def _arms_down(rng: np.random.Generator, body: Posture) -> None:
    for left in (True, False):
        body.side(left, "shoulder", (0, 0, -float(rng.uniform(1.0, 1.25))))


Pose = Callable[[np.random.Generator, Posture], None]


class _Scene(NamedTuple):
    """Postures before cameras; ``cut``: no picture below the hips."""

    name: str
    views: tuple[Viewpoint, ...]
    pose: Pose
    cut: bool = False


_SCENES: Final = (
    _Scene("standing", STANDING_VIEWS, standing),
    _Scene("cut at the hips", _DESK_VIEWS, standing, cut=True),
    _Scene("sitting", _OTHER_VIEWS, sitting),
    _Scene("squatting", _OTHER_VIEWS, squatting),
    _Scene("lunging", _OTHER_VIEWS, lunging),
)


def knee_bends(joints: Array) -> Array:
    """Degrees between thigh and shin, ``(2,)``."""
    bends = []
    for hip, knee, ankle in _LEGS:
        thigh, shin = joints[knee] - joints[hip], joints[ankle] - joints[knee]
        sine = float(np.linalg.norm(np.cross(thigh, shin)))
        bends.append(np.degrees(np.arctan2(sine, float(thigh @ shin))))
    return np.array(bends)


def pitch(joints: Array, upper: Sequence[int], lower: Sequence[int]) -> float:
    """Degrees by which a line leans away from the camera (y down, z forward)."""
    line = joints[list(upper)].mean(axis=0) - joints[list(lower)].mean(axis=0)
    return float(np.degrees(np.arctan2(line[2], -line[1])))


def trunk_pitch(joints: Array) -> float:
    """Degrees by which the trunk leans away from the camera."""
    return pitch(joints, _SHOULDERS, _HIPS)


def leg_pitch(joints: Array) -> float:
    """Degrees by which hips are farther away than ankles."""
    return pitch(joints, _HIPS, _ANKLES)


def draw_people(
    studio: Studio, view: Viewpoint, pose: Pose, count: int, *, cut: bool = False
) -> Iterator[DrawnPerson]:
    """People of all headings and statures before a camera; ``cut``: no picture below the hips."""
    camera = view.camera()
    frame, offsets = whole_frame(camera), flat_tpose_offsets(studio.body)
    for number in range(count):
        rng = np.random.default_rng([_SEED, number])
        betas = np.zeros(10)
        betas[0] = np.linspace(-2.6, 3, count)[(number * 7) % count]
        betas[1:4] = rng.normal(0, 0.8, 3)
        made = Posture()
        pose(rng, made)
        turn = (number % 5 - 2) / 16 if cut else number / 8
        heading = matrix_from_axis_angle(np.array([0, 2 * np.pi * turn, 0]))
        # A body rests with its legs a little bent; made poses count from straight ones.
        rotmats = onto_body(matrix_from_axis_angle(made.angles), offsets).astype(np.float32)
        rotmats[0] = heading @ rotmats[0]
        betas = betas.astype(np.float32)
        own = studio.body.joints(rotmats, betas)
        pelvis = studio.body.rest_joints(betas)[0]
        place = np.array([0.0, 0.06 - float(own[:, 1].min()), 0.0])
        rotmats[0] = camera.rotation @ rotmats[0]
        transl = camera.from_world(place + pelvis) - pelvis
        person = studio.dressed(int(rng.integers(2**31)), rotmats, betas, transl)
        background = studio.materials.background(rng)
        light = draw_light(rng, background, camera.rotation @ np.array([0.0, 1.0, 0.0]))
        image = studio.draw(person, light, frame.backdrop(rng, background), frame)
        image = np.asarray(cv2.imdecode(through_a_sensor(rng, image), cv2.IMREAD_COLOR), np.uint8)
        yield DrawnPerson(image, camera, person.joints, stature(studio.body, betas))


def stature(body: BodyModel, betas: Array) -> float:
    """Height of the standing body, metres."""
    straight = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    return float(np.ptp(body.forward(straight, betas).vertices[:, 1]))


class _Recovered:
    """A network's answer in the frame's camera."""

    def __init__(self, estimator: NetworkEstimator) -> None:
        self._network, self._body = estimator.network, estimator.reader.body

    def __call__(self, person: DrawnPerson, *, cut: bool) -> tuple[Array, float]:
        """Joints ``(24, 3)``, and the stature in metres."""
        size, focal = person.camera.size, person.camera.focal
        image, flat = person.image, project(person.joints, focal, size)
        if cut:
            hip, shoulder = flat[_HIPS].mean(axis=0), flat[_SHOULDERS].mean(axis=0)
            end = int(hip[1] + 0.1 * (hip[1] - shoulder[1]))
            image = _ended(image, end)
            flat = np.where(flat[:, 1:] > end, hip, flat)
        box = crop_box_from_joints(flat)
        (output,) = self._network.run(image, [box], focal)
        camera = CropToCamera(self._body, focal)
        found = camera.estimate(box, output, size).body
        joints = self._body.joints(found.rotmats, found.betas) + found.transl
        return joints.astype(np.float64), stature(self._body, found.betas)


def _ended(image: Image, row: int) -> Image:
    """The picture as if the frame ended at a row: what lies below repeats it."""
    ended = image.copy()
    ended[row:] = image[max(row - 1, 0)]
    return ended


def drawn_posture_rows(
    data: Path, estimators: Sequence[NetworkEstimator], *, step: int = 1
) -> list[ResultRow]:
    """Figures of all drawn people; ``step`` > 1 draws fewer."""
    studio = Studio(data)
    count = max(PEOPLE // step, 4)
    progress = ProgressLog("drawn people", sum(len(scene.views) for scene in _SCENES))
    rows = []
    for name, views, pose, cut in _SCENES:
        errors: dict[str, list[Array]] = {e.name: [] for e in estimators}
        for view in views:
            people = list(draw_people(studio, view, pose, count, cut=cut))
            for estimator in estimators:
                recovered = _Recovered(estimator)
                table = np.array([_errors(p, *recovered(p, cut=cut)) for p in people])
                errors[estimator.name].append(table)
                rows.append(_row(f"{name}, {view}", estimator.name, table))
            progress.step()
        for estimator in estimators:
            table = np.concatenate(errors[estimator.name])
            rows.append(_row(f"{name}, all cameras", estimator.name, table))
            if name == "standing":
                rows.append(_stature_row(estimator.name, table))
    studio.close()
    return rows


def _errors(person: DrawnPerson, joints: Array, tall: float) -> Array:
    """``(6,)``: knees and their truth, trunk and legs in degrees; stature and its truth."""
    return np.array(
        [
            np.abs(knee_bends(joints) - knee_bends(person.joints)).mean(),
            knee_bends(joints).mean() - knee_bends(person.joints).mean(),
            trunk_pitch(joints) - trunk_pitch(person.joints),
            leg_pitch(joints) - leg_pitch(person.joints),
            tall,
            person.stature,
        ]
    )


def _row(condition: str, name: str, table: Array) -> ResultRow:
    turned = (table[:, 2:4] + 180) % 360 - 180
    figures: dict[str, Figure | None] = {
        "knees, mean error": mean(table[:, 0], "deg"),
        "knees, bias": mean(table[:, 1], "deg"),
        "trunk pitch, mean error": mean(np.abs(turned[:, 0]), "deg"),
        "trunk pitch, bias": mean(turned[:, 0], "deg"),
        "leg pitch, mean error": mean(np.abs(turned[:, 1]), "deg"),
    }
    return ResultRow("Posture", DATA_SET, SPLIT, condition, name, figures)


def _stature_row(name: str, table: Array) -> ResultRow:
    found, true = table[:, 4], table[:, 5]
    together = float(np.corrcoef(found, true)[0, 1]) if found.std() > 0 else 0.0
    figures: dict[str, Figure | None] = {
        "correlation": Figure(together, together, together, len(table)),
        "mean error": mean(np.abs(found - true), "mm", 1000),
    }
    condition = "1.45 to 2 m, camera known"
    return ResultRow("Stature", DATA_SET, SPLIT, condition, name, figures)
