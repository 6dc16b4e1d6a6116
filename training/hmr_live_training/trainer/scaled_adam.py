"""Adam whose steps are in proportion to what a weight does, for networks with folded batch norms.

Once batch normalisation is folded into the convolutions, weights of one layer differ by a factor
of a million: a channel of BlazePose may have weights of 1e-5 in front of a filter of 500.  Adam
moves every weight by the same amount, which destroys the small ones long before the large ones
have moved at all.  Normalisation cannot be put back where an activation saturates (ReLU6) in
between.

So the weights of each channel get a scale from one batch of pictures: the spread of the channel's
output over the root mean square of its inputs and the square root of their number.  A step of rate
r then moves every channel's output by about r of its spread, whatever the weights are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

#: Inputs below this are as good as zero; their weights have no gradient and need no scale.
_LEAST_INPUT: Final = 1e-3

Scales = dict[nn.Parameter, Tensor]


class ScaledAdam(torch.optim.AdamW):
    """AdamW with a scale for each weight in groups that have ``scales``.

    A group's ``scales`` lie parallel to its ``params`` and have their shapes.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # noqa: ANN401 - as in torch
        """One step; see :class:`torch.optim.AdamW`."""
        scaled = [group for group in self.param_groups if "scales" in group]
        before = [[parameter.clone() for parameter in group["params"]] for group in scaled]
        loss = super().step(closure)
        # Hundreds of small tensors: one operation on all of them, where there is one.
        for group, old in zip(scaled, before, strict=True):
            torch._foreach_sub_(group["params"], old)
            torch._foreach_mul_(group["params"], group["scales"])
            torch._foreach_add_(group["params"], old)
        return loss


@torch.no_grad()
def response_scales(parts: Sequence[nn.Module], run: Callable[[], Any]) -> Scales:
    """Scales of all convolutions and linear layers in ``parts``.

    Parameters
    ----------
    parts
        Modules whose layers are measured.
    run
        Passes a batch of typical pictures through them.
    """
    scales: Scales = {}

    def measure(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight, bias = layer.weight, layer.bias
        assert isinstance(weight, nn.Parameter)
        places = (0, *range(2, output.dim()))
        spread = output.std(dim=places)
        strength = (inputs[0] ** 2).mean(dim=places)
        if weight.shape[1] == len(strength):  # every input enters every channel
            strength = strength.mean()
        fan_in = weight[0].numel()
        scale = spread / (strength.sqrt().clamp_min(_LEAST_INPUT) * fan_in**0.5)
        scales[weight] = scale.reshape(-1, *(1,) * (weight.dim() - 1)).expand_as(weight).clone()
        if isinstance(bias, nn.Parameter):
            scales[bias] = spread

    handles = [
        layer.register_forward_hook(measure)
        for part in parts
        for layer in part.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return scales
