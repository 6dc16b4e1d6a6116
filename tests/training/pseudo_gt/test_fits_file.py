from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live_training.data.crops import CROP_SIZE, apply_matrix, crop_matrix
from hmr_live_training.data.lspet import Photos
from hmr_live_training.landmarks import LANDMARK_MIRROR
from hmr_live_training.models.projection import project
from hmr_live_training.models.smpl_layer import BodyLandmarks
from hmr_live_training.pseudo_gt.bodies import to_photo
from hmr_live_training.pseudo_gt.fits_file import (
    Fits,
    add_fits,
    crop_fits,
    load_fits,
    save_fits,
    world_poses,
)
from hmr_live_training.sampling.samples import nobody
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


def in_photo(fits: Fits) -> np.ndarray:
    joints, landmarks = BodyLandmarks(rest_body())(
        torch.from_numpy(fits.rotmats), torch.from_numpy(fits.betas)
    )
    camera = torch.from_numpy(fits.camera)
    return to_photo(landmarks, joints[:, 0], camera).detach().numpy()


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_fit_in_a_crop_lies_where_its_photo_does(mirrored):
    fits = some_fits()
    photo = np.array([3, 0, 0, 4])
    crop_boxes = [CropBox(100 + 9 * k, 90, 150 + 30 * k, 0.5 * k - 0.7) for k in range(4)]
    matrix = np.stack([crop_matrix(crop_box, mirrored=mirrored) for crop_box in crop_boxes])
    crops = crop_fits(fits, photo, matrix)
    _, landmarks = BodyLandmarks(rest_body())(
        torch.from_numpy(crops.rotmats), torch.from_numpy(crops.betas)
    )
    found = project(landmarks, torch.from_numpy(crops.camera)).detach().numpy()
    expected = apply_matrix(matrix, in_photo(fits)[photo].astype(np.float64))
    if mirrored:
        expected = expected[:, list(LANDMARK_MIRROR)]
    # Eyes, ears and fingers of the body are not quite symmetric.
    tolerance = 0.5 if mirrored else 0.02
    np.testing.assert_allclose((found + 1) * CROP_SIZE / 2, expected, atol=tolerance)


def test_mirroring_twice_changes_nothing():
    fits = some_fits()
    everybody = np.arange(len(fits))
    flip = np.tile(np.array([[-1.0, 0.0, 224.0], [0.0, 1.0, 0.0]]), (len(fits), 1, 1))
    once = crop_fits(fits, everybody, flip)
    pose = once.rotmats[..., :2].reshape(len(fits), 24, 6)
    assert np.abs(pose - fits.pose).max() > 0.1
    twice = crop_fits(replace(fits, pose=pose, joint_weight=once.joint_weight), everybody, flip)
    np.testing.assert_allclose(twice.rotmats, fits.rotmats, atol=1e-6)
    np.testing.assert_array_equal(twice.joint_weight, fits.joint_weight)


def test_a_mirrored_crop_exchanges_the_weights_of_left_and_right():
    fits = some_fits()
    matrix = crop_matrix(CropBox(112, 112, 200, 0.0), mirrored=True)[None]
    crop = crop_fits(fits, np.array([2]), matrix)
    np.testing.assert_array_equal(crop.joint_weight[0, [4, 5]], fits.joint_weight[2, [5, 4]])
    assert crop.weight[0] == fits.weight[2]


def test_labels_get_the_rotations_and_no_belief_in_the_betas():
    fits = some_fits()
    labels = add_fits(nobody(len(fits)), fits)
    np.testing.assert_allclose(labels.rotmats, fits.rotmats)
    np.testing.assert_array_equal(labels.body[:, 0], fits.weight)
    assert not labels.body[:, 1].any()


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
