"""The running average of a network's weights, which is what is evaluated and exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def update_average(average: dict[str, Tensor], network: nn.Module, ema: float, step: int) -> None:
    """Take the network's present weights into ``average``, in place.

    Parameters
    ----------
    average
        A state dict of the same network.
    network
        Where the weights come from; what is not a floating-point number is copied.
    ema
        Decay once many steps are done.
    step
        Steps done; the decay rises with them, or the average would long remember the random start.
    """
    decay = min(ema, (1 + step) / (10 + step))
    state = network.state_dict()
    numbers = [name for name, value in state.items() if value.dtype.is_floating_point]
    torch._foreach_lerp_([average[n] for n in numbers], [state[n] for n in numbers], 1 - decay)
    for name in state.keys() - numbers:
        average[name].copy_(state[name])
