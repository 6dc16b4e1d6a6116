"""Which parameters a run trains, and at which rates: the optimiser's groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hmr_live_training.models.backbones.graph_module import SameConv
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.paper.network import PaperNetwork
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.trainer.scaled_adam import response_scales

Groups = list[dict[str, Any]]


def blazepose_groups(
    config: RunConfig, network: BodyNetwork, first_inputs: Callable[[], Tensor]
) -> Groups:
    """Regressor, landmark correction, confidence head, and what of the encoder trains.

    Everything else of the encoder is frozen.

    Parameters
    ----------
    config
        The run.
    network
        On its device.
    first_inputs
        Inputs of some crops, the same in every process: the encoder's steps are in proportion to
        what its layers do to them (:mod:`.scaled_adam`).
    """
    network.encoder.requires_grad_(False)
    correction = network.regressor.body.correction
    own = [p for p in network.regressor.parameters() if p is not correction]
    groups: Groups = [
        {"params": own, "lr": config.learning_rate, "weight_decay": config.weight_decay},
        {"params": [correction], "lr": config.correction_rate, "weight_decay": 0.0},
        {
            "params": [*network.confidence.parameters()],
            "lr": config.confidence_rate,
            "weight_decay": 0.0,
        },
    ]
    trained = trained_encoder_parts(config, network)
    for part in trained:
        part.requires_grad_(True)
        # Convolutions run nearly twice as fast in this layout.
        part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for layer in part.modules():
            if isinstance(layer, SameConv):
                layer.rough_gradients = config.mixed_precision
    if trained:
        inputs = first_inputs()
        # While it trains, a network's fast layers are not called as the layers that are measured.
        network.eval()
        scales = response_scales(trained, lambda: network.encode(inputs, config.stage))
        parameters = [p for part in trained for p in part.parameters() if p.requires_grad]
        groups.append(
            {
                "params": parameters,
                "scales": [scales[p] for p in parameters],
                "lr": config.encoder_rate,
                "weight_decay": 0.0,
            }
        )
    return groups


def trained_encoder_parts(config: RunConfig, network: BodyNetwork) -> list[nn.Module]:
    """Parts of the encoder that a run trains."""
    encoder = network.encoder
    if config.stage == "encoder_output":
        return [encoder.heads.flag, encoder.heads.world]
    if config.trained == "regressor":
        return []
    late: list[nn.Module] = [encoder.late, encoder.heads]
    if config.trained == "late":
        return late
    early = [encoder.stem] if config.trained == "whole" else []
    decoder = [encoder.decoder] if config.heatmaps else []
    return [*early, encoder.middle, *late, *decoder]


def resnet_groups(config: RunConfig, network: PaperNetwork) -> Groups:
    """The encoder and the regressor, each at its own rate."""
    if next(network.parameters()).device.type == "cuda":
        # Convolutions in low precision run on tensor cores in this layout only.
        network.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decay = config.weight_decay
    encoder, regressor = [*network.encoder.parameters()], [*network.regressor.parameters()]
    return [
        {"params": encoder, "lr": config.encoder_rate, "weight_decay": decay},
        {"params": regressor, "lr": config.learning_rate, "weight_decay": decay},
    ]
