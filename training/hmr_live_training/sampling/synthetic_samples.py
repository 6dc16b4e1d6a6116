"""Synthetic people as training samples: exact labels beside the photos' approximate ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live_training.data.augment import WHOLE_CROP
from hmr_live_training.data.crops import CROP_SIZE, encoder_input
from hmr_live_training.landmarks import HIPS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.projection import project
from hmr_live_training.sampling.samples import Labels, Samples, place
from hmr_live_training.synthetic.shards import SyntheticShard

Array = NDArray[np.floating[Any]]

#: Landmarks outside the picture: weight in 3D; in 2D perspective throws them far off, so none.
_UNSEEN_WORLD_WEIGHT: Final = 0.3
#: Landmarks in the picture but hidden.
_HIDDEN_WEIGHT: Final = 0.6
#: People that are posed together.
_BATCH: Final = 500
#: The whole picture as it is.
_SAME: Final = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def synthetic_labels(shard: SyntheticShard, body: BodyLandmarks | None = None) -> Labels:
    """Labels of a shard's pictures, those without people included, in pixels of its crops.

    Orientation and 3D points are those of the crop's camera, which looks straight at its middle.

    Parameters
    ----------
    shard
        Pictures and their labels.
    body
        Has the landmarks, which are posed anew then; those that were measured on the mesh when
        the pictures were drawn are at joints.
    """
    labels = dict(shard.labels)
    if body is not None:
        labels |= _posed_anew(labels, body)
    visibility = labels["landmark_visibility"]
    weight = np.select([visibility == 2, visibility == 1], [1.0, _HIDDEN_WEIGHT], 0.0)
    person = (labels["person"] > 0).astype(np.float64)
    weight *= person[:, None]
    known = np.repeat(person[:, None], visibility.shape[1], axis=1)
    seen = np.dstack([labels["landmarks_2d"], weight])
    world_weight = np.maximum(weight, _UNSEEN_WORLD_WEIGHT) * person[:, None]
    blazepose = slice(0, NUM_BLAZEPOSE)
    rotmats = labels["rotmats"].astype(np.float64)
    # Of a body that is mostly outside the frame the parameters can hardly be known.
    in_frame = (visibility[:, blazepose] > 0).mean(axis=1) * person
    return Labels(
        lsp=seen[:, NUM_BLAZEPOSE:],
        points=seen[:, blazepose],
        world=np.dstack([_world(labels), world_weight])[:, blazepose],
        visible=np.dstack([visibility == 2, visibility > 0, known])[:, blazepose],
        rotmats=rotmats,
        betas=labels["betas"].astype(np.float64),
        body=np.column_stack([in_frame, in_frame]),
        person=person,
        focal=labels["crop_focal"].astype(np.float64) * (CROP_SIZE / 2),
    )


@torch.no_grad()
def _posed_anew(labels: dict[str, NDArray[Any]], body: BodyLandmarks) -> dict[str, NDArray[Any]]:
    """Landmarks in the frame's camera and in crop pixels, of the body that was drawn."""
    rotmats = torch.from_numpy(labels["rotmats"].astype(np.float32))
    betas = torch.from_numpy(labels["betas"].astype(np.float32))
    parts = zip(torch.split(rotmats, _BATCH), torch.split(betas, _BATCH), strict=True)
    seen = [body(*part)[1] for part in parts]
    landmarks = torch.cat(seen)
    focal = np.where(labels["person"] > 0, labels["crop_focal"], 1).astype(np.float32)
    inverse = 1 / torch.from_numpy(focal)[:, None]
    camera = torch.from_numpy(labels["camera"].astype(np.float32))
    pixels = (project(landmarks, camera, inverse) + 1) * (CROP_SIZE / 2)
    back = labels["orient_frame"] @ np.swapaxes(labels["rotmats"][:, 0], 1, 2)
    in_frame = landmarks.numpy() @ np.swapaxes(back, 1, 2)
    return {"landmarks": in_frame, "landmarks_2d": pixels.numpy()}


def _world(labels: dict[str, NDArray[Any]]) -> Array:
    """Hip-centred landmarks, turned from the frame's camera to one that looks at the crop."""
    landmarks = labels["landmarks"].astype(np.float64)
    centred = landmarks - landmarks[:, list(HIPS)].mean(axis=1, keepdims=True)
    turn = labels["rotmats"][:, 0] @ np.swapaxes(labels["orient_frame"], 1, 2)
    return np.asarray(centred @ np.swapaxes(turn, 1, 2))


def synthetic_samples(
    shard: SyntheticShard, network: onnxruntime.InferenceSession, *, output: str = "features"
) -> Samples:
    """People of a shard with one of the backbone's outputs; person-free pictures are left out."""
    people = np.flatnonzero(shard.labels["person"] > 0)
    stored = [encoder_input(shard.image(int(number)), network, output) for number in people]
    return place(
        synthetic_labels(shard).at(people),
        torch.from_numpy(np.stack(stored).astype(np.float16)),
        np.repeat(_SAME[None], len(people), axis=0),
        np.repeat(np.array(WHOLE_CROP)[None], len(people), axis=0),
    )


def synthetic_file(cache: Path, kind: str, stage: str) -> Path:
    """File of the synthetic people's features: of which backbone, cached at which stage."""
    return cache / f"synthetic_people_{kind}_{stage}.npz"


def load_synthetic(path: Path) -> Samples:
    """Read what :func:`save_synthetic` wrote."""
    if not path.exists():
        raise AssetError(
            f"There is no {path.name} in {path.parent}; run "
            "hmr_live_training.sampling.prepare first."
        )
    with np.load(path) as file:
        return Samples(*(torch.from_numpy(file[name]) for name in Samples._fields))


def save_synthetic(path: Path, samples: Samples) -> None:
    """Store samples with their features; a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    arrays = {name: getattr(samples, name).numpy() for name in Samples._fields}
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    temporary.replace(path)
