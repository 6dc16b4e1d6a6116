"""Train a run.

``python -m hmr_live_training.trainer.train --run first``; started again, it goes on.

Reads what :mod:`.prepare` made, writes ``<out>/<run>.pt`` every few hundred steps.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import JointLimits, joint_limits
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.distributed import Processes, joined_processes
from hmr_live_training.evaluation.development import (
    development_samples,
    figures,
    load_average,
    pck12,
    predict,
)
from hmr_live_training.models.network import BodyNetwork, Stage
from hmr_live_training.models.regressor import IterativeRegressor
from hmr_live_training.onnx_tools.onnx_weights import load_exported
from hmr_live_training.recipes.run_config import RUNS, RunConfig
from hmr_live_training.sampling.cached_features import (
    encoder_file,
    features_folder,
    load_features,
    store_features,
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
    PhotoPictures,
    Pictures,
    Source,
    StoredSamples,
    SyntheticPictures,
)
from hmr_live_training.sampling.prepare import training_shards
from hmr_live_training.sampling.projected_mocap import ProjectedMocapSampler
from hmr_live_training.sampling.samples import (
    Labels,
    Samples,
    join_samples,
    make_samples,
    photo_labels,
)
from hmr_live_training.sampling.synthetic_samples import load_synthetic, synthetic_file
from hmr_live_training.synthetic.body_poses import load_body_poses
from hmr_live_training.synthetic.materials import background_files
from hmr_live_training.synthetic.shards import load_shard
from hmr_live_training.trainer.malloc_tuning import keep_freed_memory
from hmr_live_training.trainer.trainer import Trainer

#: Kinds of crops whose features are stored.
CACHED_KINDS = ("photos", "synthetic", "empty")


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
) -> list[tuple[Source, int]]:
    """Where batches come from: photos, synthetic people, pictures without people."""
    if config.stage == "encoder_output":
        folder = features_folder(cache, network)
        return [
            (StoredSamples(load_features(folder, kind), config.seed + k), count)
            for k, (kind, count) in enumerate(
                zip(CACHED_KINDS, (config.batch, config.synthetic, config.empty), strict=True)
            )
        ]
    if config.stage in ("features", "feature_map"):
        stored: list[tuple[Source, int]] = [(stored_photos(data, cache, config), config.batch)]
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
    chosen: dict[str, tuple[Pictures, int]] = {"photos": (photos, config.batch)}
    if config.synthetic:
        loaded = [load_shard(path) for path in training_shards(shards)]
        chosen["synthetic"] = (SyntheticPictures(loaded, config.augment), config.synthetic)
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


def set_normalisation(
    network: BodyNetwork, source: Source, stage: Stage, count: int = 4096
) -> None:
    """Normalise features by their statistics over (part of) the training set."""
    samples, device = source.draw(0, count, Processes()), network.regressor.feature_mean.device
    parts = torch.split(samples.inputs, 256)
    with torch.no_grad():
        features = torch.cat([network.encode_features(part.to(device), stage) for part in parts])
    network.regressor.set_normalisation(features.mean(dim=0), features.std(dim=0))


class Session:
    """A trainer with its reports and its checkpoint file.

    Parameters
    ----------
    trainer
        The run.
    development
        The development test set; upright, and in plain boxes.
    limits
        Range of the joints in motion capture.
    path
        Of the checkpoint.
    counts
        Numbers of photos, crops and synthetic people, for the manifest.
    workers
        Processes that draw batches ahead.
    """

    def __init__(
        self,
        trainer: Trainer,
        development: tuple[Samples, Samples],
        limits: JointLimits,
        path: Path,
        counts: dict[str, int],
        workers: int = 0,
    ) -> None:
        self.trainer = trainer
        self.development = development
        self.limits = limits
        self.path = path
        self.counts = counts
        self.workers = workers
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self._evaluated = copy.deepcopy(trainer.network)

    def resume(self) -> bool:
        """Go on from the checkpoint when there is one."""
        if not self.path.exists():
            return False
        saved = load_checkpoint(self.path)
        if saved.config.to_dict() != self.trainer.config.to_dict():
            raise AssetError(
                f"{self.path} belongs to a run with another configuration; give the run a new name."
            )
        self.trainer.load_state(saved.network, saved.training, saved.step)
        self.seconds, self.history = saved.seconds, saved.history
        return True

    def run(self, *, report_every: int, minutes: float) -> None:
        """Step until the run's length or the time is reached; report and save on the way."""
        start, before = time.perf_counter(), self.seconds
        sums: dict[str, Tensor] = {}
        trainer = self.trainer
        left = range(trainer.step_number, trainer.config.steps)
        for batch in trainer.batches.drawn(left, self.workers):
            for name, value in trainer.step(batch).items():
                sums[name] = sums.get(name, 0.0) + value / report_every
            self.seconds = before + time.perf_counter() - start
            last = trainer.step_number == trainer.config.steps
            out_of_time = self.seconds - before > 60 * minutes
            if trainer.step_number % report_every == 0 or last or out_of_time:
                if trainer.processes.is_first:
                    self.report({name: float(value) for name, value in sums.items()})
                trainer.processes.wait()
                sums = {}
            if out_of_time:
                break

    def report(self, losses: dict[str, float]) -> None:
        """Evaluate the averaged weights, print a row, save."""
        network = load_average(self._evaluated, self.trainer.average)
        stage = self.trainer.config.stage
        upright, boxed = self.development
        row = figures(predict(network, upright, stage), upright, self.limits)
        row["pck12_plain_box"] = pck12(predict(network, boxed, stage), boxed)
        row |= {f"loss_{name}": value for name, value in losses.items()}
        row |= {"step": float(self.trainer.step_number), "seconds": self.seconds}
        self.history.append(row)
        shown = (
            *("pck12", "pck12_plain_box", "pck12_landmarks", "pck12_trunk", "teacher_mpjpe_mm"),
            *("teacher_pa_mpjpe_mm", "variance_ratio", "outside_limits_percent"),
            *("swapped_percent", "betas_std"),
        )
        text = " ".join(f"{name} {row[name]:.2f}" for name in shown if name in row)
        parts = " ".join(f"{name} {value:.2f}" for name, value in losses.items())
        step = self.trainer.step_number
        print(f"step {step} {self.seconds:.0f} s | {text} | {parts}", flush=True)
        self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        trainer = self.trainer
        save_checkpoint(
            self.path,
            Checkpoint(
                config=trainer.config,
                step=trainer.step_number,
                seconds=self.seconds,
                network=trainer.average,
                training=trainer.state(),
                history=self.history,
                samples=self.counts,
            ),
        )


def start_session(
    config: RunConfig, folders: Folders, processes: Processes | None = None, workers: int = 0
) -> Session:
    """Load everything that a run needs."""
    data, encoders, cache = folders.data, folders.encoders, folders.cache
    processes = processes or Processes()
    network = build_network(config, encoders=encoders, data=data, body=folders.body)
    started = load_beginning(network, config, folders)
    network = network.to(processes.device)
    if config.has_own_encoder and processes.is_first:
        encoder_file(network, cache, config)
    processes.wait()
    sources = make_sources(config, network, data, cache, folders.shards)
    if folders.start_from is None and started is None:
        set_normalisation(network, sources[0][0], config.stage)
    poses = load_body_poses(data, folders.body)
    projected_mocap = ProjectedMocapSampler(
        torch.from_numpy(poses).to(processes.device), network.regressor.body
    )
    limits = joint_limits(poses)
    trainer = Trainer(config, network, sources, projected_mocap, limits, processes)
    if started and started.training:
        trainer.discriminators.load_state_dict(started.training["discriminators"])
    settings = (data, encoders, cache, config)
    development = (
        development_samples(*settings, network),
        development_samples(*settings, network, plain_box=True),
    )
    counts = dict(zip(("photos", "synthetic", "empty"), (len(s) for s, _ in sources), strict=False))
    path = folders.out / f"{config.name}.pt"
    session = Session(trainer, development, limits, path, counts, workers)
    session.seconds = started.seconds if started else 0.0
    return session


def store_run(
    config: RunConfig, folders: Folders, counts: dict[str, int], processes: Processes
) -> None:
    """Store the features that a run trains on (see :mod:`.cached_features`)."""
    network = build_network(config, encoders=folders.encoders, data=folders.data, body=folders.body)
    load_beginning(network, config, folders)
    if processes.is_first:
        encoder_file(network, folders.cache, config)
    processes.wait()
    streams = fresh_crops(config, network, folders.data, folders.cache, folders.shards)
    folder = features_folder(folders.cache, network)
    for kind, count in counts.items():
        if not count:
            continue
        stream, _ = streams[kind]
        print(store_features(stream, count, folder, kind, processes), flush=True)


def load_beginning(network: BodyNetwork, config: RunConfig, folders: Folders) -> Checkpoint | None:
    """Put the weights into a network that the run starts from; that run, if there was one."""
    if folders.start_from is not None:
        load_exported(network, folders.start_from)
        return None
    if config.regressor_from is not None:
        foreign = load_checkpoint(folders.out / f"{config.regressor_from}.pt").network
        load_regressor(network.regressor, foreign)
    if config.start_from is None:
        return None
    started = load_checkpoint(folders.out / f"{config.start_from}.pt")
    load_start(network, started.network)
    return started


def load_regressor(regressor: IterativeRegressor, state: dict[str, torch.Tensor]) -> None:
    """Take over another network's regressor; its weights on the image features start at zero.

    Raises
    ------
    AssetError
        When that regressor has other sizes.
    """
    prefix = "regressor."
    foreign = ("feature_mean", "feature_scale", "hidden1_phi.weight")
    own = regressor.state_dict()
    taken = {
        name.removeprefix(prefix): value
        for name, value in state.items()
        if name.startswith(prefix) and not name.endswith(foreign)
    }
    if any(name not in own or own[name].shape != value.shape for name, value in taken.items()):
        raise AssetError("The run to take the regressor from has a regressor of another size.")
    regressor.load_state_dict(own | taken)
    torch.nn.init.zeros_(regressor.hidden1_phi.weight)


def load_start(network: BodyNetwork, state: dict[str, torch.Tensor]) -> None:
    """Take over another run's weights; parts that it did not have stay as they were built.

    Raises
    ------
    AssetError
        When the state is not that of such a network.
    """
    missing, unexpected = network.load_state_dict(state, strict=False)
    foreign = [name for name in missing if not name.startswith("confidence.")]
    if unexpected or foreign:
        raise AssetError("The run to start from has another encoder; choose one with the same.")


@dataclass(frozen=True)
class Folders:
    """Where a run finds what it needs, and where it writes."""

    data: Path
    encoders: Path
    cache: Path
    shards: Path
    body: Path
    out: Path
    #: An exported network to start from, instead of the run that the configuration names.
    start_from: Path | None = None


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.trainer.train", description=__doc__)
    parser.add_argument("run", choices=sorted(RUNS), nargs="?", default="first")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--shards", type=Path, default=Path("synthetic"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--start-from", type=Path, help="an exported .onnx to go on from")
    parser.add_argument("--steps", type=int, help="instead of the run's own length")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--workers", type=int, default=0, help="processes that cut crops ahead")
    parser.add_argument("--report-every", type=int, default=500)
    parser.add_argument(
        "--store-features",
        type=int,
        nargs=len(CACHED_KINDS),
        metavar=("PHOTOS", "SYNTHETIC", "EMPTY"),
        help="train nothing: store the features that the run trains on, of so many fresh crops",
    )
    o = parser.parse_args(arguments)
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    config = RUNS[o.run] if o.steps is None else replace(RUNS[o.run], steps=o.steps)
    folders = Folders(o.data, o.encoders, o.cache, o.shards, o.body, o.out, start_from=o.start_from)
    with joined_processes() as processes:
        if o.store_features:
            counts = dict(zip(CACHED_KINDS, o.store_features, strict=True))
            store_run(config, folders, counts, processes)
            return
        session = start_session(config, folders, processes, o.workers)
        resumed = session.resume()
        if processes.is_first:
            how = "resumed" if resumed else "fresh"
            print(f"{config.name}: {session.counts}, {how}", flush=True)
        session.run(report_every=o.report_every, minutes=o.minutes)


if __name__ == "__main__":
    main()
