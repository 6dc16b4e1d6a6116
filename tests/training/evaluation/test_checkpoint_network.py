"""A training checkpoint is evaluated by the same command as an exported network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hmr_live.core.state import CropBox
from hmr_live_training.checkpoints import build_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hmr_live_training.data.readers.shards import write_shards
from hmr_live_training.evaluation.checkpoint_network import CheckpointFolders, open_checkpoint
from hmr_live_training.measure import main
from tests.training.cases import tiny_config, tiny_network
from tests.training.paper.test_paper import posed_person

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

CONFIG = tiny_config(trained="end_to_end")


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    state = tiny_network(CONFIG).state_dict()
    save_checkpoint(path, Checkpoint(CONFIG, 1, 1.0, state, {}, [], {"photos": 1}))
    monkeypatch.setattr(build_network, "build_network", lambda config, **_: tiny_network(config))
    return path


def test_it_gives_the_outputs_of_the_torch_network(checkpoint, tmp_path):
    folders = CheckpointFolders(tmp_path, tmp_path, tmp_path)
    network = open_checkpoint(checkpoint, folders, backend="onnxruntime", threads=1)
    image = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    crop_boxes = [CropBox(150, 150, 200), CropBox(140, 160, 180, 0.4)]
    found = network.run(image, crop_boxes)
    with torch.no_grad():
        crops = torch.from_numpy(network.crop(image, crop_boxes))
        _, betas, camera, score, confidence = tiny_network(CONFIG).eval()(crops)
    for k, output in enumerate(found):
        np.testing.assert_allclose(output.betas, betas[k].numpy(), atol=1e-5)
        np.testing.assert_allclose(output.camera, camera[k].numpy(), atol=1e-5)
        np.testing.assert_allclose(output.confidence, confidence[k].numpy(), atol=1e-5)
        assert output.score == pytest.approx(score[k].item(), abs=1e-5)


def test_the_command_takes_it_like_an_exported_network(checkpoint, tmp_path):
    write_shards([posed_person(tmp_path)], tmp_path / "shards", prefix="a")
    figures = tmp_path / "figures.json"
    folders = ["--data", str(tmp_path), "--encoders", str(tmp_path)]
    shards = ["--sets", "shards", "--shards", str(tmp_path / "shards")]
    main([str(checkpoint), *folders, *shards, "--out", str(figures)])
    document = json.loads(figures.read_text())
    assert document["networks"][0]["name"] == "run.pt"
    assert {row["estimator"] for row in document["rows"]} == {"run.pt"}
    with pytest.raises(SystemExit, match="--encoders and --data"):
        main([str(checkpoint), *shards])
