"""Gradients in bfloat16 are those of the plain layer, but for rounding; the answer is exact."""

from __future__ import annotations

import torch
from torch import nn

from hmr_live_training.models.backbones.pointwise import pointwise


def gradients(layer, x, run):
    x = x.clone().requires_grad_()
    layer.zero_grad()
    out = run(x)
    out.square().mean().backward()
    return out.detach(), (x.grad, layer.weight.grad.clone(), layer.bias.grad.clone())


def test_gradients_point_where_exact_ones_do():
    torch.manual_seed(0)
    layer = nn.Conv2d(24, 40, 1)
    x = torch.randn(4, 24, 9, 7).to(memory_format=torch.channels_last)
    answer, exact = gradients(layer, x, layer)
    same, rough = gradients(layer, x, lambda x: pointwise(x, layer))
    assert torch.equal(same, answer)
    for found, expected in zip(rough, exact, strict=True):
        assert found.shape == expected.shape
        assert found.dtype == torch.float32
        alike = torch.cosine_similarity(found.flatten(), expected.flatten(), dim=0)
        assert alike > 0.9999
        assert abs(float(found.norm() / expected.norm()) - 1) < 0.005


def test_a_layer_that_is_not_trained_gets_no_gradient():
    layer = nn.Conv2d(4, 6, 1).requires_grad_(False)
    x = torch.randn(1, 4, 5, 5, requires_grad=True)
    pointwise(x, layer).sum().backward()
    torch.testing.assert_close(
        x.grad, layer.weight.sum(dim=0, keepdim=True).expand(1, 4, 5, 5), rtol=0.02, atol=0.01
    )
    assert layer.weight.grad is None
