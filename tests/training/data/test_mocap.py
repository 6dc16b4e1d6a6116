"""Motion capture becomes the file that the trainer reads."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.core.errors import AssetError
from hmr_live.imports.world_motion import WorldMotion
from hmr_live_training.data.mocap import load_poses, resampled, save_motions


def test_motions_are_thinned_to_one_clock_and_read_back_by_the_trainer(tmp_path):
    poses = np.arange(120, dtype=np.float32)[:, None, None] * np.ones((1, 24, 3), np.float32)
    fast = WorldMotion("fast", poses / 1000, np.zeros((120, 3), np.float32), 120.0)
    slow = WorldMotion("slow", -poses[:30] / 1000, np.zeros((30, 3), np.float32), 30.0)
    np.testing.assert_allclose(resampled(fast, 30).poses[:3, 0, 0], [0, 0.004, 0.008])
    path = tmp_path / "cmu_smpl24" / "cmu_smpl24_30fps.npz"
    assert save_motions(path, [fast, slow]) == 60
    np.testing.assert_allclose(load_poses(tmp_path), slow.poses)
    np.testing.assert_allclose(load_poses(tmp_path, held_out=True), fast.poses[::4])
    with pytest.raises(AssetError, match="training needs 60"):
        resampled(slow, 60)
