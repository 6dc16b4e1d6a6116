import math

import cv2
import numpy as np
import pytest

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import CropBox
from hmr_live.recovery.crop import (
    BEYOND_JOINTS,
    MARGIN,
    apply_affine,
    crop_box_around,
    crop_box_from_joints,
    crop_image,
    frame_from_crop,
)
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.frame_camera import project


def dot_picture(x, y, size=(400, 500)):
    image = np.zeros((*size, 3), np.uint8)
    cv2.circle(image, (x, y), 6, (255, 255, 255), -1)
    return image


def centroid(image):
    weights = image[..., 0].astype(float)
    ys, xs = np.indices(weights.shape)
    return np.array([(weights * xs).sum(), (weights * ys).sum()]) / weights.sum()


def test_the_middle_of_the_crop_is_the_centre_of_the_crop_box():
    affine = frame_from_crop(CropBox(120, 80, 300, 0.7), 256)
    np.testing.assert_allclose(apply_affine(affine, np.array([128.0, 128.0])), [120, 80])


def test_the_crop_spans_the_side_of_the_crop_box():
    affine = frame_from_crop(CropBox(120, 80, 300, 0.7), 256)
    left, right = apply_affine(affine, np.array([[0.0, 128], [256, 128]]))
    assert np.linalg.norm(right - left) == pytest.approx(300)


def test_a_person_leaning_clockwise_stands_upright_in_the_crop():
    lean = 0.5
    hips = np.array([250.0, 200.0])
    head = hips + 100 * np.array([math.sin(lean), -math.cos(lean)])
    crop_box = crop_box_around(hips, head, 100)
    assert crop_box.angle == pytest.approx(lean)
    crop = crop_image(dot_picture(round(head[0]), round(head[1])), crop_box, 256)
    expected = [128, 128 - 100 / crop_box.side * 256]
    np.testing.assert_allclose(centroid(crop), expected, atol=1.0)


@pytest.mark.parametrize("side", [200, 900, 2100])
def test_points_land_where_the_affine_map_says_at_every_scale(side):
    crop_box = CropBox(900, 700, side, 0.3)
    target = np.array([900 + side * 0.2, 700 - side * 0.1])
    picture = np.zeros((1500, 2000, 3), np.uint8)
    cv2.circle(picture, (round(target[0]), round(target[1])), side // 30, (255, 255, 255), -1)
    inverse = cv2.invertAffineTransform(frame_from_crop(crop_box, 256))
    crop = crop_image(picture, crop_box, 256)
    np.testing.assert_allclose(centroid(crop), apply_affine(inverse, target), atol=0.6)


def test_a_large_crop_box_is_averaged_not_sampled():
    checks = np.indices((1600, 1600)).sum(axis=0) % 2 * 255
    picture = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)
    crop = crop_image(picture, CropBox(800, 800, 1500, 0.0), 256)
    assert np.ptp(crop[8:-8, 8:-8].astype(int)) < 40, "a fine chequerboard must become grey"


def test_a_crop_in_the_middle_of_the_frame_is_a_plain_cut_out():
    picture = np.random.default_rng(2).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    crop_box = CropBox(320, 240, 300, 0.4)
    camera = CropCamera.of(crop_box, (640, 480), 550)
    plain, seen = (
        crop_image(picture, crop_box, 256),
        crop_image(picture, crop_box, 256, camera=camera),
    )
    assert np.abs(plain.astype(int) - seen).max() <= 2


@pytest.mark.parametrize("side", [200, 900, 2100])
@pytest.mark.parametrize("centre", [(1700, 300), (1010, 745)], ids=["aside", "near the middle"])
def test_a_crop_is_what_its_camera_sees(centre, side):
    size, focal_length = (2000, 1500), 1500.0
    crop_box = CropBox(*centre, side, 0.3)
    camera = CropCamera.of(crop_box, size, focal_length)
    in_crop = np.array([-0.35, 0.3])
    point = camera.rotation.T @ [*in_crop, camera.focal]
    x, y = project(point, focal_length, size)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    cv2.circle(picture, (round(x), round(y)), side // 30, (255, 255, 255), -1)
    out = np.empty((256, 256, 3), np.uint8)
    assert crop_image(picture, crop_box, 256, camera=camera, out=out) is out
    np.testing.assert_allclose(centroid(out), 128 * (in_crop + 1), atol=0.8)


@pytest.mark.parametrize("side", [600, 4000])
def test_a_camera_that_sees_far_beyond_the_frame_repeats_its_edge(side):
    picture = np.full((480, 640, 3), 77, np.uint8)
    crop_box = CropBox(630, 470, side, 0.2)
    camera = CropCamera.of(crop_box, (640, 480), 550)
    assert (crop_image(picture, crop_box, 64, camera=camera) == 77).all()


def test_beyond_the_frame_the_edge_is_repeated():
    picture = np.full((100, 100, 3), 77, np.uint8)
    assert (crop_image(picture, CropBox(0, 0, 300, 0.0), 64) == 77).all()


def test_the_next_crop_box_holds_every_joint():
    rng = np.random.default_rng(1)
    joints = rng.uniform(100, 400, size=(24, 2))
    crop_box = crop_box_from_joints(joints, (640, 480))
    inverse = cv2.invertAffineTransform(frame_from_crop(crop_box, 256))
    inside = apply_affine(inverse, joints)
    assert inside.min() > 0
    assert inside.max() < 256
    hips = joints[[JOINT["left_hip"], JOINT["right_hip"]]].mean(axis=0)
    np.testing.assert_allclose([crop_box.cx, crop_box.cy], hips)
    assert crop_box.side >= 2 * MARGIN * np.linalg.norm(joints - hips, axis=1).max()


@pytest.mark.parametrize("below", [0, 150, 400])
def test_guessed_legs_below_the_frame_leave_the_crop_to_what_is_seen(below):
    """Somebody before a webcam, who leans a little; the knees are far below the picture."""
    joints = np.tile([320.0, 200.0 + below], (24, 1))
    joints[[JOINT["left_hip"], JOINT["right_hip"]]] += [0, 200]
    joints[[JOINT["left_shoulder"], JOINT["right_shoulder"]]] += [20, -50]
    joints[[JOINT["left_ankle"], JOINT["right_ankle"]]] = 300, 3000
    joints[JOINT["head"]] = 340, 60
    crop_box = crop_box_from_joints(joints, (640, 480))
    assert 480 < crop_box.side < 2 * 480 * MARGIN * BEYOND_JOINTS
    assert 380 <= crop_box.cy <= 480
    assert crop_box.angle == pytest.approx(math.atan2(20, 250))
