"""Weights of an exported network, to go on training from what ships.

The exporter keeps the names of the parameters; only the landmark corrections are folded into a
constant, so the manifest holds them.  It also holds by how much the score was moved.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from hmr_live.core.errors import AssetError
from hmr_live_training.models.network import BodyNetwork

CORRECTION = "landmark_correction"
#: How far the person flag's logit was moved down when the network was exported.
SHIFT = "person_logit"
_STORED_AS_HALF = ".float16"


def load_exported(network: BodyNetwork, path: Path) -> None:
    """Put the weights of an ONNX file of :mod:`hmr_live_training.export.export` into a network.

    Raises
    ------
    AssetError
        When the file is missing, is no such network, or has another encoder or regressor.
    """
    try:
        found = _initializers(path)
        training = json.loads(path.with_suffix(".json").read_text())["training"]
        correction = torch.tensor(training[CORRECTION], dtype=torch.float32)
        shift = float(training.get(SHIFT, 0.0))
    except (OSError, ValueError, KeyError, TypeError, DecodeError) as error:
        raise AssetError(
            f"{path} with its manifest is no network of this program to go on from ({error!r})."
        ) from error
    found["regressor.body.correction"] = correction
    wanted = {
        name: tuple(p.shape)
        for name, p in network.named_parameters()
        if network.heatmaps or not name.startswith("encoder.decoder.")
    }
    foreign = [name for name, shape in wanted.items() if _shape(found.get(name)) != shape]
    if foreign:
        raise AssetError(
            f"{path.name} is another kind of network: {foreign[0]} and {len(foreign) - 1} more "
            "weights do not fit; choose the run that has its encoder."
        )
    buffers = ("regressor.feature_mean", "regressor.feature_scale", "regressor.mean_theta")
    state = network.state_dict()
    state |= {name: found[name].reshape(state[name].shape) for name in (*wanted, *buffers)}
    network.load_state_dict(state)
    shift_score(network, -shift)


@torch.no_grad()
def shift_score(network: BodyNetwork, logit: float) -> None:
    """Move the score so that the present ``logit`` of the person flag becomes one half.

    Training shows people far more often than places without; the logit is chosen by the share of
    person-free training pictures that may be called a person.
    """
    network.encoder.heads.flag.bias.sub_(logit)


def _shape(value: Tensor | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(value.shape)


def _initializers(path: Path) -> dict[str, Tensor]:
    arrays = (
        (initializer.name.removesuffix(_STORED_AS_HALF), numpy_helper.to_array(initializer))
        for initializer in onnx.load(path).graph.initializer
    )
    return {
        name: torch.from_numpy(array.astype(np.float32))
        for name, array in arrays
        if np.issubdtype(array.dtype, np.floating)
    }
