"""Rounded weights are float16 numbers, and only the encoder's."""

from __future__ import annotations

import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hmr_live_training.export.cast_fp16 import main
from tests.training.cases import tiny_config, tiny_network


def saved(path, network):
    save_checkpoint(path, Checkpoint(tiny_config(), 1, 1.0, network.state_dict(), {}, [], {}))


def test_the_encoder_becomes_float16_and_the_rest_stays(tmp_path):
    network = tiny_network(tiny_config())
    saved(tmp_path / "run.pt", network)
    main(["--checkpoint", str(tmp_path / "run.pt"), "--out", str(tmp_path / "small.pt")])
    small = load_checkpoint(tmp_path / "small.pt").network
    changed = 0
    for name, value in network.state_dict().items():
        if name.startswith("encoder."):
            assert torch.equal(small[name], small[name].half().float())
            torch.testing.assert_close(small[name], value, rtol=1e-3, atol=1e-6)
            changed += not torch.equal(small[name], value)
        else:
            assert torch.equal(small[name], value)
    assert changed


def test_a_weight_that_does_not_fit_is_named(tmp_path):
    network = tiny_network(tiny_config())
    with torch.no_grad():
        next(network.encoder.late.parameters()).view(-1)[0] = 1e6
    saved(tmp_path / "run.pt", network)
    with pytest.raises(AssetError, match=r"encoder\.late.*float16"):
        main(["--checkpoint", str(tmp_path / "run.pt"), "--out", str(tmp_path / "small.pt")])
    assert not (tmp_path / "small.pt").exists()
