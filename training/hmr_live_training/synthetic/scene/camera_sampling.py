"""Cameras: position, orientation, frame size and focal length."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import Array
from hmr_live.recovery.frame_camera import roll
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Generator = np.random.Generator

#: Frame sizes (width, height) and how often; webcams and phones.
_SIZES: Final = (
    (0.42, (640, 480)),
    (0.28, (1280, 720)),
    (0.10, (1920, 1080)),
    (0.10, (720, 1280)),
    (0.10, (480, 640)),
)
_WEBCAM_SIZES: Final = ((0.6, (640, 480)), (0.4, (1280, 720)))
#: Radians; a camera that has a height looks down or up by no more than this.
_STEEPEST: Final = math.radians(40)
#: Metres; no camera is nearer to the floor.
_LOWEST: Final = 0.08
#: A cut picture ends this share of the way from the eyes to the soles.
_CUT: Final = (0.25, 0.95)
#: Height of the eyes over the middle of a standing body, metres, and of its soles.
_EYES: Final = 0.65
_SOLES: Final = -0.95
#: Metres; nearer points have no meaningful projection.
_NEAREST: Final = 0.1


@dataclass(frozen=True)
class PinholeCamera:
    """A camera in a world with y up and the floor at 0.

    Attributes
    ----------
    rotation
        ``(3, 3)`` world -> camera frame (x right, y down, z forward).
    position
        ``(3,)`` metres, world.
    focal
        Pixels; the principal point is the frame's centre.
    size
        (width, height) of the frame in pixels.
    """

    rotation: Array
    position: Array
    focal: float
    size: tuple[int, int]

    def from_world(self, points: Array) -> Array:
        """World ``(..., 3)`` -> camera frame."""
        return np.asarray((points - self.position) @ self.rotation.T)

    def project(self, points: Array) -> Array:
        """Camera frame ``(..., 3)`` -> frame pixels ``(..., 2)``, corner to corner."""
        depth = np.maximum(points[..., 2:], 1e-3)
        return np.asarray(points[..., :2] / depth * self.focal + np.array(self.size) / 2)

    def matrix(self) -> Array:
        """Intrinsics ``(3, 3)``."""
        width, height = self.size
        return np.array([[self.focal, 0, width / 2], [0, self.focal, height / 2], [0, 0, 1.0]])


def in_frame(points: Array, camera: PinholeCamera) -> NDArray[np.bool_]:
    """Which points ``(N, 3)`` of the camera frame lie in the picture, occluded or not: ``(N,)``."""
    pixels = camera.project(points)
    inside = (pixels >= 0) & (pixels < np.array(camera.size))
    return np.asarray(inside.all(axis=-1) & (points[:, 2] > _NEAREST))


def draw_camera(rng: Generator, target: Array, config: SyntheticConfig) -> PinholeCamera:
    """A camera anywhere around a body with its centre at ``target`` (3,), looking near it."""
    far = rng.random() < config.far
    low, high = np.log(config.far_distance if far else config.distance)
    distance = float(np.exp(rng.uniform(low, high)))
    if rng.random() < config.pitched:
        rise = distance * math.sin(math.radians(float(rng.uniform(*config.pitch))))
    else:
        height = float(rng.uniform(*config.camera_height))
        most = distance * math.sin(_STEEPEST)
        rise = float(np.clip(height - target[1], -most, most))
    lowest = _LOWEST - float(target[1])
    if rise < lowest:
        # A camera that looks up steeply is near.
        distance = max(distance * min(lowest / rise, 1.0), config.distance[0])
        rise = lowest
    position = target + np.array([0, rise, math.sqrt(max(distance**2 - rise**2, 0.01))])
    size = _choose_size(rng, _SIZES)
    focal = _focal(rng, size, config)
    reach = distance / focal
    if rng.random() < config.at_edge:
        shares = rng.uniform(-1, 1, 2) * config.edge
    else:
        shares = rng.normal(0, config.off_centre)
    aside = shares * size * reach
    looked_at = target + np.array([aside[0], aside[1], 0])
    return _looking(position, looked_at, draw_roll(rng, config), focal, size)


def draw_eye_level(rng: Generator, head: Array, config: SyntheticConfig) -> PinholeCamera:
    """A camera close by, near the height of a standing person's eyes, before a head ``(3,)``."""
    distance = float(rng.uniform(*config.eye_distance))
    most = distance * math.tan(math.radians(config.pitch[1]))
    rise = float(np.clip(rng.uniform(*config.eye_height) - head[1], -most, most))
    position = head + np.array([0, max(rise, _LOWEST - float(head[1])), distance])
    size = _choose_size(rng, _SIZES)
    half = math.radians(float(rng.uniform(*config.field_of_view))) / 2
    looked_at = head + np.array([rng.normal(0, 0.15), rng.uniform(-0.6, 0.0), 0])
    focal = max(size) / 2 / math.tan(half)
    return _looking(position, looked_at, draw_roll(rng, config), focal, size)


def draw_cut(
    rng: Generator, target: Array, camera: PinholeCamera, config: SyntheticConfig
) -> PinholeCamera:
    """The same camera turned and zoomed so that the frame ends between chest and ankles."""
    eyes = target + np.array([0, _EYES, 0])
    end = target + np.array([0, _EYES + float(rng.uniform(*_CUT)) * (_SOLES - _EYES), 0])
    middle = eyes + (end - eyes) * float(rng.uniform(0.35, 0.5))
    looked_at = middle + np.array([rng.normal(0, 0.1), 0, 0])
    aimed = _looking(camera.position, looked_at, draw_roll(rng, config), camera.focal, camera.size)
    below = aimed.from_world(end)
    if below[1] <= 0.02:
        return aimed
    focal = camera.size[1] / 2 * float(below[2] / below[1])
    widest = max(camera.size) / 2 / math.tan(math.radians(config.field_of_view[1]) / 2)
    return replace(aimed, focal=max(focal, widest))


def draw_webcam(rng: Generator, head: Array, config: SyntheticConfig) -> PinholeCamera:
    """A camera on a screen or desk in front of a person with the head at ``head`` (3,)."""
    distance = float(rng.uniform(*config.webcam_distance))
    rise = distance * math.tan(math.radians(float(rng.normal(*config.webcam_rise))))
    sideways = float(rng.normal(0, 0.10))
    position = head + np.array([sideways, rise, distance])
    size = _choose_size(rng, _WEBCAM_SIZES)
    half = math.radians(float(rng.uniform(52, 84))) / 2
    focal = max(size) / 2 / math.tan(half)
    looked_at = head + np.array([rng.normal(0, 0.07), rng.uniform(-0.28, 0.02), 0])
    turn = math.radians(float(rng.normal(0, 3)))
    return _looking(position, looked_at, turn, focal, size)


def draw_roll(rng: Generator, config: SyntheticConfig) -> float:
    """In-plane turn of the camera in radians."""
    turn = float(rng.normal(0, config.roll_sigma))
    if rng.random() < config.askew:
        turn = float(rng.uniform(-config.largest_roll, config.largest_roll))
    if rng.random() < config.large_roll:
        turn += float(rng.choice([-90, 90, 180])) if rng.random() < 0.5 else rng.uniform(-180, 180)
    return math.radians(turn)


def _looking(
    position: Array, target: Array, turn: float, focal: float, size: tuple[int, int]
) -> PinholeCamera:
    forward = target - position
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = roll(turn) @ np.stack([right, np.cross(forward, right), forward])
    return PinholeCamera(rotation, position, focal, size)


def _focal(rng: Generator, size: tuple[int, int], config: SyntheticConfig) -> float:
    narrow = rng.random() < config.long_lens
    field = config.long_field_of_view if narrow else config.field_of_view
    half = math.radians(float(rng.uniform(*field))) / 2
    return max(size) / 2 / math.tan(half)


def _choose_size(
    rng: Generator, table: tuple[tuple[float, tuple[int, int]], ...]
) -> tuple[int, int]:
    return table[int(rng.choice(len(table), p=[share for share, _ in table]))][1]
