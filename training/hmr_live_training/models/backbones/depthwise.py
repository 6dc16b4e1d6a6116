"""Depthwise convolution whose weights' gradient does not take ten times as long as all the rest.

PyTorch has no fast path on processors for the gradient of depthwise filters wider than 3 x 3; half
of a training step of a MobileNet-like backbone goes there.  It is a plain sum of products along the
channels, which Numba turns into a few vector instructions.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

Maps = NDArray[np.float32]
#: Of the gradient's arguments: input, not weight, not bias.
_INPUT_ONLY: Final = (True, False, False)


@njit(fastmath=True, cache=True, nogil=True)
def _weight_gradient(
    x: Maps, gradient: Maps, kernel: int, stride: int, top: int, left: int, out: Maps
) -> None:
    """Add to ``out`` ``(kernel * kernel, C)``; maps are ``(N, H, W, C)``."""
    count, height, width, channels = x.shape
    for n in range(count):
        for row in range(gradient.shape[1]):
            for i in range(kernel):
                y = row * stride + i - top
                if y < 0 or y >= height:
                    continue
                for column in range(gradient.shape[2]):
                    arriving = gradient[n, row, column]
                    for j in range(kernel):
                        place = column * stride + j - left
                        if place < 0 or place >= width:
                            continue
                        seen = x[n, y, place]
                        total = out[i * kernel + j]
                        for c in range(channels):
                            total[c] += seen[c] * arriving[c]


class _Depthwise(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, conv: nn.Conv2d) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, weight)
        ctx.conv = conv
        return functional.conv2d(x, weight, bias, conv.stride, conv.padding, groups=conv.groups)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        conv: nn.Conv2d = ctx.conv
        wanted = ctx.needs_input_grad
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        to_input = to_weight = to_bias = None
        if wanted[0]:
            to_input = torch.ops.aten.convolution_backward(
                gradient,
                x,
                weight,
                None,
                conv.stride,
                conv.padding,
                conv.dilation,
                False,
                [0, 0],
                conv.groups,
                _INPUT_ONLY,
            )[0]
        if wanted[1]:
            to_weight = weight_gradient(x, gradient, conv)
        if wanted[2]:
            to_bias = gradient.sum(dim=(0, 2, 3))
        return to_input, to_weight, to_bias, None


def weight_gradient(x: Tensor, gradient: Tensor, conv: nn.Conv2d) -> Tensor:
    """Gradient of a depthwise layer's weights, ``(C, 1, k, k)``.

    Parameters
    ----------
    x
        ``(N, C, H, W)`` what entered the layer, float32.
    gradient
        ``(N, C, H', W')`` of the loss by the layer's output.
    conv
        The layer: square filters, zero padding, no dilation.
    """
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    top, left = (int(p) for p in conv.padding)
    total = np.zeros((kernel * kernel, conv.groups), np.float32)
    _weight_gradient(_maps(x), _maps(gradient), kernel, stride, top, left, total)
    found = torch.from_numpy(total.T.reshape(conv.weight.shape))
    # In the layout of the weights, as DistributedDataParallel wants it.
    return torch.empty_like(conv.weight).copy_(found)


def _maps(x: Tensor) -> Maps:
    """``(N, C, H, W)`` -> ``(N, H, W, C)``, which is how they lie in memory."""
    last = x.detach().contiguous(memory_format=torch.channels_last)
    return np.asarray(last.permute(0, 2, 3, 1).numpy(), np.float32)


def depthwise(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """``conv(x)``, whose backward pass is fast on processors."""
    result: Tensor = _Depthwise.apply(x, conv.weight, conv.bias, conv)  # type: ignore[no-untyped-call]
    return result
