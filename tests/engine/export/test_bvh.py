"""BVH files, read by bvhio."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.export.bvh import euler_zxy, write_bvh
from tests.engine.export.accuracy import assert_same_places, assert_turned_alike
from tests.engine.export.takes import world_rotations

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyGLM, about the name by which bvhio imports it
    import bvhio


def world_rotation(joint):
    """Bvhio lays a joint's y axis along its bone, so its rotations count from the rest pose."""
    q = joint.RotationWorld
    return Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()


@pytest.mark.parametrize("up", ["y", "z"])
def test_bvh_has_the_joints_in_centimetres(clip, tmp_path, up):
    world = clip.turned(up)
    write_bvh(world, tmp_path / "walk.bvh")
    root = bvhio.readAsHierarchy(str(tmp_path / "walk.bvh"))
    assert root.Name == "pelvis"
    root.loadRestPose()
    rest = {joint.Name: world_rotation(joint) for joint, _, _ in root.layout()}
    turned = world_rotations(clip.rotmats)
    for frame in (0, 17, 59):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            index = JOINT[joint.Name]
            place = np.array(joint.PositionWorld) / 100
            assert_same_places(place, world.joints[frame, index])
            if up == "y":
                since_rest = world_rotation(joint) @ rest[joint.Name].T
                assert_turned_alike(since_rest, turned[frame, index])


@pytest.mark.parametrize("up", ["y", "z"])
def test_bvh_rests_in_a_standing_t_pose(clip, tmp_path, up):
    write_bvh(clip.turned(up), tmp_path / "walk.bvh")
    root = bvhio.readAsHierarchy(str(tmp_path / "walk.bvh"))
    root.loadRestPose()
    places = {joint.Name: np.array(joint.PositionWorld) for joint, _, _ in root.layout()}
    axis = "xyz".index(up)
    assert places["head"][axis] > places["pelvis"][axis] + 40
    assert places["left_ankle"][axis] < places["pelvis"][axis] - 60


def test_bvh_angles_run_on(clip):
    angles = euler_zxy(clip.rotmats)
    z, x, y = (np.zeros((*angles.shape[:2], 3)) for _ in range(3))
    z[..., 2], x[..., 0], y[..., 1] = np.moveaxis(angles, -1, 0)
    product = matrix_from_axis_angle(z) @ matrix_from_axis_angle(x) @ matrix_from_axis_angle(y)
    np.testing.assert_allclose(product, clip.rotmats, atol=1e-9)
    spinning = np.zeros((200, 1, 3))
    spinning[:, 0, 1] = np.linspace(0, 4 * np.pi, 200)
    turns = euler_zxy(matrix_from_axis_angle(spinning))
    np.testing.assert_allclose(turns[:, 0, 2], spinning[:, 0, 1], atol=1e-6)
    assert np.abs(np.diff(angles, axis=0)).max() < 1.5


def test_bvh_angles_hold_at_the_singularity():
    rotmats = matrix_from_axis_angle(np.array([[[np.pi / 2, 0.0, 0.0]]]))
    z, x, y = euler_zxy(rotmats)[0, 0]
    assert x == pytest.approx(np.pi / 2)
    assert z + y == pytest.approx(0, abs=1e-6)
