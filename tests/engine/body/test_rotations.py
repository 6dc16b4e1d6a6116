import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hmr_live.body.rotations import (
    angle_between,
    axis_angle_from_matrix,
    matrix_from_6d,
    matrix_from_axis_angle,
    quaternion_from_matrix,
    rotation_between,
    sixd_from_matrix,
    slerp,
)


@pytest.fixture
def rotvecs():
    rng = np.random.default_rng(3)
    random = rng.normal(size=(200, 3)) * 1.2
    special = [[0, 0, 0], [1e-9, 0, 0], [np.pi - 1e-4, 0, 0], [0, np.pi - 1e-3, 0], [0, 0, 3.1]]
    vectors = np.concatenate([random, special])
    angles = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(angles > np.pi, vectors * (np.pi - 0.01) / np.maximum(angles, 1e-9), vectors)


def test_axis_angle_agrees_with_scipy(rotvecs):
    ours = matrix_from_axis_angle(rotvecs)
    np.testing.assert_allclose(ours, Rotation.from_rotvec(rotvecs).as_matrix(), atol=1e-7)


def test_axis_angle_round_trip_holds_at_zero_and_near_a_half_turn(rotvecs):
    back = axis_angle_from_matrix(matrix_from_axis_angle(rotvecs))
    np.testing.assert_allclose(back, rotvecs, atol=1e-6)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0]])
def test_a_half_turn_keeps_its_axis(axis):
    back = axis_angle_from_matrix(matrix_from_axis_angle(np.pi * np.array(axis)))
    assert np.linalg.norm(back) == pytest.approx(np.pi, abs=1e-6)
    assert abs(back @ np.array(axis)) == pytest.approx(np.pi, abs=1e-6)


def test_the_rotation_between_two_directions_is_the_shortest():
    pairs = np.random.default_rng(4).normal(size=(50, 2, 3))
    for start, end in pairs / np.linalg.norm(pairs, axis=-1, keepdims=True):
        rotation = rotation_between(start, end)
        np.testing.assert_allclose(matrix_from_axis_angle(rotation) @ start, end, atol=1e-12)
        assert np.linalg.norm(rotation) == pytest.approx(np.arccos(start @ end))
        np.testing.assert_array_equal(rotation_between(start, start), 0)


def test_quaternions_agree_with_scipy(rotvecs):
    theirs = Rotation.from_rotvec(rotvecs).as_quat(canonical=True)[:, [3, 0, 1, 2]]
    ours = quaternion_from_matrix(matrix_from_axis_angle(rotvecs))
    np.testing.assert_allclose(np.abs((ours * theirs).sum(axis=1)), 1, atol=1e-9)


def test_6d_round_trip_and_layout(rotvecs):
    matrices = matrix_from_axis_angle(rotvecs)
    sixd = sixd_from_matrix(matrices)
    np.testing.assert_array_equal(sixd[:, [0, 2, 4]], matrices[..., 0])
    np.testing.assert_allclose(matrix_from_6d(sixd), matrices, atol=1e-7)


def test_6d_of_raw_numbers_is_a_rotation():
    matrices = matrix_from_6d(np.random.default_rng(0).normal(size=(50, 6)))
    np.testing.assert_allclose(
        matrices @ np.swapaxes(matrices, 1, 2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-6
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-6)


def test_slerp_moves_at_constant_speed(rotvecs):
    start, end = matrix_from_axis_angle(rotvecs[:-1]), matrix_from_axis_angle(rotvecs[1:])
    quarter = slerp(start, end, 0.25)
    np.testing.assert_allclose(
        angle_between(start, quarter), angle_between(start, end) / 4, atol=1e-5
    )
    np.testing.assert_allclose(slerp(start, end, 1.0), end, atol=1e-5)


def test_float32_stays_float32():
    matrix = matrix_from_axis_angle(np.array([0.1, 0.2, 0.3], np.float32))
    assert matrix.dtype == np.float32
    assert axis_angle_from_matrix(matrix).dtype == np.float32


def test_the_third_column_of_6d_is_the_cross_product_of_the_others():
    matrices = matrix_from_6d(np.random.default_rng(0).normal(size=(2, 5, 6)))
    expected = np.cross(matrices[..., 0], matrices[..., 1])
    np.testing.assert_allclose(matrices[..., 2], expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,)])
def test_leading_dimensions_are_kept(shape):
    vectors = np.random.default_rng(0).normal(size=(*shape, 3))
    matrices = matrix_from_axis_angle(vectors)
    assert matrices.shape == (*shape, 3, 3)
    assert quaternion_from_matrix(matrices).shape == (*shape, 4)
    np.testing.assert_allclose(axis_angle_from_matrix(matrices), vectors, atol=1e-9)


@pytest.mark.parametrize("axis", np.eye(3).tolist())
@pytest.mark.parametrize("angle", [0.0, 0.1, 2.0, np.pi])
def test_a_turn_about_an_axis_is_the_quaternion_of_half_the_angle(axis, angle):
    matrix = Rotation.from_rotvec(angle * np.array(axis)).as_matrix()
    expected = [np.cos(angle / 2), *(np.sin(angle / 2) * np.array(axis))]
    np.testing.assert_allclose(quaternion_from_matrix(matrix), expected, atol=1e-12)
