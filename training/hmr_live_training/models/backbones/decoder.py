"""BlazePose's decoder: maps of the backbone, coarse to fine, added up to heat maps.

In the published file maps of 48 channels are enlarged and added, and the last layer makes a heat
map for each landmark of their sum.  All of that is linear, so here each map passes the last layer
first and fewer channels are enlarged.  Enlarging is two products with a small matrix, one down the
rows and one along the columns: runtimes have fast products everywhere, and slow interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hmr_live_training.models.backbones.graph_module import GraphModule, SameConv
from hmr_live_training.models.backbones.tflite_reader import Graph, Operator


class HeatmapDecoder(GraphModule):
    """Maps of the backbone -> heat maps.

    Parameters
    ----------
    graph
        BlazePose.
    heatmap
        Number of the tensor of all heat maps.
    sources
        Numbers of the maps that the decoder reads.
    landmarks
        Which of the file's heat maps to make, in this order.
    """

    def __init__(
        self, graph: Graph, heatmap: int, sources: Sequence[int], landmarks: Sequence[int]
    ) -> None:
        makers = {operator.output: operator for operator in graph.operators}
        super().__init__(graph, _summands(makers, makers[heatmap].inputs[0], sources), sources)
        self.last = f"t{heatmap}"
        layer = SameConv(graph, makers[heatmap])
        layer.keep(landmarks)
        self.layers[self.last] = layer
        for step, number in enumerate(self.outputs[:-1]):
            size = graph.shapes[number][1]
            self.register_buffer(f"enlarging{step}", _enlarging(size), persistent=False)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(N, C, H, W)`` each -> heat maps, logits ``(N, K, 64, 64)``, alone in a tuple."""
        *coarse, finest = super().forward(*inputs)
        last = self.layers[self.last]
        assert isinstance(last, SameConv)
        total = last(finest)
        if coarse:
            total = total + self._enlarged(coarse, last.conv.weight)
        return (total,)

    def _enlarged(self, maps: Sequence[Tensor], weight: Tensor) -> Tensor:
        """Sum of all maps but the finest, at the finest one's size, without the bias."""
        total = functional.conv2d(maps[0], weight)
        for step in range(len(maps)):
            matrix = getattr(self, f"enlarging{step}")
            total = matrix @ (total @ matrix.mT)
            if step + 1 < len(maps):
                total = total + functional.conv2d(maps[step + 1], weight)
        return total


def _summands(makers: dict[int, Operator], number: int, sources: Sequence[int]) -> tuple[int, ...]:
    """What is enlarged and added up to a tensor, coarse to fine."""
    fine: list[int] = []
    while number not in sources and makers[number].kind == "ADD":
        enlarged, added = makers[number].inputs
        assert makers[enlarged].kind == "RESIZE_BILINEAR"
        fine.append(added)
        number = makers[enlarged].inputs[0]
    return (number, *reversed(fine))


def _enlarging(size: int) -> Tensor:
    """``(2 size, size)``: bilinear interpolation to twice the size along one axis."""
    rows = functional.interpolate(
        torch.eye(size)[None], size=2 * size, mode="linear", align_corners=False
    )
    return rows[0].T.contiguous()
