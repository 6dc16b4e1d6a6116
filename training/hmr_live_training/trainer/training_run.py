"""A trainer from its first step, or from its checkpoint, to its last: reports and checkpoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hmr_live_training.trainer.trainer import Trainer

log = logging.getLogger(__name__)

#: Averaged weights to figures by name.
Evaluate = Callable[[dict[str, Tensor]], dict[str, float]]


class TrainingRun:
    """Steps a trainer, evaluates it on the way, and keeps its checkpoint.

    Parameters
    ----------
    trainer
        The run.
    path
        Its checkpoint.
    evaluate
        Figures of the averaged weights for each report; the first process alone asks for them.
    counts
        Numbers of photos, crops and synthetic people, for the manifest.
    workers
        Processes that draw batches ahead.
    seconds
        Time spent on the runs that this one goes on from.
    """

    def __init__(
        self,
        trainer: Trainer,
        path: Path,
        *,
        evaluate: Evaluate | None = None,
        counts: Mapping[str, int] | None = None,
        workers: int = 0,
        seconds: float = 0.0,
    ) -> None:
        self.trainer = trainer
        self.path = path
        self.counts = dict(counts or {})
        self.workers = workers
        self.seconds = seconds
        #: What the network that the run started from had trained already.
        self._started_with = seconds
        self.history: list[dict[str, float]] = []
        #: None where there is nothing to evaluate on.
        self.evaluate = evaluate

    def resume(self) -> bool:
        """Go on from the checkpoint when there is one.

        Raises
        ------
        AssetError
            When the file is damaged or of another configuration.
        """
        if not self.path.exists():
            return False
        saved = load_checkpoint(self.path)
        if saved.config.to_dict() != self.trainer.config.to_dict():
            raise AssetError(
                f"{self.path} belongs to a run with another configuration; delete it to begin anew."
            )
        self.trainer.load_state(saved.network, saved.training, saved.step)
        self.seconds, self.history = saved.seconds, saved.history
        return True

    def run(self, *, report_every: int = 500, minutes: float = float("inf")) -> None:
        """Step until the run's length or the time is reached; report and save on the way.

        Raises
        ------
        AssetError
            When a loss is not finite; the checkpoint stays as it was then.
        """
        start, before = time.perf_counter(), self.seconds
        trainer = self.trainer
        rows: list[dict[str, Tensor]] = []
        for batch in self._batches():
            rows.append(trainer.step(batch))
            self.seconds = before + time.perf_counter() - start
            last = trainer.step_number == trainer.config.steps
            out_of_time = self._out_of_time(self.seconds - before, minutes)
            if trainer.step_number % report_every == 0 or last or out_of_time:
                self._report(rows)
                rows = []
            if out_of_time:
                break

    def _batches(self) -> Any:  # noqa: ANN401 - of whatever the trainer's losses take
        """Batches of the steps that are left."""
        trainer = self.trainer
        state = torch.get_rng_state()
        left = range(trainer.step_number, trainer.config.steps)
        batches = trainer.batches.drawn(left, self.workers)
        if trainer.step_number:
            # A loader takes a number from the generator of dropout, once a run and not once more
            # whenever it is resumed.
            torch.set_rng_state(state)
        return batches

    def _out_of_time(self, seconds: float, minutes: float) -> bool:
        """Whether any process has no time left: all must stop after the same step."""
        if minutes == float("inf"):
            return False
        return self.trainer.processes.any(seconds > 60 * minutes)

    def _report(self, rows: list[dict[str, Tensor]]) -> None:
        """Check the losses since the last report; evaluate, print a line and save."""
        trainer = self.trainer
        losses = mean_losses(trainer, rows, self.path)
        state = trainer.state()
        if trainer.processes.is_first:
            figures = self.evaluate(trainer.ema) if self.evaluate else {}
            row = figures | {f"loss_{name}": value for name, value in losses.items()}
            row |= {"step": float(trainer.step_number), "seconds": self.seconds}
            self.history.append(row)
            parts = [f"step {trainer.step_number} {self.seconds - self._started_with:.0f} s"]
            parts += [
                " ".join(f"{name} {value:.2f}" for name, value in group.items())
                for group in (figures, losses)
                if group
            ]
            log.info("    %s", " | ".join(parts))
            self._save(state)
        trainer.processes.wait()

    def _save(self, state: dict[str, Any]) -> None:
        trainer = self.trainer
        save_checkpoint(
            self.path,
            Checkpoint(
                config=trainer.config,
                step=trainer.step_number,
                seconds=self.seconds,
                network=trainer.ema,
                training=state,
                history=self.history,
                samples=self.counts,
            ),
        )


def mean_losses(
    trainer: Trainer, rows: list[dict[str, Tensor]], path: Path | None = None
) -> dict[str, float]:
    """Mean of each loss over the last steps and all processes; a step without it counts as 0.

    Parameters
    ----------
    trainer
        After those steps.
    rows
        Losses of each step.
    path
        Checkpoint of the steps before, for the message.

    Raises
    ------
    AssetError
        When a loss or an averaged weight is not finite.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    zero = torch.zeros_like(next(iter(rows[0].values())))
    table = torch.stack([torch.stack([row.get(name, zero) for name in names]) for row in rows])
    table = trainer.processes.mean(table)
    broken = (~torch.isfinite(table)).nonzero()
    if len(broken):
        row, column = broken[0].tolist()
        step = trainer.step_number - len(rows) + row + 1
        raise _not_finite(f"The loss '{names[column]}'", step, path)
    if not all(torch.isfinite(v).all() for v in trainer.ema.values()):
        raise _not_finite("A weight", trainer.step_number, path)
    return dict(zip(names, table.mean(dim=0).tolist(), strict=True))


def _not_finite(what: str, step: int, path: Path | None) -> AssetError:
    kept = f" {path} stays as it was." if path is not None and path.exists() else ""
    return AssetError(
        f"{what} is not finite at step {step}; lower the learning rates or look for damaged "
        f"labels.{kept}"
    )
