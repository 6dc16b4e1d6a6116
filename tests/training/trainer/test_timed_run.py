"""Training for a given time."""

from types import SimpleNamespace

import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.distributed import Processes
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.trainer import timed_run
from hmr_live_training.trainer.timed_run import train_until


class SlowTrainer:
    """Every step takes two seconds of a clock that nobody waits for, the first ones ten."""

    def __init__(self, monkeypatch, loss=1.0):
        self.config = RunConfig(steps=2200, warm_up=100)
        self.step_number = 0
        self.device = torch.device("cpu")
        self.processes = Processes()
        self.ema = {}
        self.batches = SimpleNamespace(drawn=lambda steps, workers: iter(steps))
        self.now, self.loss = 0.0, loss
        monkeypatch.setattr(timed_run, "time", SimpleNamespace(monotonic=lambda: self.now))

    def step(self, batch):
        assert batch == self.step_number
        self.step_number += 1
        self.now += 10 if self.step_number < 5 else 2
        return {"points": torch.tensor(self.loss)}


def test_the_schedule_ends_when_the_time_does(monkeypatch):
    trainer = SlowTrainer(monkeypatch)
    done = train_until(trainer, 1000.0)
    assert done.seconds == 1000
    assert done.steps == done.schedule == trainer.config.steps == 484
    assert trainer.config.warm_up == 48
    assert done.losses == {"points": 1.0}


def test_a_time_that_is_over_is_one_step(monkeypatch):
    assert train_until(SlowTrainer(monkeypatch), -5.0).steps == 1


def test_a_loss_that_is_not_finite_stops_it(monkeypatch):
    with pytest.raises(AssetError, match="not finite at step 1"):
        train_until(SlowTrainer(monkeypatch, loss=float("nan")), 1000.0)
