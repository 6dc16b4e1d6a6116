"""Give a run's loop fewer hidden units.

``python -m hmr_live_training.trainer.prune_regressor whole``

The loop's layers are read from memory anew in every iteration: with 1,024 units they take a ninth
of the whole network's time, with half of them a good deal less.  The units that matter most on
stored sights (``hmr_live_training.trainer.train RUN --store-sights``) stay; the weights behind
them are fitted in
least squares, so that they stand in for those that go.  What comes out is a start for training,
near enough to settle in a few hundred steps: ``<out>/<run>_narrow.pt``.
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
from hmr_live_training.models.landmark_feedback import Evidence
from hmr_live_training.models.network import BodyNetwork, unpacked
from hmr_live_training.models.regressor import IterativeRegressor
from hmr_live_training.sampling.cached_features import load_sights, sight_folder

#: Share of the mean square that is added for units that hardly ever speak.
_RIDGE = 1e-5
_BATCH = 1000


def narrowed(regressor: IterativeRegressor, phi: Tensor, seen: Evidence, hidden: int) -> State:
    """Weights of a loop with ``hidden`` units in place of more.

    Parameters
    ----------
    regressor
        The loop.
    phi, seen
        Normalised features ``(N, D)`` and evidence of pictures as they are trained on.
    hidden
        How many units stay.

    Returns
    -------
    The regressor's state.

    Raises
    ------
    AssetError
        When the loop has no more units than that.
    """
    present = regressor.config.hidden
    if hidden >= present:
        raise AssetError(f"The loop has {present} hidden units; ask for fewer.")
    first, second = _spoken(regressor, phi, seen)
    with torch.no_grad():
        one = _loudest(first, regressor.hidden2, hidden)
        two = _loudest(second, regressor.update, hidden)
        kept = first[:, one]
        weight2, bias2 = _fitted(kept, regressor.hidden2(first)[:, two])
        answer = torch.relu(kept @ weight2.T + bias2)
        weight3, bias3 = _fitted(answer, regressor.update(second))
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


def _spoken(regressor: IterativeRegressor, phi: Tensor, seen: Evidence) -> tuple[Tensor, Tensor]:
    """What both hidden layers say in all iterations, ``(T N, H)`` each."""
    said: list[tuple[Tensor, Tensor]] = []

    def listen(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        said.append((inputs[0], torch.relu(output)))

    hook = regressor.hidden2.register_forward_hook(listen)
    with torch.no_grad():
        for parts in zip(*(torch.split(part, _BATCH) for part in (phi, *seen)), strict=True):
            regressor(parts[0], Evidence(*parts[1:]))
    hook.remove()
    first, second = zip(*said, strict=True)
    return torch.cat(first), torch.cat(second)


def _loudest(said: Tensor, listener: nn.Linear, count: int) -> Tensor:
    """Places of the units that move the next layer most."""
    loudness = (said**2).mean(dim=0) * (listener.weight**2).sum(dim=0)
    return loudness.topk(count).indices.sort().values


def _fitted(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of the linear layer that fits best."""
    known = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1).double()
    square = known.T @ known
    square += _RIDGE * square.diagonal().mean() * torch.eye(len(square)).double()
    solution = torch.linalg.solve(square, known.T @ outputs.double()).float()
    return solution[:-1].T.contiguous(), solution[-1]


def sights_of(network: BodyNetwork, inputs: Tensor) -> tuple[Tensor, Evidence]:
    """Normalised features and evidence of stored sights."""
    emb, seen = unpacked(inputs, network.encoder.dim)
    return network.regressor.normalise(emb), seen


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.trainer.prune_regressor", description=__doc__
    )
    parser.add_argument("run")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--sights", type=int, default=12000, help="how many to listen to")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    o = parser.parse_args(arguments)
    saved = load_checkpoint(o.out / f"{o.run}.pt")
    network = restore_network(saved, encoders=o.encoders, data=o.data, body=o.body)
    network.eval()
    inputs = load_sights(sight_folder(o.cache, network), "photos").inputs
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    phi, seen = sights_of(network, inputs[order[: o.sights]].float())
    state = narrowed(network.regressor, phi, seen, o.hidden)
    network_state = saved.network | {f"regressor.{name}": value for name, value in state.items()}
    name = f"{o.run}_narrow"
    path = o.out / f"{name}.pt"
    config = replace(saved.config, name=name, hidden=o.hidden)
    save_checkpoint(path, replace(saved, config=config, network=network_state))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
