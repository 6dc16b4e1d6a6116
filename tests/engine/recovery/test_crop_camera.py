"""The virtual camera of a crop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hmr_live.core.state import CropBox
from hmr_live.recovery.crop_camera import CropCamera

SIZE, FOCAL = (1280, 720), 900.0


def _camera(cx: float = 1000.0, cy: float = 200.0, angle: float = 0.4) -> CropCamera:
    return CropCamera.of(CropBox(cx, cy, 400.0, angle), SIZE, FOCAL)


def test_axis_is_the_ray_through_the_crop_box() -> None:
    ray = np.array([1000 - 640, 200 - 360, FOCAL])
    turned = _camera().rotation @ (ray / np.linalg.norm(ray))
    assert turned == pytest.approx([0, 0, 1], abs=1e-6)


def test_in_the_middle_of_the_frame_only_the_angle_is_left() -> None:
    camera = _camera(640, 360, 0.4)
    cos, sin = math.cos(0.4), math.sin(0.4)
    assert camera.rotation == pytest.approx(np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]))
    assert camera.focal == pytest.approx(2 * FOCAL / 400)


def test_homography_and_projection_agree() -> None:
    camera = _camera()
    points = np.random.default_rng(0).normal(0, 0.4, (20, 3)) + np.array([1.2, -0.5, 3.0])
    in_crop = camera.project(points @ camera.rotation.T)
    pixels = np.column_stack([(in_crop + 1) * 128, np.ones(20)])
    mapped = pixels @ camera.frame_from_crop(256, SIZE).T
    in_frame = points[:, :2] / points[:, 2:] * FOCAL + np.array(SIZE) / 2
    assert mapped[:, :2] / mapped[:, 2:] == pytest.approx(in_frame, abs=1e-2)


def test_translation_moves_a_turned_body_to_the_same_place() -> None:
    camera, rng = _camera(), np.random.default_rng(1)
    weak, pelvis = np.array([0.8, 0.1, -0.2], np.float32), np.array([0.0, -0.24, 0.03], np.float32)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rest = rng.normal(0, 0.5, (30, 3))
    in_crop = (rest - pelvis) @ turn.T + pelvis + camera.translation(weak)
    turned = camera.rotation.T @ turn
    in_frame = (rest - pelvis) @ turned.T + pelvis + camera.translation_in_frame(weak, pelvis)
    assert in_frame @ camera.rotation.T == pytest.approx(in_crop, abs=1e-5)


def test_weak_perspective_camera_comes_back() -> None:
    camera = _camera()
    weak = np.array([0.8, 0.1, -0.2], np.float32)
    assert camera.camera(camera.translation(weak)) == pytest.approx(weak)


def test_perspective_becomes_weak_far_away() -> None:
    weak = np.array([0.8, 0.1, -0.2], np.float32)
    points = np.random.default_rng(2).normal(0, 0.5, (20, 3))
    for focal, apart in ((4.0, 0.3), (4e4, 1e-4)):
        camera = CropCamera(np.eye(3, dtype=np.float32), focal, FOCAL)
        exact = camera.project(points + camera.translation(weak))
        near = weak[0] * (points[:, :2] + weak[1:])
        assert np.abs(exact - near).max() < apart
        formula = near / (1 + weak[0] * points[:, 2:] / focal)
        assert exact == pytest.approx(formula, abs=1e-5)
