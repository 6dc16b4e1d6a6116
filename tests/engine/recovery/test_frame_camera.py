import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import CropBox
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.frame_camera import default_focal_length, project, roll

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
    """What the crop's camera sees, mapped to the frame, must equal the frame's projection."""
    body = BodyModel.default()
    rotmats, betas = upright_pose(), np.zeros(10, np.float32)
    weak = np.array([0.9, 0.07, 0.21], np.float32)
    camera = CropCamera.of(crop_box, SIZE, FOCAL)
    in_crop = camera.project(body.joints(rotmats, betas) + camera.translation(weak))
    mapped = np.c_[in_crop + 1, np.ones(24)] @ camera.frame_from_crop(2, SIZE).T
    turned = rotmats.copy()
    turned[0] = camera.rotation.T @ turned[0]
    transl = camera.translation_in_frame(weak, body.rest_joints(betas)[0])
    joints = body.joints(turned, betas) + transl
    found = project(joints, FOCAL, SIZE)
    np.testing.assert_allclose(found, mapped[:, :2] / mapped[:, 2:], atol=0.02)


def test_what_is_behind_the_camera_has_finite_pixels():
    behind = np.array([[0.1, 0.2, -3.0], [0.0, 0.0, 0.0]])
    assert np.isfinite(project(behind, FOCAL, SIZE)).all()


def test_depth_follows_the_size_of_the_person():
    near, far = (
        CropCamera.of(CropBox(640, 360, side), SIZE, 1100.0).translation(np.array([0.9, 0, 0]))
        for side in (600, 300)
    )
    assert near[2] == pytest.approx(2 * 1100 / (600 * 0.9), rel=1e-5)
    assert far[2] == pytest.approx(2 * near[2], rel=1e-5)


def test_the_default_focal_length_spans_sixty_degrees():
    focal = default_focal_length(SIZE)
    assert np.degrees(2 * np.arctan(SIZE[0] / 2 / focal)) == pytest.approx(60)


def test_roll_turns_the_picture_clockwise():
    np.testing.assert_allclose(roll(np.pi / 2) @ [0, -1, 0], [1, 0, 0], atol=1e-6)
