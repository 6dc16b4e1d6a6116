"""Prepare training: the backbone as ONNX, features of augmented photos, the teacher's labels.

``python -m hmr_live_training.sampling.prepare features --rounds 0-11`` and ``python -m
hmr_live_training.sampling.prepare teacher``
can run at the same time and be interrupted: what has been made is not made again.
``python -m hmr_live_training.sampling.prepare teacher --checkpoint FILE`` lets one of our own
networks teach.
``python -m hmr_live_training.sampling.prepare synthetic --shards DIR`` stores the features of
synthetic people.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import restore_network
from hmr_live_training.checkpoints.checkpoint import load_checkpoint
from hmr_live_training.data.augment import AugmentConfig
from hmr_live_training.data.lspet import Split, load_lspet
from hmr_live_training.data.teacher import (
    TeacherModel,
    label_photos,
    run_landmarks,
    save_labels,
    teacher_path,
)
from hmr_live_training.models.backbones.blazepose import CROP_SIZE, TENSORS, BlazePoseEncoder
from hmr_live_training.models.backbones.graph_module import GraphModule
from hmr_live_training.models.backbones.tflite_reader import read_tflite
from hmr_live_training.onnx_tools.onnx_files import export_onnx
from hmr_live_training.sampling.cached_features import encoder_file, predict_as_teacher
from hmr_live_training.sampling.features import (
    EXACT,
    feature_rounds_folder,
    make_round,
    open_network,
    round_path,
    save_round,
)
from hmr_live_training.sampling.samples import join_samples
from hmr_live_training.sampling.synthetic_samples import (
    save_synthetic,
    synthetic_file,
    synthetic_samples,
)
from hmr_live_training.synthetic.shards import load_shard, shard_paths

log = logging.getLogger(__name__)


class _Backbone(nn.Module):
    def __init__(self, encoder: BlazePoseEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        feature_map = self.encoder.feature_map(image)
        return feature_map, self.encoder.features(feature_map)


class _LandmarkNetwork(nn.Module):
    def __init__(self, graph_module: GraphModule) -> None:
        super().__init__()
        self.network = graph_module

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        landmarks, world, flag, heatmap = self.network(image)
        return landmarks.flatten(1), world.flatten(1), torch.sigmoid(flag.flatten(1)), heatmap


def backbone_file(encoders: Path, cache: Path, kind: str) -> Path:
    """ONNX file of a backbone with outputs ``feature_map`` and ``features``, made when missing."""
    path = cache / f"backbone_{kind}.onnx"
    if not path.exists():
        backbone = _Backbone(BlazePoseEncoder.load(encoders, kind)).eval()
        example = torch.zeros(2, 3, CROP_SIZE, CROP_SIZE)
        export_onnx(backbone, example, path, ["feature_map", "features"])
    return path


def landmark_file(encoders: Path, cache: Path, kind: str) -> Path:
    """ONNX file of BlazePose as published (without its person mask), made when missing."""
    path = cache / f"landmarks_{kind}.onnx"
    if not path.exists():
        graph = read_tflite(encoders / f"pose_landmark_{kind}.tflite")
        numbers = TENSORS[kind]
        outputs = [numbers.landmarks, numbers.world, numbers.flag, numbers.heatmap]
        module = _LandmarkNetwork(GraphModule(graph, outputs)).eval()
        example = torch.zeros(2, 3, CROP_SIZE, CROP_SIZE)
        export_onnx(module, example, path, ["landmarks", "world", "flag", "heatmap"])
    return path


def prepare_features(
    data: Path, encoders: Path, cache: Path, kind: str, rounds: list[int], split: Split
) -> None:
    """Make the rounds that do not exist yet."""
    network = open_network(backbone_file(encoders, cache, kind))
    photos = load_lspet(data, split)
    for number in rounds:
        path = round_path(feature_rounds_folder(cache, kind), split, number)
        if path.exists():
            continue
        start = time.perf_counter()
        save_round(path, make_round(photos, network, number, AugmentConfig()))
        seconds = time.perf_counter() - start
        log.info("    %s: %d crops in %.0f s", path.name, len(photos), seconds)


def published_teacher(encoders: Path, cache: Path, kind: str) -> TeacherModel:
    """BlazePose as published."""
    return partial(run_landmarks, open_network(landmark_file(encoders, cache, kind)))


def own_teacher(
    checkpoint: Path, data: Path, encoders: Path, cache: Path, body: Path
) -> tuple[str, TeacherModel]:
    """A run's name and what its network answers."""
    saved = load_checkpoint(checkpoint)
    network = restore_network(saved, encoders=encoders, data=data, body=body)
    looking = replace(saved.config, trained="regressor")
    session = open_network(encoder_file(network, cache, looking))
    return saved.config.name, partial(predict_as_teacher, network, session)


def prepare_teacher(
    data: Path, cache: Path, name: str, look: TeacherModel, views: int, splits: tuple[Split, ...]
) -> None:
    """Label the splits that are not labelled yet."""
    for split in splits:
        path = teacher_path(cache, name, split)
        if path.exists():
            continue
        start = time.perf_counter()
        save_labels(path, label_photos(load_lspet(data, split), look, views=views))
        log.info("    %s: %.0f s", path.name, time.perf_counter() - start)


def prepare_synthetic(
    shards: Path, encoders: Path, cache: Path, kind: str, stage: Literal["feature_map", "features"]
) -> None:
    """Features of all synthetic people in a folder of shards, as one file."""
    network = open_network(backbone_file(encoders, cache, kind))
    start = time.perf_counter()
    paths = training_shards(shards)
    parts = [synthetic_samples(load_shard(path), network, output=stage) for path in paths]
    samples = join_samples(parts)
    save_synthetic(synthetic_file(cache, kind, stage), samples)
    seconds = time.perf_counter() - start
    log.info("    %d synthetic people in %.0f s", len(samples.lsp), seconds)


def training_shards(folder: Path) -> list[Path]:
    """Files of synthetic people to train on (AssetError when there are none)."""
    paths = shard_paths(folder, "train")
    if not paths:
        raise AssetError(
            f"There are no shards in {folder}; write them with hmr_live_training.synthetic."
        )
    return paths


def _rounds(text: str) -> list[int]:
    """``"0-11"`` or ``"3"`` -> list of numbers; ``"exact"`` -> the round without augmentation."""
    if text == "exact":
        return [EXACT]
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.sampling.prepare", description=__doc__)
    parser.add_argument("what", choices=["features", "teacher", "synthetic"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--kind", choices=sorted(TENSORS))
    parser.add_argument("--rounds", type=_rounds, default="0-11")
    parser.add_argument("--split", choices=["train", "development"], default="train")
    parser.add_argument("--checkpoint", type=Path, help="teacher: one of our own networks")
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--views", type=int, default=4, help="teacher: crops of each photo")
    parser.add_argument(
        "--stage",
        choices=["features", "feature_map"],
        default="features",
        help="synthetic: what to store",
    )
    parser.add_argument("--shards", type=Path, default=Path("synthetic"))
    o = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if o.what == "features":
        kind = o.kind or "full"
        prepare_features(o.data, o.encoders, o.cache, kind, o.rounds, o.split)
    elif o.what == "synthetic":
        prepare_synthetic(o.shards, o.encoders, o.cache, o.kind or "full", o.stage)
    elif o.checkpoint:
        name, look = own_teacher(o.checkpoint, o.data, o.encoders, o.cache, o.body)
        prepare_teacher(o.data, o.cache, name, look, o.views, ("train",))
    else:
        kind = o.kind or "heavy"
        look = published_teacher(o.encoders, o.cache, kind)
        # The development labels serve evaluation only.
        prepare_teacher(o.data, o.cache, kind, look, o.views, ("development", "train"))


if __name__ == "__main__":
    main()
