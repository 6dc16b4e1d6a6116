import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import CropBox
from hmr_live.recovery.crop import apply_affine, frame_from_crop
from hmr_live.recovery.frame_camera import default_focal_length, project, roll, translation_in_frame

SIZE = (1280, 720)
FOCAL = 1100.0


def upright_pose(seed=0):
    rng = np.random.default_rng(seed)
    pose = rng.normal(size=(24, 3)).astype(np.float32) * 0.3
    pose[0] = [np.pi - 0.1, 0.05, 0.1]
    return matrix_from_axis_angle(pose)


@pytest.mark.parametrize(
    "crop_box",
    [
        CropBox(640, 360, 500, 0.0),
        CropBox(200, 500, 300, 0.0),
        CropBox(900, 300, 420, 0.8),
        CropBox(640, 360, 300, 3.0),
    ],
)
def test_the_full_frame_body_projects_where_the_crop_camera_says(crop_box):
    """x = s (X + t) in the crop, mapped to the frame, must equal the frame's projection."""
    body = BodyModel.default()
    rotmats, betas = upright_pose(), np.zeros(10, np.float32)
    camera = np.array([0.9, 0.07, 0.21], np.float32)
    in_crop = camera[0] * (body.joints(rotmats, betas)[:, :2] + camera[1:])
    expected = apply_affine(frame_from_crop(crop_box, 2), in_crop + 1)  # [-1, 1] is a crop of 2

    turned = rotmats.copy()
    turned[0] = roll(crop_box.angle) @ turned[0]
    pelvis = body.rest_joints(betas)[0]
    transl = translation_in_frame(camera, crop_box, pelvis, SIZE, FOCAL)
    joints = body.joints(turned, betas) + transl
    np.testing.assert_allclose(project(joints, transl[2], FOCAL, SIZE), expected, atol=0.01)


def test_depth_follows_the_size_of_the_person():
    near = translation_in_frame(
        np.array([0.9, 0, 0]), CropBox(640, 360, 600), np.zeros(3), SIZE, 1100.0
    )
    far = translation_in_frame(
        np.array([0.9, 0, 0]), CropBox(640, 360, 300), np.zeros(3), SIZE, 1100.0
    )
    assert near[2] == pytest.approx(2 * 1100 / (600 * 0.9), rel=1e-5)
    assert far[2] == pytest.approx(2 * near[2], rel=1e-5)


def test_the_default_focal_length_spans_sixty_degrees():
    focal = default_focal_length(SIZE)
    assert np.degrees(2 * np.arctan(SIZE[0] / 2 / focal)) == pytest.approx(60)


def test_roll_turns_the_picture_clockwise():
    np.testing.assert_allclose(roll(np.pi / 2) @ [0, -1, 0], [1, 0, 0], atol=1e-6)
