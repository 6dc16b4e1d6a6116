"""Drawn, dressed people in postures that are known, before cameras as people have them.

They stand, sit, squat and lunge, face every way and are 1.45 to 2 m tall.  The same people stand
before every camera.  :mod:`.posture_figures` says how well a network recovers them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import Image
from hmr_live_training.evaluation.datasets.studio import Studio, through_a_sensor, whole_frame
from hmr_live_training.synthetic.poses.archetypes import Posture
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.scene.scene import draw_light

Array = NDArray[np.floating[Any]]

#: Metres; statures are spread evenly between them.
SHORTEST: Final = 1.45
TALLEST: Final = 2.0
_SIZE: Final = 400
_FOCAL_AT_NEAREST: Final = 420.0
_NEAREST: Final = 2.6
_SEED: Final = 77
#: Stature is all but linear in the first beta; from secants it is right to the millimetre.
_STATURE_STEPS: Final = 2


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
DESK_VIEWS: Final = (Viewpoint(1.3, 1.15, 0), Viewpoint(2.0, 1.15, 0))
BENT_VIEWS: Final = (Viewpoint(2.6, 1.1, 0), Viewpoint(5.0, 1.8, 10))


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


def draw_people(
    studio: Studio, view: Viewpoint, pose: Pose, count: int, *, cut: bool = False
) -> Iterator[DrawnPerson]:
    """People of all headings and statures before a camera; ``cut``: all more or less face it."""
    camera = view.camera()
    frame, offsets = whole_frame(camera), flat_tpose_offsets(studio.body)
    for number in range(count):
        rng = np.random.default_rng([_SEED, number])
        betas = _betas(studio.body, rng, np.linspace(SHORTEST, TALLEST, count)[number * 7 % count])
        made = Posture()
        pose(rng, made)
        turn = (number % 5 - 2) / 16 if cut else number / 8
        heading = matrix_from_axis_angle(np.array([0, 2 * np.pi * turn, 0]))
        # A body rests with its legs a little bent; made poses count from straight ones.
        rotmats = onto_body(matrix_from_axis_angle(made.angles), offsets).astype(np.float32)
        rotmats[0] = heading @ rotmats[0]
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


def _betas(body: BodyModel, rng: np.random.Generator, tall: float) -> Array:
    """Shape of a person of any build who is so many metres tall."""
    betas = np.zeros(10, np.float32)
    betas[1:4] = rng.normal(0, 0.8, 3)
    for _ in range(_STATURE_STEPS):
        before = stature(body, betas)
        betas[0] += 1
        betas[0] += (tall - before) / (stature(body, betas) - before) - 1
    return betas


def stature(body: BodyModel, betas: Array) -> float:
    """Height of the standing body, metres."""
    straight = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    return float(np.ptp(body.forward(straight, betas).vertices[:, 1]))
