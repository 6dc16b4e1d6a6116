"""Prune the hidden units of a run's regressor.

``python -m hmr_live_training.trainer.prune_regressor whole``

The regressor's layers are read from memory anew in every iteration: with 1,024 units they take a
ninth of the whole network's time, with half of them a good deal less.  The units with the largest
effect on cached features (``hmr_live_training.trainer.train RUN --store-features``) are kept; the
weights behind them are fitted in least squares, so that they make up for the units that go.  The
result is a start for training, near enough to settle in a few hundred steps:
``<out>/<run>_pruned.pt``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import restore_network
from hmr_live_training.checkpoints.checkpoint import State, load_checkpoint, save_checkpoint
from hmr_live_training.models.landmark_feedback import LandmarkObservation
from hmr_live_training.models.network import BodyNetwork, unpacked
from hmr_live_training.models.regressor import IterativeRegressor
from hmr_live_training.sampling.cached_features import features_folder, load_features

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


def regressor_inputs(network: BodyNetwork, inputs: Tensor) -> tuple[Tensor, LandmarkObservation]:
    """Normalised features and observed landmarks of cached samples ``(N, D + 162)``."""
    features, observed = unpacked(inputs, network.encoder.dim)
    return network.regressor.normalise(features), observed


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.trainer.prune_regressor", description=__doc__
    )
    parser.add_argument("run")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument(
        "--samples", type=int, default=12000, help="cached samples to measure activations on"
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    o = parser.parse_args(arguments)
    saved = load_checkpoint(o.out / f"{o.run}.pt")
    network = restore_network(saved, encoders=o.encoders, data=o.data, body=o.body)
    network.eval()
    inputs = load_features(features_folder(o.cache, network), "photos").inputs
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    phi, observed = regressor_inputs(network, inputs[order[: o.samples]].float())
    state = prune_regressor(network.regressor, phi, observed, o.hidden)
    network_state = saved.network | {f"regressor.{name}": value for name, value in state.items()}
    name = f"{o.run}_pruned"
    path = o.out / f"{name}.pt"
    config = replace(saved.config, name=name, hidden=o.hidden)
    save_checkpoint(path, replace(saved, config=config, network=network_state))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
