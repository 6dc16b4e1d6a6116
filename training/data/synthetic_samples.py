"""Synthetic people as training samples: exact landmarks beside the photos' approximate ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from engine.errors import AssetError
from training.data.crops import CROP_SIZE, network_input
from training.data.samples import Samples
from training.landmarks import HIPS, NUM_BLAZEPOSE
from training.synthetic.shards import Shard

Array = NDArray[np.floating[Any]]

#: Landmarks outside the picture: weight in 3D; in 2D perspective throws them far off, so none.
_UNSEEN_WORLD_WEIGHT = 0.3
#: Landmarks in the picture but hidden.
_HIDDEN_WEIGHT = 0.6


def synthetic_samples(
    shard: Shard, network: onnxruntime.InferenceSession, *, maps: bool = False
) -> Samples:
    """People of a shard with the trunk's features; person-free pictures are left out.

    3D labels are those of a camera that looks straight at the crop (``orient_seen``), the only
    orientation that a crop determines.
    """
    people = np.flatnonzero(shard.labels["person"] > 0)
    embs, stored = [], []
    for number in people:
        crop = network_input(shard.image(int(number))[None])
        features, emb = network.run(["features", "emb"], {"image": crop})
        embs.append(emb[0].astype(np.float16))
        stored.append(features[0].astype(np.float16) if maps else np.zeros(0, np.float16))
    labels = {name: values[people] for name, values in shard.labels.items()}
    weight = _weights(labels["landmark_visibility"])
    points = labels["landmarks_2d"] * (2 / CROP_SIZE) - 1
    seen = np.dstack([points, weight])
    world_weight = np.maximum(weight, _UNSEEN_WORLD_WEIGHT)
    world = np.dstack([_world(labels), world_weight])
    parts = (seen[:, NUM_BLAZEPOSE:], seen[:, :NUM_BLAZEPOSE], world[:, :NUM_BLAZEPOSE])
    return Samples(
        torch.from_numpy(np.stack(embs)),
        torch.from_numpy(np.stack(stored)),
        *(torch.from_numpy(part.astype(np.float32)) for part in parts),
    )


def _weights(visibility: NDArray[np.uint8]) -> Array:
    return np.select([visibility == 2, visibility == 1], [1.0, _HIDDEN_WEIGHT], 0.0)


def _world(labels: dict[str, NDArray[Any]]) -> Array:
    """Hip-centred landmarks, turned from the frame's camera to one that looks at the crop."""
    landmarks = labels["landmarks"].astype(np.float64)
    centred = landmarks - landmarks[:, list(HIPS)].mean(axis=1, keepdims=True)
    turn = labels["orient_seen"] @ np.swapaxes(labels["orient_frame"], 1, 2)
    return np.asarray(centred @ np.swapaxes(turn, 1, 2))


def load_synthetic(path: Path, *, maps: bool = False) -> Samples:
    """Read what :func:`save_synthetic` wrote, with or without the 8 x 8 maps."""
    if not path.exists():
        raise AssetError(f"There is no {path.name} in {path.parent}; run training.prepare first.")
    with np.load(path) as file:
        samples = Samples(*(torch.from_numpy(file[name]) for name in Samples._fields))
    return samples if maps else samples._replace(maps=samples.maps.new_zeros(len(samples.lsp), 0))


def save_synthetic(path: Path, samples: Samples) -> None:
    """Store samples with their features; a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    arrays = {name: getattr(samples, name).numpy() for name in Samples._fields}
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    temporary.replace(path)
