"""What a run starts from: published weights, or another run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch.nn import functional

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, State, load_checkpoint
from hmr_live_training.distributed import Processes
from hmr_live_training.models.network import BodyNetwork, Stage
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.pictures import SampleSource

#: Where landmarks are on the body, and how they move.
_OF_THE_BODY: Final = (
    "regressor.body.offsets",
    "regressor.body.correction",
    "regressor.feedback.moved_by",
)


def load_initial_weights(network: BodyNetwork, config: RunConfig, runs: Path) -> Checkpoint | None:
    """Put the weights that a run starts from into its network.

    Parameters
    ----------
    network
        As it was built.
    config
        Names the run to start from.
    runs
        Folder of their checkpoints.

    Returns
    -------
    The run that this one goes on from, or None.
    """
    if config.start_from is None:
        return None
    started = load_checkpoint(runs / f"{config.start_from}.pt")
    load_start(network, started.network)
    return started


def load_start(network: BodyNetwork, state: State) -> None:
    """Take over another run's weights; parts that it did not have stay as they were built.

    A regressor that is told more than the other one was begins by ignoring that.

    Raises
    ------
    AssetError
        When the state is not that of such a network.
    """
    state = _fitted(network, state)
    missing, unexpected = network.load_state_dict(state, strict=False)
    foreign = [name for name in missing if not name.startswith("confidence.")]
    if unexpected or foreign:
        raise AssetError("The run to start from has another encoder; choose one with the same.")


def _fitted(network: BodyNetwork, state: State) -> State:
    """The state in the shapes of the network: more inputs of the regressor weigh 0.

    What follows from the body and is not trained stays as the network has it.
    """
    wanted = network.state_dict()
    name = "regressor.hidden1_theta.weight"
    more = wanted[name].shape[1] - state[name].shape[1] if name in state else 0
    if more > 0:
        state = state | {name: functional.pad(state[name], (0, more))}
    return {
        name: wanted[name] if name in _OF_THE_BODY and name in wanted else value
        for name, value in state.items()
    }


def set_normalisation(
    network: BodyNetwork, source: SampleSource, stage: Stage, count: int = 4096
) -> None:
    """Normalise features by their statistics over (part of) the training set."""
    samples, device = source.draw(0, count, Processes()), network.regressor.feature_mean.device
    parts = torch.split(samples.inputs, 256)
    with torch.no_grad():
        features = torch.cat([network.encode_features(part.to(device), stage) for part in parts])
    network.regressor.set_normalisation(features.mean(dim=0), features.std(dim=0))
