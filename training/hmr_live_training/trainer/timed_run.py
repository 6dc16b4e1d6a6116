"""Training for a given time: the schedule ends when the time does, however fast the machine is."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from hmr_live_training.trainer.trainer import Trainer
from hmr_live_training.trainer.training_run import mean_losses

log = logging.getLogger(__name__)

#: Steps from one look at the clock of the schedule to the next; the first ones are slow (kernels
#: are chosen, workers start), so the pace is measured behind them.
_LOOK_EVERY: Final = 10
#: The learning rate rises for no more than this share of the steps.
_WARM_UP: Final = 0.1
#: Seconds from one line of the log to the next.
_LOG_EVERY: Final = 30.0
#: More steps than anybody has time for.
_ENDLESS: Final = 10_000_000


@dataclass(frozen=True)
class TimedTraining:
    """What came of it.

    Attributes
    ----------
    steps
        Done.
    schedule
        Length of the schedule at its end; about as many where the time was long enough for it to
        be fitted.
    seconds
        From the first step to the last.
    losses
        Means since the last line of the log.
    """

    steps: int
    schedule: int
    seconds: float
    losses: dict[str, float]


def train_until(trainer: Trainer, end: float, workers: int = 0) -> TimedTraining:
    """Step until :func:`time.monotonic` is ``end``, but once at least.

    The number of steps in the trainer's configuration holds until the pace is known.  From then on
    it follows from the time that is left.

    Parameters
    ----------
    trainer
        At its first step.
    end
        When to stop; the last step may end a little later.
    workers
        Processes that draw batches ahead.

    Raises
    ------
    AssetError
        When a loss is not finite.
    """
    start = logged = time.monotonic()
    paced: float | None = None
    rows: list[dict[str, Tensor]] = []
    losses: dict[str, float] = {}
    for batch in trainer.batches.drawn(range(_ENDLESS), workers):
        rows.append(trainer.step(batch))
        now = time.monotonic()
        if trainer.step_number % _LOOK_EVERY == 0:
            now = _synchronised(trainer)
            if paced is not None:
                pace = (now - paced) / (trainer.step_number - _LOOK_EVERY)
                _fit_schedule(trainer, max(0, round((end - now) / pace)))
            paced = paced or now
        if now >= end or now - logged >= _LOG_EVERY:
            losses, rows, logged = mean_losses(trainer, rows), [], now
            said = " ".join(f"{name} {value:.2f}" for name, value in losses.items())
            step, steps = trainer.step_number, trainer.config.steps
            log.info("    step %d of about %d, %.0f s | %s", step, steps, now - start, said)
        if now >= end:
            break
    seconds = _synchronised(trainer) - start
    return TimedTraining(trainer.step_number, trainer.config.steps, seconds, losses)


def _synchronised(trainer: Trainer) -> float:
    """The time when the GPU has done what it was told."""
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    return time.monotonic()


def _fit_schedule(trainer: Trainer, left: int) -> None:
    steps = trainer.step_number + left
    warm_up = min(trainer.config.warm_up, max(1, round(_WARM_UP * steps)))
    trainer.config = replace(trainer.config, steps=steps, warm_up=warm_up)
