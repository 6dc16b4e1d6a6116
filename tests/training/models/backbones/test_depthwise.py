"""The fast gradient of depthwise filters equals PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hmr_live_training.models.backbones.depthwise import depthwise


def gradients(layer, x, run):
    x = x.clone().requires_grad_()
    layer.zero_grad()
    out = run(x)
    (out * torch.linspace(-1, 2, out.numel()).reshape(out.shape)).sum().backward()
    return out.detach(), x.grad, layer.weight.grad.clone(), layer.bias.grad.clone()


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (5, 1, 2), (5, 2, 0)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_those_of_the_plain_layer(kernel, stride, padding, layout):
    torch.manual_seed(0)
    layer = nn.Conv2d(7, 7, kernel, stride, padding, groups=7)
    x = torch.randn(3, 7, 11, 9).to(memory_format=layout)
    plain = gradients(layer, x, layer)
    fast = gradients(layer, x, lambda x: depthwise(x, layer))
    for found, expected in zip(fast, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_nothing_is_computed_for_what_is_not_trained():
    layer = nn.Conv2d(4, 4, 3, padding=1, groups=4).requires_grad_(False)
    x = torch.randn(1, 4, 6, 6, requires_grad=True)
    depthwise(x, layer).sum().backward()
    assert x.grad is not None
    assert layer.weight.grad is None
