"""``measure --posture`` on a few small pictures and clips, and its contact sheets."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path
from hmr_live_training.evaluation import posture_sheets
from hmr_live_training.evaluation.datasets import posture_figures, posture_seen
from hmr_live_training.landmarks import LSP_NAMES
from hmr_live_training.measure import main
from tests.training.cases import write_lspet
from tests.training.synthetic.synthetic_data import write_data

NETWORK = str(asset_path("networks", "lite.onnx"))
FRAMES = 4


def write_clip(path, clip):
    source = VideoFile(clip)
    path.parent.mkdir(exist_ok=True)
    size = (256, 456)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, size)
    for _ in range(FRAMES):
        writer.write(cv2.resize(source.read().image, size))
    writer.release()
    source.close()


@pytest.fixture
def data(tmp_path, demo_clip):
    folder = write_data(tmp_path / "data")
    write_lspet(folder, list(range(8001, 8005)), LSP_NAMES)
    for name in (*posture_seen.LEVEL_CLIPS, posture_seen.TRUE_CLIP):
        write_clip(folder / "videos" / name, demo_clip)
    truth = folder / posture_seen.TRUTH
    truth.parent.mkdir()
    limbs = np.random.default_rng(0).normal(size=(FRAMES, 12, 3))
    np.savez(
        truth,
        joints_camera=limbs,
        joint_names=np.array(LSP_NAMES[:12]),
        K=np.diag([400.0, 400.0, 1.0]),
        R=np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    )
    return folder


def test_posture_is_measured_and_shown(data, tmp_path, monkeypatch, capsys):
    scenes = tuple(scene._replace(views=scene.views[:1]) for scene in posture_figures.SCENES[:2])
    monkeypatch.setattr(posture_figures, "SCENES", scenes)
    monkeypatch.setattr(posture_seen, "STANDING", (8001, 8002, 8003))
    monkeypatch.setattr(posture_seen, "CROUCHING", (8004,))
    monkeypatch.setattr(posture_sheets, "SCENES", scenes)
    out, sheets = tmp_path / "figures.json", tmp_path / "sheets"
    given = [NETWORK, "--data", str(data), "--posture", "--quick", "--threads", "1"]
    main([*given, "--out", str(out), "--sheets", str(sheets)])
    document = json.loads(out.read_text())
    assert document["sets"] == ["posture"]
    rows = {(row["data_set"], row["condition"]): row for row in document["rows"]}
    assert rows["drawn people", "standing, level, 2.6 m"]["figures"]["knees, mean error"]["count"]
    assert rows["drawn people", "cut at the hips, level, 1.3 m"]
    stand = rows["LSPET", "who stand straight"]["figures"]
    assert stand["knees bent"]["count"] == 3
    assert rows["LSPET", "who crouch or sit"]["figures"]["knees bent"]["count"] == 1
    # Legs of 60 and a trunk of 40 pixels were clicked.
    assert stand["legs over trunk, clicked"]["value"] == pytest.approx(1.5, abs=0.05)
    assert stand["regressed"]["value"] > 0
    assert rows["LSPET", "all"]["figures"]["swapped"]["count"] == 1
    clip = rows[posture_seen.TRUE_CLIP, "raw"]["figures"]
    assert {"MPJPE", "PA-MPJPE", "x", "y", "z", "trunk pitch, mean error"} <= set(clip)
    assert rows[posture_seen.LEVEL_CLIPS[0], "raw"]["figures"]["frames with a person"]["count"] == 1
    assert "Posture: drawn people" in capsys.readouterr().out
    for name in ("drawn", "clips", "photos"):
        sheet = cv2.imread(str(sheets / f"lite_{name}.jpg"))
        assert sheet.shape[1] == 2048
        assert sheet.std() > 10


def test_sheets_are_of_posture(data):
    with pytest.raises(SystemExit, match="--posture"):
        main([NETWORK, "--data", str(data), "--sheets", "sheets"])


def test_what_a_pitched_camera_sees_is_turned_upright():
    up = np.array([0.0, -np.cos(0.4), -np.sin(0.4)])
    turned = posture_sheets._onto_level(up)
    np.testing.assert_allclose(turned @ up, (0, -1, 0), atol=1e-6)
    still = posture_sheets._onto_level(np.array([0.0, -1.0, 0.0]))
    np.testing.assert_allclose(still, np.eye(3), atol=1e-6)
