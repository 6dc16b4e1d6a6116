"""Cameras before synthetic people: where they stand and what they look at."""

import numpy as np
import pytest

from hmr_live_training.synthetic.scene.camera_sampling import (
    draw_camera,
    draw_eye_level,
    in_frame,
)
from hmr_live_training.synthetic.scene_config import SyntheticConfig

TARGET = np.array([0.0, 0.95, 0.0])
HEAD = np.array([0.0, 1.55, 0.0])


def downwards(camera, point):
    """Degrees by which the ray to a point falls."""
    ray = point - camera.position
    return np.rad2deg(np.arcsin(-ray[1] / np.linalg.norm(ray)))


@pytest.fixture(scope="module")
def pitched():
    rng, config = np.random.default_rng(0), SyntheticConfig(pitched=1.0)
    return [draw_camera(rng, TARGET, config) for _ in range(400)]


def test_every_pitch_is_about_as_frequent(pitched):
    degrees = [downwards(camera, TARGET) for camera in pitched]
    low, high = SyntheticConfig().pitch
    assert low - 0.1 < min(degrees)
    assert max(degrees) < high + 0.1
    counts = np.histogram(degrees, bins=5, range=(low, high))[0]
    assert counts.min() > 0.6 * len(pitched) / 5


def test_no_camera_is_in_the_floor(pitched):
    assert min(camera.position[1] for camera in pitched) > 0.05


def test_some_people_are_near_the_edge_of_the_frame():
    rng, config = np.random.default_rng(1), SyntheticConfig(at_edge=1.0)
    cameras = [draw_camera(rng, TARGET, config) for _ in range(200)]
    seen = [camera.from_world(TARGET[None]) for camera in cameras]
    places = [
        abs(camera.project(point)[0, 0] / camera.size[0] - 0.5)
        for camera, point in zip(cameras, seen, strict=True)
    ]
    assert np.mean(np.array(places) > 0.3) > 0.2


def test_cameras_near_eye_height_show_the_head_from_close_by():
    rng, config = np.random.default_rng(2), SyntheticConfig()
    cameras = [draw_eye_level(rng, HEAD, config) for _ in range(200)]
    heights = np.array([camera.position[1] for camera in cameras])
    distances = np.array([np.hypot(*camera.position[[0, 2]]) for camera in cameras])
    assert ((heights > 1.39) & (heights < 1.91)).all()
    assert ((distances > 0.79) & (distances < 2.51)).all()
    shown = [in_frame(camera.from_world(HEAD[None]), camera)[0] for camera in cameras]
    assert np.mean(shown) > 0.8
