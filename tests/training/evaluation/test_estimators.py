"""Crops, axes and sides of everything that estimates people."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.recovery.network import NetworkOutput
from hmr_live_training.data.crops import apply_matrix, crop_matrix
from hmr_live_training.evaluation.baselines import BlazePoseEstimator
from hmr_live_training.evaluation.body_parts import LIMB_GROUPS, POINT_GROUPS, ROTATION_GROUPS
from hmr_live_training.evaluation.estimators import BodyReader, NetworkEstimator, to_crop, to_frame
from hmr_live_training.evaluation.predictions import in_crop_of, stack_estimates
from hmr_live_training.landmarks import BODY_LANDMARKS, LSP_NAMES

TURNED = CropBox(30, 50, 80, 0.7)
#: Upright, facing the camera.
FACING = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
POINT = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS)}


@pytest.fixture(scope="module")
def reader():
    return BodyReader(BodyModel.default())


def facing_output(score=0.9):
    rotmats = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    rotmats[0] = FACING
    confidence = np.linspace(0, 1, 24).astype(np.float32)
    camera = np.array([0.8, 0.1, 0.2], np.float32)
    return NetworkOutput(rotmats, np.zeros(10, np.float32), camera, score, confidence)


def test_crop_coordinates_are_those_of_training():
    points = np.random.default_rng(0).uniform(0, 100, (5, 2))
    expected = apply_matrix(crop_matrix(TURNED), points) * 2 / 256 - 1
    np.testing.assert_allclose(to_crop(points, TURNED), expected, atol=1e-9)
    np.testing.assert_allclose(to_frame(expected, TURNED), points, atol=1e-9)


def test_a_crop_box_rotated_to_the_right_has_the_right_on_top():
    crop_box = CropBox(0, 0, 2, math.pi / 2)
    np.testing.assert_allclose(to_crop(np.array([[1.0, 0.0]]), crop_box), [[0, -1]], atol=1e-12)


def test_the_left_side_of_a_person_who_faces_the_camera_is_on_the_right(reader):
    seen = reader(facing_output())
    side = {name: k for k, name in enumerate(LSP_NAMES)}
    for part in ("Wrist", "Elbow", "Shoulder", "Hip", "Knee", "Ankle"):
        assert seen.joints_2d[side[f"L{part}"], 0] > seen.joints_2d[side[f"R{part}"], 0] + 0.05
    assert seen.joints_2d[side["LAnkle"], 1] > seen.joints_2d[side["LHip"], 1] + 0.3  # y is down
    assert seen.points_2d[POINT["left_ear"], 0] > seen.points_2d[POINT["right_ear"], 0]
    assert seen.points_2d[POINT["nose"], 1] < seen.joints_2d[side["LShoulder"], 1]


def test_the_camera_scales_what_it_has_shifted(reader):
    seen = reader(facing_output())
    expected = 0.8 * (seen.joints_3d[:, :2] + (0.1, 0.2))
    np.testing.assert_allclose(seen.joints_2d, expected, atol=1e-6)
    assert seen.confidence[LSP_NAMES.index("RAnkle")] == pytest.approx(8 / 23)


def test_a_network_that_overflows_is_named(reader):
    class Overflowing:
        def run(self, image, crop_boxes, focal_length=None):
            return [facing_output(score=math.nan)]

    estimator = NetworkEstimator("broken.onnx", Overflowing(), reader)
    with pytest.raises(AssetError, match=r"broken\.onnx"):
        estimator.estimate(np.zeros((9, 9, 3), np.uint8), [TURNED])


class PublishedNetwork:
    """BlazePose's outputs: point k at (k, 2 k) crop pixels and (k, 0, -k) metres."""

    def run(self, names, inputs):
        assert inputs["image"].shape == (1, 3, 256, 256)
        values = np.zeros((39, 5), np.float32)
        values[:, 0], values[:, 1] = np.arange(39), 2 * np.arange(39)
        values[16, 3] = 50.0
        world = np.arange(39)[:, None] * np.array([1.0, 0, -1.0])
        return [values.reshape(1, -1), world.reshape(1, -1), np.array([[0.75]])]


def test_blazepose_is_read_by_its_own_numbers():
    estimator = BlazePoseEstimator("lite", PublishedNetwork(), refine=False)
    (seen,) = estimator.estimate(np.zeros((50, 50, 3), np.uint8), [CropBox(25, 25, 50)])
    right_wrist, left_ankle = LSP_NAMES.index("RWrist"), LSP_NAMES.index("LAnkle")
    np.testing.assert_allclose(seen.joints_2d[right_wrist], [16 / 128 - 1, 32 / 128 - 1])
    np.testing.assert_allclose(seen.joints_3d[left_ankle], [27, 0, -27])
    np.testing.assert_allclose(seen.points_2d[POINT["right_toe"]], [32 / 128 - 1, 64 / 128 - 1])
    assert seen.confidence[right_wrist] == pytest.approx(1)
    assert seen.confidence[left_ankle] == pytest.approx(0.5)
    assert (seen.score, seen.output, estimator.name) == (0.75, None, "BlazePose lite")


def test_people_who_were_not_found_keep_their_rows(reader):
    seen = reader(facing_output())
    predictions = stack_estimates([seen, None])
    assert predictions.found.tolist() == [True, False]
    assert np.isnan(predictions.joints_2d[1]).all()
    assert predictions.score.tolist() == [0.9, 0]
    np.testing.assert_array_equal(predictions.rotmats[0, 0], FACING)


def test_an_estimate_moves_from_one_crop_to_another(reader):
    seen = reader(facing_output())
    moved = in_crop_of(seen, TURNED, CropBox(30, 50, 160, 0.7))
    np.testing.assert_allclose(moved.joints_2d, seen.joints_2d / 2, atol=1e-6)
    np.testing.assert_allclose(moved.points_2d, seen.points_2d / 2, atol=1e-6)
    np.testing.assert_allclose(moved.clicks_2d, seen.clicks_2d / 2, atol=1e-6)


def test_annotators_click_near_the_joints_and_on_their_sides(reader):
    seen = reader(facing_output())
    apart = np.linalg.norm(seen.clicks_2d - seen.joints_2d, axis=1) / 0.8
    assert 0.005 < apart.mean() < 0.06
    assert apart.max() < 0.1
    assert stack_estimates([seen]).clicks_2d.shape == (1, 12, 2)


def test_every_limb_and_end_of_the_body_is_in_a_group():
    parts = {
        k for name, group in LIMB_GROUPS.items() if name not in ("left", "right") for k in group
    }
    assert parts == set(range(12))
    assert [LSP_NAMES[k] for k in LIMB_GROUPS["wrists"]] == ["RWrist", "LWrist"]
    assert all(LSP_NAMES[k].startswith("L") for k in LIMB_GROUPS["left"])
    assert {k: len(v) for k, v in POINT_GROUPS.items()} == {"head": 5, "hands": 6, "feet": 4}
    assert sorted(k for group in ROTATION_GROUPS.values() for k in group) == list(range(1, 22))
