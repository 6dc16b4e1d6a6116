"""Run a :class:`.Graph` as a trainable torch module.

TensorFlow keeps images as (N, H, W, C), torch as (N, C, H, W): weights are transposed once when
the module is built and reshapes are done in TensorFlow's order, so outputs equal the file's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_live.core.errors import AssetError
from hmr_live_training.models.backbones.depthwise import depthwise
from hmr_live_training.models.backbones.pointwise import pointwise
from hmr_live_training.models.backbones.tflite_reader import Graph, Operator

_NONE, _RELU, _RELU6 = 0, 1, 3


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's ``SAME`` padding (before, after); the odd pixel goes after."""
    extent = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def activate(x: Tensor, activation: int) -> Tensor:
    """The activation that TensorFlow Lite fuses into a layer."""
    if activation == _NONE:
        return x
    if activation == _RELU:
        return F.relu(x)
    if activation == _RELU6:
        return F.relu6(x)
    raise AssetError(f"The fused activation {activation} is not supported; use a BlazePose file.")


class SameConv(nn.Module):
    """Convolution with TensorFlow's padding, its size fixed by the recorded input size."""

    def __init__(self, graph: Graph, operator: Operator) -> None:
        super().__init__()
        depthwise = operator.kind == "DEPTHWISE_CONV_2D"
        weight = graph.constants[operator.inputs[1]]
        kernel = weight.shape[1:3]
        weight = np.transpose(weight, (3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        _, height, width, channels = graph.shapes[operator.inputs[0]]
        o = operator.options
        pads = [(0, 0), (0, 0)]
        if o["same"]:
            pads = [
                same_padding(n, k, s, d)
                for n, k, s, d in zip(
                    (height, width), kernel, o["stride"], o["dilation"], strict=True
                )
            ]
        symmetric = all(before == after for before, after in pads)
        self.pad = None if symmetric else (*pads[1], *pads[0])
        self.activation: int = o["activation"]
        #: Whether gradients of 1 x 1 filters are made in bfloat16.
        self.rough_gradients = False
        self.conv = nn.Conv2d(
            channels,
            weight.shape[0],
            kernel,
            o["stride"],
            (pads[0][0], pads[1][0]) if symmetric else 0,
            o["dilation"],
            groups=channels if depthwise else 1,
        )
        bias = graph.constants[operator.inputs[2]]
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            if self.conv.bias is not None:
                self.conv.bias.copy_(torch.from_numpy(np.array(bias)))

    def keep(self, channels: Sequence[int]) -> None:
        """Compute these output channels only, in this order."""
        conv, rows = self.conv, list(channels)
        conv.weight = nn.Parameter(conv.weight.detach()[rows].clone())
        if conv.bias is not None:
            conv.bias = nn.Parameter(conv.bias.detach()[rows].clone())
        conv.out_channels = len(rows)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        if self.pad is not None:
            x = F.pad(x, self.pad)
        return activate(self._convolved(x), self.activation)

    def _convolved(self, x: Tensor) -> Tensor:
        conv = self.conv
        if self.training and x.dtype == torch.float32 and x.is_cpu:
            if conv.groups > 1:
                return depthwise(x, conv)
            if self.rough_gradients and conv.kernel_size == conv.stride == (1, 1):
                return pointwise(x, conv)
        result: Tensor = conv(x)
        return result


class GraphModule(nn.Module):
    """The part of a graph that leads from ``sources`` to ``outputs``.

    Parameters
    ----------
    graph
        What :func:`~hmr_live_training.models.backbones.tflite_reader.read_tflite` returned.
    outputs
        Tensor numbers to return, in this order; the graph's own outputs when None.
    sources
        Tensor numbers that the caller supplies; the graph's input when None.  Giving an inner
        tensor cuts the network in two, so that late layers can be trained on stored features.
    """

    def __init__(
        self,
        graph: Graph,
        outputs: Iterable[int] | None = None,
        sources: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.outputs = tuple(graph.outputs if outputs is None else outputs)
        self.sources = tuple(graph.inputs if sources is None else sources)
        self.operators = _needed(graph, self.outputs, self.sources)
        self.input_shapes = {o.output: graph.shapes[o.inputs[0]] for o in self.operators}
        self.layers = nn.ModuleDict(
            {
                f"t{o.output}": SameConv(graph, o)
                for o in self.operators
                if o.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
            }
        )

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Source tensors (images as (N, C, H, W)) -> output tensors."""
        values = dict(zip(self.sources, inputs, strict=True))
        for operator in self.operators:
            name = f"t{operator.output}"
            if name in self.layers:
                values[operator.output] = self.layers[name](values[operator.inputs[0]])
            else:
                arguments = [values[i] for i in operator.inputs if i in values]
                run = _LAYERS[operator.kind]
                shape = self.input_shapes[operator.output]
                values[operator.output] = run(operator.options, shape, arguments)
        return tuple(values[i] for i in self.outputs)


def _needed(graph: Graph, outputs: Sequence[int], sources: Sequence[int]) -> tuple[Operator, ...]:
    """Operators on a path from the sources to the outputs."""
    wanted, kept = set(outputs) - set(sources), []
    for operator in reversed(graph.operators):
        if operator.output in wanted:
            kept.append(operator)
            wanted.update(
                i for i in operator.inputs if i not in graph.constants and i not in sources
            )
    missing = wanted - {operator.output for operator in kept} - set(graph.constants) - set(sources)
    if missing:
        raise AssetError(f"Tensor {min(missing)} does not depend on {tuple(sources)} alone.")
    return tuple(reversed(kept))


def _add(options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    return activate(x[0] + x[1], options["activation"])


def _pad(options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    _, rows, columns, channels = options["pads"]
    return F.pad(x[0], (*columns, *rows, *channels))


def _max_pool(options: dict[str, Any], shape: tuple[int, ...], x: list[Tensor]) -> Tensor:
    image = x[0]
    if options["same"]:
        rows, columns = (
            same_padding(shape[axis + 1], options["kernel"][axis], options["stride"][axis])
            for axis in (0, 1)
        )
        if any(rows + columns):
            image = F.pad(image, (*columns, *rows), value=-torch.inf)
    return F.max_pool2d(image, options["kernel"], options["stride"])


def _resize(options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    size = options["output_shape"][1:3]
    return F.interpolate(
        x[0], size=tuple(size), mode="bilinear", align_corners=options["align_corners"]
    )


def _depth_to_space(options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    block = options["block"]
    n, c, h, w = x[0].shape
    blocks = x[0].reshape(n, block, block, c // block**2, h, w)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(n, c // block**2, h * block, w * block)


def _reshape(options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    rows = x[0].permute(0, 2, 3, 1) if x[0].dim() == 4 else x[0]
    return rows.reshape(-1, *options["output_shape"][1:])


def _concatenate(options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    axis = options["axis"]
    if x[0].dim() == 4:
        axis = {-1: 1, 3: 1, 1: 2, 2: 3}[axis]
    return activate(torch.cat(x, axis), options["activation"])


def _logistic(_options: dict[str, Any], _: tuple[int, ...], x: list[Tensor]) -> Tensor:
    return torch.sigmoid(x[0])


_LAYERS: dict[str, Callable[[dict[str, Any], tuple[int, ...], list[Tensor]], Tensor]] = {
    "ADD": _add,
    "PAD": _pad,
    "MAX_POOL_2D": _max_pool,
    "RESIZE_BILINEAR": _resize,
    "DEPTH_TO_SPACE": _depth_to_space,
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenate,
    "LOGISTIC": _logistic,
}
