"""AMASS files, read by smplx."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from hmr_live.angles import ANGLES, AnatomicalFrames, joint_angles
from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.core.assets import asset_path
from hmr_live.export.amass import write_amass
from tests.engine.export.accuracy import assert_same_places
from tests.engine.export.takes import FACING


def smplx_joints(data, body_path):
    """Joints of the file's parameters by the reference implementation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # smplx asks for parts of SMPL that a body may lack
        import smplx
        from smplx.utils import Struct
    with np.load(body_path) as body:
        content = {key: body[key] for key in body.files}
    model = smplx.SMPL(
        model_path="", data_struct=Struct(**content), num_betas=10, batch_size=len(data["poses"])
    )
    pose = torch.from_numpy(data["poses"][:, :72].copy())
    pose[:, 66:] = torch.from_numpy(data["hands"].reshape(-1, 6))
    result = model(
        global_orient=pose[:, :3],
        body_pose=pose[:, 3:],
        betas=torch.from_numpy(np.tile(data["betas"][:10], (len(pose), 1))),
        transl=torch.from_numpy(data["trans"]),
    )
    return result.joints[:, :24].detach().numpy()


def test_amass_opens_with_smplx(clip, tmp_path):
    world = clip.turned("z")
    write_amass(world, tmp_path / "walk.npz")
    data = dict(np.load(tmp_path / "walk.npz"))
    assert data["poses"].shape == (60, 156)
    assert data["betas"].shape == (16,)
    assert data["dmpls"].shape == (60, 8)
    assert data["mocap_framerate"] == 30
    assert str(data["gender"]) == "neutral"
    joints = smplx_joints(data, asset_path("body", "open_body.npz"))
    assert_same_places(joints, world.joints)


def test_joints_and_angles_stand_beside_the_poses(clip, tmp_path, body):
    world = clip.turned("z")
    write_amass(world, tmp_path / "walk.npz")
    with np.load(tmp_path / "walk.npz") as data:
        assert data["joint_names"].tolist() == list(JOINT_NAMES)
        assert_same_places(data["joints"], world.joints)
        assert data["angle_names"].tolist() == [angle.name for angle in ANGLES]
        camera = np.array(clip.rotmats)
        camera[:, 0] = FACING @ camera[:, 0]
        expected = joint_angles(camera, AnatomicalFrames.of(body))
        np.testing.assert_allclose(data["angles_deg"], expected, atol=1e-3)
