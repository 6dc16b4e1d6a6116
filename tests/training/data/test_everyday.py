"""Frames are told apart by geometry, and everyday ones are drawn more often."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hmr_live.body.skeleton import JOINT
from hmr_live.core.assets import asset_path
from hmr_live_training.data.everyday import (
    CLASSES,
    SHARES,
    everyday_frames,
    everyday_weights,
    posture_classes,
)
from hmr_live_training.data.posture_histograms import main
from hmr_live_training.synthetic.body_poses import load_body_poses
from tests.training.synthetic.synthetic_data import write_data


def still(frames=30, arms=-1.4, **joints):
    """Somebody who does not move, arms by the side."""
    poses = np.zeros((frames, 24, 3), np.float32)
    poses[:, JOINT["left_shoulder"], 2] = arms
    poses[:, JOINT["right_shoulder"], 2] = -arms
    for name, angle in joints.items():
        poses[:, JOINT[name]] = angle
    return poses


def sitting(frames=30):
    legs = {f"{side}_hip": (-1.5, 0, 0) for side in ("left", "right")}
    return still(frames, **legs, left_knee=(1.5, 0, 0), right_knee=(1.5, 0, 0))


def walking(frames=30):
    poses, phase = still(frames), np.linspace(0, 4 * np.pi, frames)
    for joint, sign in ((JOINT["left_hip"], 1), (JOINT["right_hip"], -1)):
        poses[:, joint, 0] = sign * 0.4 * np.sin(phase)
    return poses


@pytest.mark.parametrize(
    ("poses", "name"),
    [
        (still(), "standing"),
        (still(left_elbow=(0, -1.6, 0)), "hands"),
        (still(left_shoulder=(0, 0, 0.5)), "reaching"),
        (sitting(), "sitting"),
        (still(pelvis=(1.2, 0, 0)), "other"),
        (still(left_knee=(1.0, 0, 0), right_knee=(1.0, 0, 0)), "other"),
    ],
)
def test_classes(poses, name):
    assert {CLASSES[k] for k in posture_classes(poses)} == {name}


def test_a_moving_leg_walks():
    walks = posture_classes(walking(60)) == CLASSES.index("walking")
    assert walks.mean() > 0.6


def test_each_class_has_its_share_but_no_frame_all_of_it():
    crowd = [still(pelvis=(1.2, 0, 0), frames=800), still(200), sitting(2)]
    weights = everyday_weights(crowd)
    assert weights.sum() == pytest.approx(1)
    standing, seated = weights[800:1000].sum(), weights[1000:].sum()
    assert standing / weights[:800].sum() == pytest.approx(SHARES["standing"] / SHARES["other"])
    assert seated < SHARES["sitting"]
    frames = everyday_frames(crowd)
    assert len(frames) == 1002
    assert (np.diff(frames) >= 0).all()
    assert np.isin(frames, np.arange(800, 1000)).mean() == pytest.approx(standing, abs=0.01)
    np.testing.assert_array_equal(frames, everyday_frames(crowd))


def test_the_command_prints_and_draws_and_the_poses_stay_one_array(tmp_path, capsys):
    body_file = asset_path("body", "open_body.npz")
    data = write_data(tmp_path / "data")
    main(["--data", str(data), "--out", str(tmp_path / "angles.png")])
    printed = capsys.readouterr().out
    assert "as captured" in printed
    assert "sitting" in printed
    assert cv2.imread(str(tmp_path / "angles.png")).shape[2] == 3
    drawn, all_frames = (load_body_poses(data, body_file, everyday=e) for e in (True, False))
    assert drawn.shape == all_frames.shape
    assert set(map(bytes, drawn)) <= set(map(bytes, all_frames))
    with pytest.raises(SystemExit, match="There is no"):
        main(["--data", str(tmp_path)])
