from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import Photos
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.pseudo_gt.fits_file import (
    Fits,
    load_fits,
    save_fits,
    world_poses,
)
from tests.training.cases import rest_body
from tests.training.pseudo_gt.people import people


def some_fits(count: int = 5) -> Fits:
    bodies = people(count)
    rng = np.random.default_rng(0)
    body = BodyLandmarks(rest_body())
    weight = rng.uniform(0.2, 1, count).astype(np.float32)
    weight[1] = 0
    return Fits(
        names=np.array([f"im{k:05d}.jpg" for k in range(count)]),
        pose=bodies.pose.numpy(),
        betas=bodies.betas.numpy(),
        camera=bodies.camera.numpy() + rng.normal(0, 5, (count, 3)).astype(np.float32),
        pelvis=body.tree.rest_joints(bodies.betas)[:, 0].numpy(),
        weight=weight,
        joint_weight=rng.uniform(0, 1, (count, 24)).astype(np.float32) * weight[:, None],
        residual=np.full(count, 0.05, np.float32),
        beyond_limits=np.zeros(count, np.float32),
        prior=np.full(count, 20, np.float32),
        depth=np.full(count, 0.05, np.float32),
        support=np.ones(count, np.float32),
        correction=np.zeros((41, 3), np.float32),
    )


def photos_of(fits: Fits, folder) -> Photos:
    return Photos(folder, fits.names, np.ones((len(fits), 14, 3), np.float32), "train")


def test_world_poses_stand_with_y_up_and_only_kept_ones_are_there():
    fits = some_fits()
    poses = world_poses(fits)
    assert poses.shape == (4, 24, 3)
    body = BodyModel.default()
    for pose in poses:
        joints = body.joints(matrix_from_axis_angle(pose), np.zeros(10, np.float32))
        assert joints[15, 1] > joints[0, 1] + 0.2


def test_a_file_is_read_as_it_was_written(tmp_path):
    fits = some_fits()
    save_fits(tmp_path / "deeper" / "fits.npz", fits)
    read = load_fits(tmp_path / "deeper" / "fits.npz", photos_of(fits, tmp_path))
    for name, value in vars(fits).items():
        np.testing.assert_array_equal(getattr(read, name), value)
    assert [p.name for p in (tmp_path / "deeper").iterdir()] == ["fits.npz"]


def test_a_missing_file_says_what_to_run(tmp_path):
    fits = some_fits()
    with pytest.raises(AssetError, match=r"no fits\.npz in .*run hmr_live_training\.pseudo_gt"):
        load_fits(tmp_path / "fits.npz", photos_of(fits, tmp_path))


def test_other_files_and_other_photos_are_refused(tmp_path):
    fits = some_fits()
    np.savez(tmp_path / "other.npz", pose=np.zeros(3))
    with pytest.raises(AssetError, match="holds no fits"):
        load_fits(tmp_path / "other.npz", photos_of(fits, tmp_path))
    save_fits(tmp_path / "fits.npz", fits)
    others = replace(photos_of(fits, tmp_path), names=fits.names[::-1])
    with pytest.raises(AssetError, match="not of the train photos"):
        load_fits(tmp_path / "fits.npz", others)
