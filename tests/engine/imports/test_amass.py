"""AMASS files of others."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import AssetError
from hmr_live.imports.amass import read_amass
from tests.engine.imports.files import amass_file, posed_joints


def test_amass_stands_upright_in_our_world(tmp_path):
    pelvis = BodyModel.default().rest_joints(np.zeros(10, np.float32))[0]
    motion = read_amass(amass_file(tmp_path / "CMU" / "01" / "01_01_poses.npz"))
    assert motion.name == "CMU/01/01_01_poses"
    assert motion.fps == 120
    assert motion.body == "smpl_female"
    np.testing.assert_array_equal(motion.betas, np.arange(10))
    joints = posed_joints(motion)[0]
    assert joints[JOINT["head"], 1] > joints[JOINT["pelvis"], 1] > joints[JOINT["left_ankle"], 1]
    assert joints[JOINT["left_hip"], 0] > joints[JOINT["right_hip"], 0]
    # The pelvis at (1 + Jx, 2 + Jy, 0.9 + Jz), z up, lies at (x, z, -y).
    expected = [1 + pelvis[0], 0.9 + pelvis[2], -(2 + pelvis[1])]
    np.testing.assert_allclose(joints[0], expected, atol=1e-5)


def test_amass_fingers_do_not_turn_smpl_hands(tmp_path):
    motion = read_amass(amass_file(tmp_path / "a.npz"))
    assert not motion.poses[:, 22:].any()
    np.testing.assert_allclose(motion.poses[:, JOINT["left_knee"]], [[0.5, 0, 0]] * 4)


def test_amass_files_without_motion_are_refused(tmp_path):
    with pytest.raises(AssetError, match="holds no AMASS motion"):
        read_amass(amass_file(tmp_path / "shape.npz", poses=None))
    with pytest.raises(AssetError, match="22 body joints"):
        read_amass(amass_file(tmp_path / "b.npz", poses=np.zeros((4, 9))))
    (tmp_path / "c.npz").write_bytes(b"no archive")
    with pytest.raises(AssetError, match=r"not an AMASS \.npz file"):
        read_amass(tmp_path / "c.npz")
