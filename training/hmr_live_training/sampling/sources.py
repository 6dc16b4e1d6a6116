"""Where the batches of a run come from, as its configuration says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Final

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.cached_features import (
    encoder_file,
    features_folder,
    load_features,
)
from hmr_live_training.sampling.features import (
    existing_rounds,
    feature_rounds_folder,
    load_round,
    open_network,
    round_path,
)
from hmr_live_training.sampling.pictures import (
    CropStream,
    EmptyPictures,
    LabelledPictures,
    PhotoPictures,
    SampleSource,
    StoredSamples,
    SyntheticPictures,
)
from hmr_live_training.sampling.prepare import training_shards
from hmr_live_training.sampling.samples import (
    Labels,
    join_samples,
    make_samples,
    photo_labels,
)
from hmr_live_training.sampling.synthetic_samples import load_synthetic, synthetic_file
from hmr_live_training.synthetic.materials import background_files
from hmr_live_training.synthetic.shards import load_shard

#: Kinds of crops, in the order of a batch.
KINDS: Final = ("photos", "synthetic", "empty")


def stored_photos(data: Path, cache: Path, config: RunConfig) -> StoredSamples:
    """All stored rounds of the training photos (AssetError when there are none)."""
    labels = training_labels(config, data, cache)
    folder = feature_rounds_folder(cache, config.encoder)
    numbers = existing_rounds(folder, "train")[: config.rounds]
    if not numbers:
        raise AssetError(
            f"There are no training features in {folder}; run "
            "hmr_live_training.sampling.prepare first."
        )
    maps = config.stage == "feature_map"
    parts = [
        make_samples(
            labels,
            load_round(round_path(folder, "train", number), feature_map=maps),
            maps=maps,
            outside_weight=config.outside_weight,
        )
        for number in numbers
    ]
    return StoredSamples(join_samples(parts), config.seed)


def training_labels(config: RunConfig, data: Path, cache: Path) -> Labels:
    """Of the training photos, as far as the run's teacher can be believed."""
    photos = load_lspet(data, "train")
    return photo_labels(photos, load_labels(teacher_path(cache, config.teacher, "train")))


def training_photos(
    config: RunConfig, data: Path, cache: Path
) -> tuple[PhotoPictures, PhotoPictures]:
    """The photos that a run trains on, and those that it keeps out."""
    photos, labels = load_lspet(data, "train"), training_labels(config, data, cache)
    trained, held = np.split(np.arange(len(photos)), [len(photos) - config.held_photos])
    return (
        PhotoPictures(photos.at(trained), labels.at(trained), config.augment),
        PhotoPictures(photos.at(held), labels.at(held), config.augment),
    )


def make_sources(
    config: RunConfig, network: BodyNetwork, data: Path, cache: Path, shards: Path
) -> list[tuple[SampleSource, int]]:
    """Where batches come from: photos, synthetic people, pictures without people."""
    if config.stage == "encoder_output":
        folder = features_folder(cache, network)
        return [
            (StoredSamples(load_features(folder, kind), config.seed + k), count)
            for k, (kind, count) in enumerate(
                zip(KINDS, (config.batch, config.synthetic, config.empty), strict=True)
            )
        ]
    if config.stage in ("features", "feature_map"):
        stored: list[tuple[SampleSource, int]] = [
            (stored_photos(data, cache, config), config.batch)
        ]
        if config.synthetic:
            path = synthetic_file(cache, config.encoder, config.stage)
            stored.append((StoredSamples(load_synthetic(path), config.seed + 1), config.synthetic))
        return stored
    return list(fresh_crops(config, network, data, cache, shards).values())


def fresh_crops(
    config: RunConfig, network: BodyNetwork, data: Path, cache: Path, shards: Path
) -> dict[str, tuple[CropStream, int]]:
    """Endless crops by kind, each with its number in a batch."""
    photos, _ = training_photos(config, data, cache)
    chosen: dict[str, tuple[LabelledPictures, int]] = {"photos": (photos, config.batch)}
    if config.synthetic:
        loaded = [load_shard(path) for path in training_shards(shards)]
        body = copy.deepcopy(network.regressor.body).cpu()
        chosen["synthetic"] = (SyntheticPictures(loaded, config.augment, body), config.synthetic)
    if config.empty:
        paths = background_files(data, "train")
        chosen["empty"] = (EmptyPictures(paths, config.augment), config.empty)
    session = open_network(encoder_file(network, cache, config)) if config.has_own_encoder else None
    streams = {}
    for k, (kind, (pictures, count)) in enumerate(chosen.items()):
        seed, outside = config.seed + k, config.outside_weight
        streams[kind] = (
            CropStream(pictures, session, config.augment, seed, outside, config.stage),
            count,
        )
    return streams
