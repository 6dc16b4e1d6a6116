"""Included angles of a video with known 3D joints."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.evaluation.datasets.triangulated import (
    flexions,
    load_camera,
    load_limbs,
    triangulated_rows,
)
from hmr_live_training.evaluation.datasets.videos import follow, video_frames
from hmr_live_training.evaluation.estimators import BodyReader, NetworkEstimator
from hmr_live_training.landmarks import LSP_NAMES
from hmr_live_training.measure import main

LIMBS = list(LSP_NAMES[:12])
SHOWN = 6


@pytest.fixture(scope="module")
def estimator():
    network = HmrNetwork(backend="onnxruntime")
    return NetworkEstimator("full", network, BodyReader(BodyModel.default()))


class FirstFrames(VideoFile):
    """A clip of a few frames."""

    def __init__(self, path):
        super().__init__(path)
        self.frame_count = SHOWN


def write_truth(path, limbs, names=LIMBS):
    np.savez(path, joints_camera=limbs, joint_names=np.array(names))
    return path


def test_a_leg_bent_by_a_right_angle():
    limbs = np.zeros((1, 12, 3))
    limbs[0, LIMBS.index("RHip")] = (0, -1, 0)
    limbs[0, LIMBS.index("RAnkle")] = (0, 0, 1)
    limbs[0, LIMBS.index("LHip")] = (0, -1, 0)
    limbs[0, LIMBS.index("LAnkle")] = (0, 1, 0)
    np.testing.assert_allclose(flexions(limbs)["knee"], [[90, 0]], atol=1e-9)


def test_limbs_are_found_by_name(tmp_path):
    limbs = np.random.default_rng(0).normal(size=(3, 12, 3))
    mixed = np.concatenate([limbs[:, ::-1], np.zeros((3, 1, 3))], axis=1)
    path = write_truth(tmp_path / "truth.npz", mixed, [*LIMBS[::-1], "Neck"])
    np.testing.assert_array_equal(load_limbs(path), limbs)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no joints")
    for path in (
        tmp_path / "none.npz",
        tmp_path / "text.npz",
        write_truth(tmp_path / "other.npz", np.zeros((3, 1, 3)), ["Neck"]),
    ):
        with pytest.raises(AssetError, match="joints_camera"):
            load_limbs(path)


def test_the_camera_is_read_where_the_file_has_it(tmp_path):
    path = write_truth(tmp_path / "truth.npz", np.zeros((3, 12, 3)))
    assert load_camera(path) == (None, None)
    rotation = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    np.savez(path, K=np.diag([500.0, 500.0, 1.0]), R=rotation)
    camera = load_camera(path)
    assert camera.focal_length == 500
    np.testing.assert_array_equal(camera.up, (0, -1, 0))
    with pytest.raises(AssetError, match="3D truth"):
        load_camera(tmp_path / "none.npz")


def test_the_error_is_that_of_the_flexion(tmp_path, monkeypatch, demo_clip, estimator):
    monkeypatch.setattr("hmr_live_training.evaluation.datasets.triangulated.VideoFile", FirstFrames)
    detector = PersonDetector(backend="onnxruntime")
    found = follow(video_frames(FirstFrames(demo_clip)), estimator, detector).raw
    truth = write_truth(tmp_path / "truth.npz", found)
    rows = triangulated_rows(demo_clip, truth, [estimator], detector)
    figures = {row.condition: row.figures for row in rows}
    assert len(figures) == 9
    assert figures["knee, raw"]["mean absolute error"].value == pytest.approx(0, abs=1e-3)
    assert figures["knee, smoothed"]["mean absolute error"].value > 0.01

    straight = found.copy()
    for side in "RL":
        hip, knee, ankle = (LIMBS.index(side + name) for name in ("Hip", "Knee", "Ankle"))
        straight[:, ankle] = 2 * straight[:, knee] - straight[:, hip]
    write_truth(truth, straight)
    rows = triangulated_rows(demo_clip, truth, [estimator], detector)
    bias = rows[0].figures["bias"].value
    assert rows[0].condition == "knee, raw"
    assert bias == pytest.approx(flexions(found)["knee"].mean(), abs=1e-3)

    write_truth(truth, found[1:])
    with pytest.raises(AssetError, match="5 frames"):
        triangulated_rows(demo_clip, truth, [estimator], detector)


def test_the_command_wants_one_video(tmp_path):
    truth = write_truth(tmp_path / "truth.npz", np.zeros((SHOWN, 12, 3)))
    with pytest.raises(SystemExit, match="exactly one --video"):
        main([str(asset_path("networks", "full.onnx")), "--truth", str(truth)])
