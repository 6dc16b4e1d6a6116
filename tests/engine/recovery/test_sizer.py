"""A camera of known height says how tall people are."""

import math

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.errors import CameraPlaceError
from hmr_live.recovery.crop_to_camera import CameraSpaceBody
from hmr_live.recovery.sizer import Sizer

FOCAL, SIZE = 600.0, (640, 960)
SURE = np.ones(24, np.float32)


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def standing(body, place, distance, scale=1.0):
    """Somebody on the floor, recovered as ``scale`` times as large and as far away."""
    down = place.down
    rotmats = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    pitch = math.atan2(down[2], down[1])
    rotmats[0] = matrix_from_axis_angle(np.array([math.pi + pitch, 0, 0], np.float32))
    rotmats[0] = _facing(down)
    betas = np.zeros(10, np.float32)
    vertices = body.forward(rotmats, betas).vertices
    ahead = np.array([0, -down[2], down[1]])
    lowest = float((vertices @ down).max())
    transl = ahead * distance + down * (place.height - lowest)
    return CameraSpaceBody(rotmats, betas, (transl * scale).astype(np.float32))


def _facing(down):
    """Body to camera: its y against gravity, its z towards the camera."""
    up = -down
    right = np.array([1.0, 0, 0])
    return np.stack([right, up, np.cross(right, up)], axis=1).astype(np.float32)


@pytest.mark.parametrize("pitch", [0.0, 20.0, -8.0])
def test_a_body_on_the_floor_has_its_size(body, pitch):
    place = CameraPlace(1.2, pitch)
    sizer = Sizer(body, place)
    found = standing(body, place, 3.5)
    assert sizer.scale(found, SURE, FOCAL, SIZE) == pytest.approx(1, abs=0.01)


def test_who_is_recovered_too_small_and_near_is_larger(body):
    place = CameraPlace(1.2)
    sizer = Sizer(body, place)
    vertices = body.forward(standing(body, place, 3.5).rotmats, np.zeros(10)).vertices
    found = standing(body, place, 3.5)
    # As large in the picture at four fifths of the distance, in a body of the mean size.
    lowest = float((vertices @ place.down).max())
    near = found.transl.copy()
    near[1] = 0.96 - lowest
    assert sizer.scale(found._replace(transl=near), SURE, FOCAL, SIZE) == pytest.approx(
        1.25, abs=0.01
    )


def test_betas_of_another_size_are_as_tall_as_said(body):
    sizer = Sizer(body, CameraPlace(1.2))
    betas = np.random.default_rng(0).normal(0, 0.5, 10).astype(np.float32)
    straight = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    tall = float(np.ptp(body.forward(straight, betas).vertices[:, 1]))
    for scale in (0.88, 1.0, 1.15):
        changed = sizer.resized(betas, scale)
        found = float(np.ptp(body.forward(straight, changed).vertices[:, 1]))
        assert found == pytest.approx(scale * tall, rel=0.01)
        assert sizer.stature(changed) == pytest.approx(scale * sizer.stature(betas), rel=1e-4)


def test_feet_that_are_not_seen_say_nothing(body):
    place = CameraPlace(1.2)
    sizer, found = Sizer(body, place), standing(body, place, 3.5)
    assert sizer.scale(found, 0.2 * SURE, FOCAL, SIZE) is None
    assert sizer.scale(found, SURE, FOCAL, (640, 380)) is None, "the feet are below the frame"
    behind = found._replace(transl=-found.transl)
    assert sizer.scale(behind, SURE, FOCAL, SIZE) is None


def test_soles_at_the_height_of_the_camera_say_nothing(body):
    place = CameraPlace(1.2)
    found = standing(body, place, 3.5)
    raised = found._replace(transl=found.transl - np.array([0, 1.15, 0], np.float32))
    assert Sizer(body, place).scale(raised, SURE, FOCAL, SIZE) is None


@pytest.mark.parametrize(
    ("height", "pitch", "message"),
    [(120, 0, "in metres"), (0, 0, "in metres"), (math.nan, 0, "in metres"), (1.2, 90, "degrees")],
)
def test_a_camera_that_cannot_be_is_refused(height, pitch, message):
    with pytest.raises(CameraPlaceError, match=message):
        CameraPlace(height, pitch)
