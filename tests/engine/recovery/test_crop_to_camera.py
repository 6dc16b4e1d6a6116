"""Bodies close to the camera: where they are, and where the next crop is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array, CropBox
from hmr_live.recovery.crop import apply_affine, crop_box_from_joints, frame_from_crop, is_usable
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.crop_to_camera import CropEstimate, CropToCamera
from hmr_live.recovery.frame_camera import default_focal_length, project
from hmr_live.recovery.network import NetworkOutput

SIZE = (640, 480)
#: Somebody at a webcam, cut off at the hips, as the tracker crops them.
CROP_BOX = CropBox(250, 440, 900, -0.1)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.default()


def reaching(forward: float) -> Array:
    """Upright, with the right arm stretched out to the camera where ``forward`` is 1."""
    pose = np.zeros((24, 3), np.float32)
    pose[0, 0] = math.pi
    pose[JOINT["right_shoulder"], 1] = forward * math.pi / 2
    return matrix_from_axis_angle(pose)


def estimate(body: BodyModel, rotmats: Array, distance: float, *, weak: bool) -> CropEstimate:
    camera = CropCamera.of(CROP_BOX, SIZE, default_focal_length(SIZE))
    answer = np.array([camera.focal / distance, 0.02, 0.2], np.float32)
    ones, betas = np.ones(24, np.float32), np.zeros(10, np.float32)
    output = NetworkOutput(rotmats, betas, answer, 1.0, ones, math.inf if weak else camera.focal)
    return CropToCamera(body).estimate(CROP_BOX, output, SIZE)


def test_weak_perspective_is_followed_where_the_network_sees_it(body: BodyModel) -> None:
    rotmats = reaching(1)
    found = estimate(body, rotmats, 1.0, weak=True)
    s, tx, ty = found.output.camera
    in_crop = s * (body.joints(rotmats, found.output.betas)[:, :2] + [tx, ty])
    expected = apply_affine(frame_from_crop(CROP_BOX, 2), in_crop + 1)
    np.testing.assert_allclose(found.joints_2d, expected, atol=0.05)
    assert found.next_crop_box == crop_box_from_joints(found.joints_2d, SIZE)


def test_the_state_of_a_weak_perspective_body_is_projected_in_true_perspective(
    body: BodyModel,
) -> None:
    found = estimate(body, reaching(1), 1.0, weak=True)
    state = CropToCamera(body).state(found, found.body, 0, SIZE)
    np.testing.assert_allclose(state.joints_2d, project(state.joints, state.focal_length, SIZE))


@pytest.mark.parametrize("distance", [0.45, 0.55, 0.7])
@pytest.mark.parametrize("weak", [True, False])
def test_a_hand_held_into_the_lens_does_not_drive_the_crop_away(
    weak: bool, distance: float, body: BodyModel
) -> None:
    hanging = estimate(body, reaching(0), distance, weak=weak)
    close = estimate(body, reaching(1), distance, weak=weak)
    hand = (
        close.body.transl[2]
        + (body.joints(close.body.rotmats, close.body.betas)[JOINT["right_hand"], 2])
    )
    assert hand < 0.5 * close.body.transl[2]
    assert is_usable(close.next_crop_box, SIZE)
    assert close.next_crop_box.side < 1.3 * hanging.next_crop_box.side


def test_perspective_is_followed_where_the_body_appears(body: BodyModel) -> None:
    found = estimate(body, reaching(0), 2.5, weak=False)
    joints = body.joints(found.body.rotmats, found.body.betas) + found.body.transl
    expected = project(joints, default_focal_length(SIZE), SIZE)
    np.testing.assert_allclose(found.joints_2d, expected, atol=0.01)


def test_another_shape_is_as_large_in_the_picture(body: BodyModel) -> None:
    found = estimate(body, reaching(0), 2.5, weak=False).body
    tall = np.zeros(10, np.float32)
    tall[0] = 2
    other = CropToCamera(body).reshaped(found, tall)
    places = []
    for each in (found, other):
        joints = body.joints(each.rotmats, each.betas) + each.transl
        places.append(project(joints, default_focal_length(SIZE), SIZE))
    sizes = [np.ptp(place[:, 1]) for place in places]
    assert abs(other.transl[2] / found.transl[2] - 1) > 0.03
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)
    np.testing.assert_allclose(places[1][0], places[0][0], atol=0.01)
