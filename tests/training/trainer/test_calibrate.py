"""Confidence that is too sure is brought to the truth."""

from __future__ import annotations

import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hmr_live_training.data.augment import AugmentConfig
from hmr_live_training.sampling.pictures import CropStream
from hmr_live_training.trainer.calibrate import adjust, confidence_logits, main, scale_and_shift
from tests.training.cases import PlainPictures, tiny_config, tiny_network


def test_logits_that_are_twice_too_large_are_halved():
    g = torch.Generator().manual_seed(0)
    true = torch.randn(4000, 27, generator=g)
    near = (torch.rand(4000, 27, generator=g) < torch.sigmoid(true)).float()
    weight = torch.ones_like(near)
    scale, shift = scale_and_shift(2 * true + 1, near, weight)
    assert scale == pytest.approx(0.5, abs=0.02)
    assert shift == pytest.approx(-0.5, abs=0.02)


def test_what_is_not_known_does_not_count():
    g = torch.Generator().manual_seed(1)
    logits = torch.randn(500, 27, generator=g)
    near = (torch.rand(500, 27, generator=g) < torch.sigmoid(logits)).float()
    weight = (torch.rand(500, 27, generator=g) < 0.5).float()
    spoilt = torch.where(weight > 0, near, 1 - near)
    assert scale_and_shift(logits, spoilt, weight) == scale_and_shift(logits, near, weight)


def test_the_layer_answers_with_scaled_and_shifted_logits():
    network = tiny_network(tiny_config(trained="whole", heatmaps=True))
    stream = CropStream(PlainPictures(6), None, AugmentConfig())
    before, near, weight = confidence_logits(network, stream, 40)
    assert before.shape == near.shape == weight.shape == (64, 27)
    adjust(network, 0.5, -0.25)
    after, *_ = confidence_logits(network, stream, 40)
    torch.testing.assert_close(after, 0.5 * before - 0.25)


def test_a_run_without_photos_kept_out_is_refused(tmp_path, monkeypatch):
    config = tiny_config()
    path = tmp_path / "run.pt"
    save_checkpoint(path, Checkpoint(config, 1, 1.0, {}, {}, [], {}))
    monkeypatch.setattr(
        "hmr_live_training.trainer.calibrate.training_photos", lambda *_: ([1, 2], [])
    )
    with pytest.raises(AssetError, match="kept no photos out"):
        main(["--checkpoint", str(path), "--out", str(tmp_path / "new.pt")])
    assert not (tmp_path / "new.pt").exists()
