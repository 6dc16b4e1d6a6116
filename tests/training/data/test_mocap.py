"""Motion capture becomes the file that the trainer reads."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.core.errors import AssetError
from hmr_live.imports.world_motion import WorldMotion
from hmr_live_training.data.mocap import (
    MOTION_FILES,
    load_poses,
    load_sequences,
    read_motions,
    resampled,
    save_motions,
)


def test_motions_are_thinned_to_one_clock_and_read_back_by_the_trainer(tmp_path):
    poses = np.arange(120, dtype=np.float32)[:, None, None] * np.ones((1, 24, 3), np.float32)
    fast = WorldMotion("fast", poses / 1000, np.zeros((120, 3), np.float32), 120.0)
    slow = WorldMotion("slow", -poses[:30] / 1000, np.zeros((30, 3), np.float32), 30.0)
    np.testing.assert_allclose(resampled(fast, 30).poses[:3, 0, 0], [0, 0.004, 0.008])
    path = tmp_path / "cmu_smpl24" / "cmu_smpl24_30fps.npz"
    assert save_motions(path, [fast, slow]) == 60
    held_out, trained = read_motions(path)
    assert (held_out.name, held_out.held_out) == ("fast", True)
    assert (trained.name, trained.held_out) == ("slow", False)
    np.testing.assert_allclose(trained.poses, slow.poses)
    np.testing.assert_allclose(held_out.poses, fast.poses[::4])
    with pytest.raises(AssetError, match=r"There is no .*cmu_extra.*--data"):
        load_poses(tmp_path)
    with pytest.raises(AssetError, match="training needs 60"):
        resampled(slow, 60)


def test_every_tenth_sequence_of_either_set_is_held_out(tmp_path):
    still = np.zeros((4, 3), np.float32)
    for file, kind in zip(MOTION_FILES, ("first", "second"), strict=True):
        poses = np.full((4, 24, 3), 0.1, np.float32)
        motions = [WorldMotion(f"{kind}_{k}", poses, still, 30.0) for k in range(12)]
        save_motions(tmp_path / file, motions)
    names = [s.name for s in load_sequences(tmp_path, held_out=True)]
    assert names == ["first_0", "first_10", "second_0", "second_10"]
    assert len(load_sequences(tmp_path)) == 20
    raw = load_poses(tmp_path, raw=True)
    np.testing.assert_array_equal(raw, np.full((80, 24, 3), 0.1, np.float32))
