"""Features of augmented photos, stored once so that training runs at thousands of samples a second.

A round is one fresh augmentation of every photo: one ``.npz`` file.  Rounds are independent of one
another, so they can be made in parallel and training can start on those that exist.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live_training.data.augment import (
    AugmentConfig,
    draw_plan,
    exact_plan,
    generator,
    render_crop,
)
from hmr_live_training.data.crops import network_input, warp
from hmr_live_training.data.lspet import Photos

log = logging.getLogger(__name__)

Array = NDArray[np.floating[Any]]
#: The round without augmentation (the tracker's exact crop box).
EXACT: Final = -1


@dataclass(frozen=True)
class FeatureRound:
    """One round of crops.

    Attributes
    ----------
    photo
        ``(N,)`` indices into the :class:`~hmr_live_training.data.lspet.Photos` of the same split.
    matrix
        ``(N, 2, 3)`` photo -> crop pixels.
    visible
        ``(N, 4)`` left, top, right, bottom of the camera frame in crop pixels.
    kind
        ``(N,)`` index into :data:`hmr_live_training.data.augment.KINDS`.
    features
        ``(N, D)`` float16.
    feature_map
        ``(N, C, 8, 8)`` float16, or None when they were left out.
    """

    photo: NDArray[np.int32]
    matrix: Array
    visible: Array
    kind: NDArray[np.int8]
    features: Array
    feature_map: Array | None


def open_network(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feature_rounds_folder(cache: Path, kind: str) -> Path:
    """Folder of all rounds that a kind of BlazePose has encoded."""
    return cache / f"feature_rounds_{kind}"


def round_path(folder: Path, split: str, number: int) -> Path:
    """File of one round."""
    return folder / f"{split}_{'exact' if number == EXACT else f'{number:03d}'}.npz"


def make_round(
    photos: Photos,
    network: onnxruntime.InferenceSession,
    number: int,
    config: AugmentConfig,
    *,
    seed: int = 0,
    keep_features: bool = True,
) -> FeatureRound:
    """Augment every photo once and run the backbone.

    Parameters
    ----------
    photos
        One split.
    network
        The backbone, outputs ``feature_map`` and ``features``.
    number
        Which round; :data:`EXACT` for the tracker's crop box without augmentation.
    config
        Strength of the augmentation.
    seed
        First part of every sample's random seed.
    keep_features
        Whether to keep the 8 x 8 maps (18 kB a sample) besides the features (2 kB).
    """
    plans, vectors, maps = [], [], []
    for index in range(len(photos)):
        keypoints = photos.keypoints[index]
        if number == EXACT:
            plan = exact_plan(keypoints)
            crop = warp(photos.image(index), plan.matrix)
        else:
            rng = generator(seed, number, index)
            plan = draw_plan(rng, keypoints, config)
            crop = render_crop(rng, photos.image(index), plan, config)
        feature_map, features = network.run(
            ["feature_map", "features"], {"image": network_input(crop[None])}
        )
        plans.append(plan)
        vectors.append(features[0].astype(np.float16))
        if keep_features:
            maps.append(feature_map[0].astype(np.float16))
    return FeatureRound(
        photo=np.arange(len(photos), dtype=np.int32),
        matrix=np.stack([p.matrix for p in plans]).astype(np.float32),
        visible=np.array([p.visible for p in plans], np.float32),
        kind=np.array([p.kind for p in plans], np.int8),
        features=np.stack(vectors),
        feature_map=np.stack(maps) if keep_features else None,
    )


def save_round(path: Path, made: FeatureRound) -> None:
    """Write a round; a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: value for name, value in vars(made).items() if value is not None}
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    temporary.replace(path)


def load_round(path: Path, *, feature_map: bool = False) -> FeatureRound:
    """Read a round, with or without its 8 x 8 maps (AssetError when it is not there)."""
    if not path.exists():
        raise AssetError(
            f"There is no {path.name} in {path.parent}; run "
            "hmr_live_training.sampling.prepare first."
        )
    with np.load(path) as file:
        names = ["photo", "matrix", "visible", "kind", "features"]
        arrays = {name: file[name] for name in names}
        return FeatureRound(**arrays, feature_map=file["feature_map"] if feature_map else None)


def existing_rounds(folder: Path, split: str) -> list[int]:
    """Numbers of the augmented rounds that have been made, in order."""
    stems = (path.stem.removeprefix(f"{split}_") for path in folder.glob(f"{split}_*.npz"))
    return sorted(int(stem) for stem in stems if stem.isdigit())
