"""Prune the hidden units of a regressor.

The regressor's layers are read from memory anew in every iteration: with 1,024 units they take a
ninth of the whole network's time, with half of them a good deal less.  The units with the largest
effect on cached features are kept; the weights behind them are fitted in least squares, so that
they make up for the units that go.  The result is a start for training, near enough to settle in a
few hundred steps.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, State
from hmr_live_training.models.landmark_feedback import LandmarkObservation
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.models.regressor import IterativeRegressor

#: Share of the mean square that is added for units that are hardly ever active.
_RIDGE = 1e-5
_BATCH = 1000


def prune_regressor(
    regressor: IterativeRegressor, phi: Tensor, observed: LandmarkObservation, hidden: int
) -> State:
    """Weights of a regressor with fewer hidden units.

    Parameters
    ----------
    regressor
        What is pruned.
    phi, observed
        Normalised features ``(N, D)`` and observed landmarks of crops as they are trained on.
    hidden
        How many units stay in each layer.

    Returns
    -------
    State of the pruned regressor.

    Raises
    ------
    AssetError
        When the regressor has no more units than that.
    """
    present = regressor.config.hidden
    if hidden >= present:
        raise AssetError(f"The regressor has {present} hidden units; ask for fewer.")
    first, second = _activations(regressor, phi, observed)
    with torch.no_grad():
        one = _top_units(first, regressor.hidden2, hidden)
        two = _top_units(second, regressor.update, hidden)
        kept = first[:, one]
        weight2, bias2 = _least_squares(kept, regressor.hidden2(first)[:, two])
        reduced = torch.relu(kept @ weight2.T + bias2)
        weight3, bias3 = _least_squares(reduced, regressor.update(second))
    state = regressor.state_dict()
    return state | {
        "hidden1_phi.weight": state["hidden1_phi.weight"][one],
        "hidden1_phi.bias": state["hidden1_phi.bias"][one],
        "hidden1_theta.weight": state["hidden1_theta.weight"][one],
        "hidden2.weight": weight2,
        "hidden2.bias": bias2,
        "update.weight": weight3,
        "update.bias": bias3,
    }


def _activations(
    regressor: IterativeRegressor, phi: Tensor, observed: LandmarkObservation
) -> tuple[Tensor, Tensor]:
    """Activations of both hidden layers in all iterations, ``(T N, H)`` each."""
    activations: list[tuple[Tensor, Tensor]] = []

    def record(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        activations.append((inputs[0], torch.relu(output)))

    hook = regressor.hidden2.register_forward_hook(record)
    with torch.no_grad():
        for parts in zip(*(torch.split(part, _BATCH) for part in (phi, *observed)), strict=True):
            regressor(parts[0], LandmarkObservation(*parts[1:]))
    hook.remove()
    first, second = zip(*activations, strict=True)
    return torch.cat(first), torch.cat(second)


def _top_units(activations: Tensor, next_layer: nn.Linear, count: int) -> Tensor:
    """Indices of the units that contribute most to the next layer."""
    contribution = (activations**2).mean(dim=0) * (next_layer.weight**2).sum(dim=0)
    return contribution.topk(count).indices.sort().values


def _least_squares(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of the linear layer from inputs to outputs, with a small ridge."""
    known = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1).double()
    square = known.T @ known
    square += _RIDGE * square.diagonal().mean() * torch.eye(len(square)).double()
    solution = torch.linalg.solve(square, known.T @ outputs.double()).float()
    return solution[:-1].T.contiguous(), solution[-1]


@torch.no_grad()
def regressor_inputs(
    network: BodyNetwork, inputs: Tensor, perspective: Tensor
) -> tuple[Tensor, LandmarkObservation]:
    """Normalised features and observed landmarks of cached samples ``(N, D + 54)``."""
    encoded = network.encode(inputs, "encoder_output", perspective)
    return network.regressor.normalise(encoded.features), encoded.observed


def prune_checkpoint(
    saved: Checkpoint,
    network: BodyNetwork,
    inputs: Tensor,
    perspective: Tensor,
    *,
    name: str,
    hidden: int,
    samples: int = 12000,
    seed: int = 0,
) -> Checkpoint:
    """The checkpoint of a network with fewer hidden units.

    Parameters
    ----------
    saved, network
        What is pruned, and its network.
    inputs
        ``(N, D + 54)`` cached encoder output of photos.
    perspective
        ``(N, 1)`` inverse focal lengths of their crops.
    name
        Of the new checkpoint.
    hidden
        How many units stay in each layer.
    samples
        How many of the inputs to measure activations on, drawn with ``seed``.
    """
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    chosen = order[:samples]
    phi, observed = regressor_inputs(network.eval(), inputs[chosen].float(), perspective[chosen])
    state = prune_regressor(network.regressor, phi, observed, hidden)
    weights = saved.network | {f"regressor.{key}": value for key, value in state.items()}
    config = replace(saved.config, name=name, hidden=hidden)
    return replace(saved, config=config, network=weights)
