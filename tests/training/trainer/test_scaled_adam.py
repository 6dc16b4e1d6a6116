"""Steps in proportion to what weights do, however normalisation was folded into them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hmr_live_training.trainer.scaled_adam import ScaledAdam, response_scales


def folded(factor):
    """A convolution, a filter a channel; ``factor`` moves weight from the first to the second."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Flatten(), nn.LazyLinear(2)
    )
    pictures = torch.randn(8, 3, 5, 5)
    network(pictures)
    with torch.no_grad():
        network[0].weight[1] *= factor
        network[0].bias[1] *= factor
        network[1].weight[1] /= factor
    return network, pictures


def after_a_step(factor, rate=0.01):
    network, pictures = folded(factor)
    before = network(pictures).detach()
    parameters = [p for layer in network for p in layer.parameters()]
    scales = response_scales([network], lambda: network(pictures))
    optimizer = ScaledAdam(
        [{"params": parameters, "scales": [scales[p] for p in parameters]}],
        lr=rate,
        weight_decay=0.0,
        eps=1e-20,
    )
    network(pictures).square().mean().backward()
    optimizer.step()
    return before, network(pictures).detach()


def test_a_step_does_not_depend_on_how_the_network_was_folded():
    before, after = after_a_step(1.0)
    same, folded_after = after_a_step(1e-2)
    torch.testing.assert_close(before, same, atol=1e-4, rtol=1e-4)
    moved = (after - before).abs().max()
    assert moved > 0.01
    assert (after - folded_after).abs().max() < 0.05 * moved


def test_an_unscaled_group_is_plain_adam():
    steps = []
    for make in (ScaledAdam, torch.optim.AdamW):
        weight = nn.Parameter(torch.tensor([1.0, -2.0]))
        optimizer = make([weight], lr=0.1, weight_decay=0.0)
        weight.square().sum().backward()
        optimizer.step()
        steps.append(weight.detach().clone())
    assert torch.equal(*steps)


def test_a_scale_multiplies_the_step():
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    group = {"params": [weight], "scales": [torch.tensor([0.0, 2.0])]}
    optimizer = ScaledAdam([group], lr=0.1, weight_decay=0.0)
    weight.square().sum().backward()
    optimizer.step()
    assert weight.tolist() == pytest.approx([1.0, 0.8], abs=1e-5)


def test_a_channel_that_never_speaks_stays_as_it_is():
    layer = nn.Conv2d(2, 3, 1)
    with torch.no_grad():
        layer.weight[1] = 0
    scales = response_scales([layer], lambda: layer(torch.randn(4, 2, 3, 3)))
    assert scales[layer.weight].shape == layer.weight.shape
    assert (scales[layer.weight][1] == 0).all()
    assert scales[layer.bias][1] == 0
    assert (scales[layer.weight][[0, 2]] > 0).all()
