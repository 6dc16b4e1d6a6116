"""Train a run: ``python -m training.train --run first``; started again, it goes on.

Reads what :mod:`training.prepare` made, writes ``<out>/<run>.pt`` every few hundred steps.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import replace
from pathlib import Path

import torch

from engine.errors import AssetError
from training.build import build_network
from training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.config import RUNS, RunConfig
from training.data.body_poses import load_body_poses
from training.data.features import existing_rounds, load_round, round_path
from training.data.lifted import LiftedSampler
from training.data.lspet import load_lspet
from training.data.mocap import JointLimits, joint_limits
from training.data.samples import Samples, join_samples, make_samples
from training.data.synthetic_samples import load_synthetic
from training.data.teacher import load_labels
from training.evaluate import development_samples, figures, load_average, predict
from training.network import BodyNetwork
from training.trainer import Trainer


def training_samples(data: Path, cache: Path, config: RunConfig) -> Samples:
    """All stored rounds of the training photos (AssetError when there are none)."""
    photos = load_lspet(data, "train")
    teacher = load_labels(cache / "teacher_heavy_train.npz")
    folder = cache / f"features_{config.encoder}"
    numbers = existing_rounds(folder, "train")[: config.rounds]
    if not numbers:
        raise AssetError(f"There are no training features in {folder}; run training.prepare first.")
    parts = []
    for number in numbers:
        crops = load_round(round_path(folder, "train", number), features=config.train_late)
        parts.append(
            make_samples(
                photos,
                teacher,
                crops,
                maps=config.train_late,
                outside_weight=config.outside_weight,
            )
        )
    return join_samples(parts)


def set_normalisation(network: BodyNetwork, samples: Samples, count: int = 20000) -> None:
    """Normalise features by their statistics over (part of) the training set."""
    emb = samples.emb[:: max(1, len(samples.emb) // count)].float()
    network.regressor.set_normalisation(emb.mean(dim=0), emb.std(dim=0))


class Session:
    """A trainer with its reports and its checkpoint file."""

    def __init__(
        self, trainer: Trainer, development: Samples, limits: JointLimits, path: Path
    ) -> None:
        self.trainer = trainer
        self.development = development
        self.limits = limits
        self.path = path
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
        sums: dict[str, float] = {}
        trainer = self.trainer
        while trainer.step_number < trainer.config.steps:
            for name, value in trainer.step().items():
                sums[name] = sums.get(name, 0.0) + value / report_every
            self.seconds = before + time.perf_counter() - start
            last = trainer.step_number == trainer.config.steps
            out_of_time = self.seconds - before > 60 * minutes
            if trainer.step_number % report_every == 0 or last or out_of_time:
                self.report(sums)
                sums = {}
            if out_of_time:
                break

    def report(self, losses: dict[str, float]) -> None:
        """Evaluate the averaged weights, print a row, save."""
        network = load_average(self._evaluated, self.trainer.average)
        row = figures(predict(network, self.development), self.development, self.limits)
        row |= {f"loss_{name}": value for name, value in losses.items()}
        row |= {"step": float(self.trainer.step_number), "seconds": self.seconds}
        self.history.append(row)
        shown = (
            *("pck12", "pck12_landmarks", "pck12_trunk", "teacher_mpjpe_mm"),
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
                samples={
                    "crops": len(trainer.samples.lsp),
                    "photos": trainer.photos,
                    "synthetic": 0 if trainer.synthetic is None else len(trainer.synthetic.lsp),
                },
            ),
        )


def start_session(
    config: RunConfig, *, data: Path, encoders: Path, cache: Path, body: Path, out: Path
) -> Session:
    """Load everything that a run needs."""
    network = build_network(config, encoders=encoders, data=data, body=body)
    published = copy.deepcopy(network.encoder.heads)
    samples = training_samples(data, cache, config)
    started = load_checkpoint(out / f"{config.start_from}.pt") if config.start_from else None
    if started:
        load_average(network, started.network)
    else:
        set_normalisation(network, samples)
    poses = load_body_poses(data, body)
    lifted = LiftedSampler(torch.from_numpy(poses), network.regressor.body)
    limits = joint_limits(poses)
    synthetic = None
    if config.synthetic:
        path = cache / f"synthetic_{config.encoder}.npz"
        synthetic = load_synthetic(path, maps=config.train_late)
    trainer = Trainer(config, network, samples, lifted, limits, published, synthetic)
    if started:
        trainer.discriminators.load_state_dict(started.training["discriminators"])
    trainer.photos = len(load_lspet(data, "train"))
    development = development_samples(data, cache, config.encoder, maps=config.train_late)
    session = Session(trainer, development, limits, out / f"{config.name}.pt")
    session.seconds = started.seconds if started else 0.0
    return session


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="training.train", description=__doc__)
    parser.add_argument("--run", choices=sorted(RUNS), default="first")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--steps", type=int, help="instead of the run's own length")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report-every", type=int, default=500)
    o = parser.parse_args(arguments)
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    config = RUNS[o.run] if o.steps is None else replace(RUNS[o.run], steps=o.steps)
    session = start_session(
        config, data=o.data, encoders=o.encoders, cache=o.cache, body=o.body, out=o.out
    )
    crops = len(session.trainer.samples.lsp)
    resumed = session.resume()
    print(f"run {config.name}: {crops} crops, {'resumed' if resumed else 'fresh'}", flush=True)
    session.run(report_every=o.report_every, minutes=o.minutes)


if __name__ == "__main__":
    main()
