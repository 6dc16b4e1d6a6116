"""A pruned regressor answers as the whole one, as far as it can."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hmr_live_training.landmarks import NUM_BLAZEPOSE
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.sampling.cached_features import features_folder
from hmr_live_training.sampling.synthetic_samples import save_synthetic
from hmr_live_training.trainer.prune_regressor import main, regressor_inputs
from tests.training.cases import NUM_FEATURES, tiny_config, tiny_network, tiny_samples


def cached(count: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    return torch.rand(count, NUM_FEATURES + NUM_BLAZEPOSE * 6, generator=g)


@pytest.fixture
def prune(tmp_path, monkeypatch):
    """Runs the command on a network; returns the pruned one."""
    monkeypatch.setattr(
        "hmr_live_training.checkpoints.build_network.build_network",
        lambda config, **_: tiny_network(config),
    )
    samples = tiny_samples(400)._replace(inputs=cached(400).half())

    def run(network: BodyNetwork, hidden: int) -> BodyNetwork:
        path = tmp_path / "run.pt"
        config = tiny_config(name="run")
        save_checkpoint(path, Checkpoint(config, 1, 1.0, network.state_dict(), {}, [], {}))
        folder = features_folder(tmp_path, network)
        folder.mkdir(exist_ok=True)
        save_synthetic(folder / "photos_0_of_1.npz", samples)
        main(["run", f"--hidden={hidden}", f"--out={tmp_path}", f"--cache={tmp_path}"])
        saved = load_checkpoint(tmp_path / "run_pruned.pt")
        assert saved.config == replace(config, name="run_pruned", hidden=hidden)
        other = tiny_network(saved.config)
        other.load_state_dict(saved.network)
        return other.eval()

    return run


def thetas(network: BodyNetwork) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack(network.regressor(*regressor_inputs(network, cached(50))))


def test_units_that_the_next_layer_ignores_go_without_a_trace(prune):
    network = tiny_network(tiny_config()).eval()
    with torch.no_grad():
        network.regressor.update.weight.normal_(0, 0.05)
        network.regressor.hidden2.weight[:, ::2] = 0
        network.regressor.update.weight[:, 1::2] = 0
    torch.testing.assert_close(thetas(prune(network, 16)), thetas(network), atol=2e-3, rtol=0)


def test_units_that_stay_make_up_for_those_that_go(prune):
    network = tiny_network(tiny_config()).eval()
    with torch.no_grad():
        network.regressor.update.weight.normal_(0, 0.05)
    small, true = prune(network, 24), thetas(network)
    error = (thetas(small) - true).square().mean()
    with torch.no_grad():
        network.regressor.update.weight[:, 24:] = 0
    cut = (thetas(network) - true).square().mean()
    assert error < cut / 10


def test_a_regressor_that_has_no_more_units_is_refused(prune):
    with pytest.raises(AssetError, match="32 hidden units"):
        prune(tiny_network(tiny_config()), 32)
