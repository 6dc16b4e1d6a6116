"""Start training runs: those of recipes (:mod:`hmr_live_training.build`), and the paper's.

``torchrun --nproc-per-node 8 -m hmr_live_training.trainer.train paper_8 --shards FOLDER`` trains
the paper's network in eight processes on labelled people in shards
(:mod:`hmr_live_training.collect`); without ``torchrun`` one process trains.  Started again, a run
goes on from ``<out>/<run>.pt``.
"""

from __future__ import annotations

import argparse
import copy
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.data.mocap import JointLimits, load_poses
from hmr_live_training.data.readers.shards import ShardPlan, find_shards
from hmr_live_training.distributed import Processes, joined_processes
from hmr_live_training.evaluation.development import (
    development_samples,
    figures,
    load_average,
    pck12,
    predict,
)
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.paper.batches import ShardBatches
from hmr_live_training.paper.losses import PaperLosses
from hmr_live_training.paper.network import PaperNetwork, fresh_network
from hmr_live_training.recipes.paper_runs import PAPER_RUNS
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.batches import Batches
from hmr_live_training.sampling.cached_features import encoder_file
from hmr_live_training.sampling.pictures import SampleSource
from hmr_live_training.sampling.projected_mocap import ProjectedMocapSampler
from hmr_live_training.sampling.sources import KINDS, make_sources
from hmr_live_training.synthetic.body_poses import body_joint_limits, load_body_poses
from hmr_live_training.trainer.initial_weights import load_initial_weights, set_normalisation
from hmr_live_training.trainer.malloc_tuning import keep_freed_memory
from hmr_live_training.trainer.objective import RunLosses
from hmr_live_training.trainer.parameter_groups import blazepose_groups, resnet_groups
from hmr_live_training.trainer.trainer import BatchSource, Trainer, seeded_discriminators
from hmr_live_training.trainer.training_run import Evaluate, TrainingRun

log = logging.getLogger(__name__)

#: Pictures from which the scales of the encoder's steps are measured.
_MEASURED = 96


@dataclass(frozen=True)
class Folders:
    """Where a run finds what it needs, and where it writes."""

    data: Path
    encoders: Path
    cache: Path
    shards: Path
    body: Path
    out: Path


def make_trainer(
    config: RunConfig,
    network: BodyNetwork,
    sources: Sequence[tuple[SampleSource, int]],
    mocap: ProjectedMocapSampler,
    limits: JointLimits,
    processes: Processes | None = None,
) -> Trainer:
    """Trainer of a network on BlazePose.

    Parameters
    ----------
    config, network
        The run and its network.
    sources
        Where a batch comes from, with the number of samples of each in a batch of the whole run.
    mocap
        Source of motion capture.
    limits
        Range of the joints in motion capture.
    processes
        Those that train together.
    """
    processes = processes or Processes()
    device = processes.device
    network = network.to(device)
    discriminators = seeded_discriminators(config, device)

    def first_inputs() -> Tensor:
        return sources[0][0].draw(0, _MEASURED, Processes()).inputs.to(device)

    groups = blazepose_groups(config, network, first_inputs)
    losses = RunLosses(config, network, discriminators, limits)
    batches = Batches(sources, processes)
    return Trainer(config, network, discriminators, losses, groups, batches, mocap, processes)


def make_paper_trainer(
    config: RunConfig,
    network: PaperNetwork,
    batches: BatchSource,
    poses: Tensor,
    processes: Processes | None = None,
) -> Trainer:
    """Trainer of the paper's network.

    Parameters
    ----------
    config, network
        The run and its network.
    batches
        Labelled people, see :class:`.ShardBatches`.
    poses
        ``(F, 24, 3)`` motion capture, axis-angle.
    processes
        Those that train together.
    """
    processes = processes or Processes()
    device = processes.device
    network = network.to(device)
    discriminators = seeded_discriminators(config, device)
    losses = PaperLosses(config, network, discriminators)
    groups = resnet_groups(config, network)
    mocap = ProjectedMocapSampler(poses.to(device), network.regressor.body)
    return Trainer(config, network, discriminators, losses, groups, batches, mocap, processes)


def start_run(
    config: RunConfig, folders: Folders, processes: Processes | None = None, workers: int = 0
) -> TrainingRun:
    """Load everything that a run on BlazePose needs."""
    data, cache = folders.data, folders.cache
    processes = processes or Processes()
    network = build_network(config, encoders=folders.encoders, data=data, body=folders.body)
    started = load_initial_weights(network, config, folders.out)
    network = network.to(processes.device)
    if config.has_own_encoder and processes.is_first:
        encoder_file(network, cache, config)
    processes.wait()
    sources = make_sources(config, network, data, cache, folders.shards)
    if started is None:
        set_normalisation(network, sources[0][0], config.stage)
    limits = body_joint_limits(data, folders.body)
    poses = load_body_poses(data, folders.body, everyday=True)
    mocap = ProjectedMocapSampler(
        torch.from_numpy(poses).to(processes.device),
        network.regressor.body,
        perspective=config.perspective,
    )
    trainer = make_trainer(config, network, sources, mocap, limits, processes)
    if started and started.training:
        trainer.discriminators.load_state_dict(started.training["discriminators"])
    return TrainingRun(
        trainer,
        folders.out / f"{config.name}.pt",
        evaluate=development_evaluation(config, network, folders, limits),
        counts=dict(zip(KINDS, (len(source) for source, _ in sources), strict=False)),
        workers=workers,
        seconds=started.seconds if started else 0.0,
    )


def development_evaluation(
    config: RunConfig, network: BodyNetwork, folders: Folders, limits: JointLimits
) -> Evaluate:
    """Evaluation on the development photos, upright and in plain boxes."""
    settings = (folders.data, folders.encoders, folders.cache, config, network)
    upright = development_samples(*settings)
    boxed = development_samples(*settings, plain_box=True)
    evaluated = copy.deepcopy(network)

    def evaluate(ema: dict[str, Tensor]) -> dict[str, float]:
        averaged = load_average(evaluated, ema)
        row = figures(predict(averaged, upright, config.stage), upright, limits)
        row["pck12_plain_box"] = pck12(predict(averaged, boxed, config.stage), boxed)
        return row

    return evaluate


def start_paper_run(
    config: RunConfig,
    shards: Sequence[Path],
    *,
    data: Path,
    body: Path,
    out: Path,
    imagenet: Path | None,
    processes: Processes,
    workers: int,
) -> TrainingRun:
    """Load everything that a run of the paper needs; ``shards`` are folders of labelled people."""
    network = fresh_network(config, data=data, body=body, imagenet=imagenet)
    files = [path for folder in shards for path in find_shards(folder)]
    plan = ShardPlan(files, seed=config.seed, window=config.window)
    batches = ShardBatches(config, plan, processes)
    poses = torch.from_numpy(load_poses(data))
    trainer = make_paper_trainer(config, network, batches, poses, processes)
    return TrainingRun(trainer, out / f"{config.name}.pt", workers=workers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.trainer.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # No option: torchrun takes "--run" for an abbreviation of its own.
    parser.add_argument("run", choices=sorted(PAPER_RUNS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--shards",
        type=Path,
        action="append",
        required=True,
        help="labelled people; give the option again for each data set, or to count one twice",
    )
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--imagenet", type=Path, help="torchvision's ResNet-50 state dict")
    parser.add_argument("--steps", type=int, help="instead of the run's own length")
    parser.add_argument("--batch", type=int, help="pictures a step over all processes")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--workers", type=int, default=6, help="processes that cut crops, a GPU")
    parser.add_argument("--report-every", type=int, default=500)
    return parser


def _run(o: argparse.Namespace) -> None:
    config = PAPER_RUNS[o.run]
    config = replace(config, steps=o.steps or config.steps, batch=o.batch or config.batch)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with joined_processes() as processes:
        run = start_paper_run(
            config,
            o.shards,
            data=o.data,
            body=o.body,
            out=o.out,
            imagenet=o.imagenet,
            processes=processes,
            workers=o.workers,
        )
        resumed = run.resume()
        log.info("%s: %s", config.name, "resumed" if resumed else "fresh")
        run.run(report_every=o.report_every, minutes=o.minutes)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    o = _parser().parse_args(arguments)
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    try:
        _run(o)
    except HmrLiveError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
