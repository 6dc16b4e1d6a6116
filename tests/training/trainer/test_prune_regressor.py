"""A pruned regressor answers as the whole one, as far as it can."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint
from hmr_live_training.landmarks import NUM_BLAZEPOSE
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.trainer.prune_regressor import prune_checkpoint, regressor_inputs
from tests.training.cases import NUM_FEATURES, tiny_config, tiny_network


def cached(count: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    return torch.rand(count, NUM_FEATURES + NUM_BLAZEPOSE * 2, generator=g)


def prune(network: BodyNetwork, hidden: int) -> BodyNetwork:
    """The pruned network."""
    config = tiny_config(name="run")
    saved = Checkpoint(config, 1, 1.0, network.state_dict(), {}, [], {})
    pruned = prune_checkpoint(
        saved, network, cached(400).half(), torch.zeros(400, 1), name="pruned", hidden=hidden
    )
    assert pruned.config == replace(config, name="pruned", hidden=hidden)
    other = tiny_network(pruned.config)
    other.load_state_dict(pruned.network)
    return other.eval()


def thetas(network: BodyNetwork) -> torch.Tensor:
    with torch.no_grad():
        inputs = regressor_inputs(network, cached(50), torch.zeros(50, 1))
        return torch.stack(network.regressor(*inputs))


def test_units_that_the_next_layer_ignores_go_without_a_trace():
    network = tiny_network(tiny_config()).eval()
    with torch.no_grad():
        network.regressor.update.weight.normal_(0, 0.05)
        network.regressor.hidden2.weight[:, ::2] = 0
        network.regressor.update.weight[:, 1::2] = 0
    torch.testing.assert_close(thetas(prune(network, 16)), thetas(network), atol=2e-3, rtol=0)


def test_units_that_stay_make_up_for_those_that_go():
    network = tiny_network(tiny_config()).eval()
    with torch.no_grad():
        network.regressor.update.weight.normal_(0, 0.05)
    small, true = prune(network, 24), thetas(network)
    error = (thetas(small) - true).square().mean()
    with torch.no_grad():
        network.regressor.update.weight[:, 24:] = 0
    cut = (thetas(network) - true).square().mean()
    assert error < cut / 10


def test_a_regressor_that_has_no_more_units_is_refused():
    with pytest.raises(AssetError, match="32 hidden units"):
        prune(tiny_network(tiny_config()), 32)
