"""Scenes: posed and dressed people, a camera, light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_BETAS
from hmr_live.core.state import Image
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.opengl.renderer import Light
from hmr_live_training.synthetic.people.person import Dresser, Person
from hmr_live_training.synthetic.poses.sampler import PoseSampler
from hmr_live_training.synthetic.scene.camera_sampling import (
    PinholeCamera,
    draw_camera,
    draw_cut,
    draw_eye_level,
    draw_webcam,
    in_frame,
)
from hmr_live_training.synthetic.scene_config import SyntheticConfig
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator

#: Softer lamps cast no visible shadow.
_SHADOWS_FROM: Final = 0.35
_CAMERA_DRAWS: Final = 12
#: A scene that shows fewer joints of the target than this is drawn again.
_FEWEST_JOINTS: Final = 9
_FEWEST_AT_DESK: Final = 6
#: Metres; no joint is nearer to the camera.
_NEAREST: Final = 0.16


@dataclass(frozen=True)
class SyntheticScene:
    """People in front of a camera.

    Attributes
    ----------
    camera
        Takes the frame.
    people
        The target first; in the camera's frame, or in that of the crop's (:meth:`turned`).
    up
        ``(3,)`` against gravity, in the people's frame.
    floor
        Metres along ``up`` from the camera to the floor (negative: below).
    desk
        Whether this is a person at a desk.
    """

    camera: PinholeCamera
    people: list[Person]
    up: Array
    floor: float
    desk: bool

    def turned(self, rotation: Array, body: BodyModel) -> SyntheticScene:
        """The same people and light for another camera at the same place.

        Parameters
        ----------
        rotation
            ``(3, 3)`` from this camera's frame to the other's.
        body
            The people's model.
        """
        people = [person.turned(rotation, body) for person in self.people]
        return replace(self, people=people, up=rotation @ self.up)


class SceneMaker:
    """Samples scenes of one split."""

    def __init__(
        self,
        data: Path | str,
        split: str,
        surface: BodySurface,
        materials: Materials,
        config: SyntheticConfig,
    ) -> None:
        self._config = config
        self._body = surface.body
        self._poses = PoseSampler(data, split, surface.body, config)
        self._dresser = Dresser(surface, materials, config.makehuman)

    def draw(self, rng: Generator) -> SyntheticScene:
        """A scene in which enough of the target is visible."""
        config = self._config
        desk = rng.random() < config.webcam
        rotmats, betas = self._poses.draw(rng, desk=desk), draw_betas(rng, config)
        rotmats[0] = _heading(rng, desk) @ rotmats[0]
        joints = self._body.joints(rotmats, betas)
        lift = _standing_height(joints)
        joints = joints + np.array([0, lift, 0])
        camera = self._camera(rng, joints, desk)
        people = [self._place(rng, rotmats, betas, np.array([0.0, lift, 0.0]), camera)]
        companions = int(rng.binomial(2, config.company))
        people += [self._companion(rng, camera, joints) for _ in range(companions)]
        up = camera.rotation @ np.array([0.0, 1.0, 0.0])
        return SyntheticScene(camera, people, up, -float(camera.position[1]), desk)

    def empty_camera(self, rng: Generator) -> PinholeCamera:
        """A camera for a picture without people."""
        return draw_camera(rng, np.array([0.0, 1.0, 0.0]), self._config)

    def _camera(self, rng: Generator, joints: Array, desk: bool) -> PinholeCamera:
        fewest = _FEWEST_AT_DESK if desk else _FEWEST_JOINTS
        eye_level = not desk and rng.random() < self._config.eye_level
        whole = not desk and not eye_level and rng.random() < self._config.whole
        cut = not desk and not whole and rng.random() < self._config.cut
        if whole:
            fewest = len(joints)
        best: PinholeCamera | None = None
        most = -1
        for _ in range(_CAMERA_DRAWS):
            if desk:
                camera = draw_webcam(rng, joints[JOINT["head"]], self._config)
            elif eye_level:
                camera = draw_eye_level(rng, joints[JOINT["head"]], self._config)
            else:
                camera = draw_camera(rng, joints.mean(axis=0), self._config)
            if cut:
                camera = draw_cut(rng, joints.mean(axis=0), camera, self._config)
            seen = camera.from_world(joints)
            count = int(in_frame(seen, camera).sum())
            headless = not in_frame(seen[[JOINT["head"]]], camera)[0]
            if desk and headless:
                count -= 6
            if eye_level and headless:
                # Too few whatever else is seen; negative means inside the person.
                count = max(count - 24, 0)
            if seen[:, 2].min() < _NEAREST:
                count -= 24
            if count > most or best is None:
                best, most = camera, count
            if most >= fewest:
                break
        assert best is not None  # _CAMERA_DRAWS is at least one
        if most < 0:
            # Every draw stood inside the person: step back from the best one.
            back = best.rotation[2] * (0.8 - camera.from_world(joints)[:, 2].min())
            best = PinholeCamera(best.rotation, best.position - back, best.focal, best.size)
        return best

    def _companion(self, rng: Generator, camera: PinholeCamera, joints: Array) -> Person:
        """A person beside, behind or sometimes in front of the target."""
        rotmats, betas = self._poses.draw(rng), draw_betas(rng, self._config)
        rotmats[0] = _heading(rng, desk=False) @ rotmats[0]
        own = self._body.joints(rotmats, betas)
        forward = camera.rotation[2] * (1, 0, 1)
        forward = forward / max(float(np.linalg.norm(forward)), 1e-6)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        distance = float(np.linalg.norm((joints.mean(axis=0) - camera.position) * (1, 0, 1)))
        deeper = float(rng.uniform(0.5, 3.0))
        if rng.random() < 0.25:
            deeper = -float(rng.uniform(0.3, 0.6)) * max(distance - 0.9, 0.0)
        aside = float(rng.choice([-1, 1]) * rng.uniform(0.45, 1.3) * (1 + max(deeper, 0) * 0.3))
        place = joints[0] * (1, 0, 1) + forward * deeper + right * aside
        place[1] += _standing_height(own)
        return self._place(rng, rotmats, betas, place, camera)

    def _place(
        self, rng: Generator, rotmats: Array, betas: Array, shift: Array, camera: PinholeCamera
    ) -> Person:
        """From world to camera frame; SMPL rotates the body about its resting pelvis."""
        pelvis = self._body.rest_joints(betas)[0]
        turned = rotmats.copy()
        turned[0] = camera.rotation @ rotmats[0]
        transl = camera.from_world(pelvis + shift) - pelvis
        return self._dresser.person(rng, turned, betas, np.asarray(transl, np.float32))


def draw_betas(rng: Generator, config: SyntheticConfig) -> Array:
    """Betas ``(10,)``: mostly normal, now and then uniform over the allowed cube."""
    limit = config.beta_limit
    if rng.random() < config.beta_uniform:
        betas = rng.uniform(-limit, limit, NUM_BETAS)
        # All ten at the edge give impossible bodies; the first three carry most of the shape.
        betas[3:] *= 0.5
    else:
        betas = rng.normal(0, config.beta_sigma, NUM_BETAS)
    return np.asarray(np.clip(betas, -limit, limit), np.float32)


def draw_light(rng: Generator, background: Image, up: Array) -> Light:
    """A lamp anywhere above, and a room whose colours are those of the background."""
    linear = (background[::8, ::8, ::-1].astype(np.float64) / 255) ** 2.2
    half = len(linear) // 2
    sky, floor = linear[:half].mean(axis=(0, 1)), linear[half:].mean(axis=(0, 1))
    brightness = float(np.clip(linear.mean() * 2.0, 0.14, 0.75)) * float(rng.uniform(0.7, 1.3))
    hardness = float(rng.beta(1.3, 1.6))
    lamp = np.array([1.0, 0.97, 0.93]) ** float(rng.normal(0.5, 1.5))
    return Light(
        direction=_lamp_direction(rng, up),
        lamp=lamp * brightness * (0.25 + 1.5 * hardness),
        sky=_muted(sky) * brightness * (1.25 - 0.8 * hardness),
        floor=_muted(floor) * brightness * (0.75 - 0.5 * hardness),
        up=up,
        shade=float(rng.uniform(0.5, 1.0)) if hardness > _SHADOWS_FROM else 0.0,
    )


def _lamp_direction(rng: Generator, up: Array) -> Array:
    while True:
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        # Light from behind the person is rarer: people turn a camera away from the sun.
        if direction @ up > -0.1 and (direction[2] < 0.3 or rng.random() < 0.4):
            return np.asarray(direction)


def _muted(color: Array) -> Array:
    """Keep the hue, half of its strength, and a brightness of one."""
    grey = max(float(color.mean()), 1e-3)
    return np.asarray(0.5 + 0.5 * np.clip(color / grey, 0.3, 2.0))


def _heading(rng: Generator, desk: bool) -> Array:
    """Rotation about the vertical: any direction; at a desk mostly towards the camera."""
    angle = float(rng.normal(0, 0.45)) if desk else float(rng.uniform(-np.pi, np.pi))
    return np.asarray(matrix_from_axis_angle(np.array([0, angle, 0], np.float32)))


def _standing_height(joints: Array) -> float:
    """Height that puts the lowest joint of a body at the height of feet."""
    return float(0.06 - joints[:, 1].min())
