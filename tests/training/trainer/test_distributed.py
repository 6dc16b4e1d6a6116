"""Two real processes train as one does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from hmr_live_training.distributed import DistributedError, LossModule, Processes, joined_processes
from tests.training.trainer.distributed_run import paper_run, run

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Files that two gloo processes under torchrun wrote."""
    folder = tmp_path_factory.mktemp("distributed")
    address = ["--master-addr", "127.0.0.1", "--master-port", str(free_port())]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *address]
    worker = ["-m", "tests.training.trainer.distributed_run", str(folder / "run.npz")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*torchrun, *worker], cwd=ROOT, env=environment, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return folder


@pytest.fixture(scope="module")
def one_process():
    return {**run(Processes()), **paper_run(Processes())}


def test_two_processes_have_the_gradients_and_parameters_of_one(two_processes, one_process):
    """Of plain steps, and the averaged weights, discriminators and losses of the paper's recipe."""
    for rank in (0, 1):
        with np.load(two_processes / f"run_{rank}.npz") as file:
            assert set(file.files) == set(one_process)
            for name, expected in one_process.items():
                np.testing.assert_allclose(file[name], expected, rtol=1e-3, atol=2e-5, err_msg=name)


def test_the_run_moves_every_trained_part_so_that_equality_means_something(one_process):
    start = run(Processes(), steps=0)
    for part in (
        "network/update.weight",
        "network/hidden1_phi.weight",
        "discriminators/pose.0.weight",
    ):
        assert np.abs(one_process[part] - start[part]).max() > 0.01
    assert np.abs(one_process["gradient/0/update.weight"]).max() > 1e-3


def test_processes_draw_different_dropout(two_processes):
    with np.load(two_processes / "seed_0.npz") as a, np.load(two_processes / "seed_1.npz") as b:
        assert a["count"] == b["count"] == 2
        assert not np.allclose(a["drawn"], b["drawn"])


def test_a_resumed_run_of_two_processes_equals_an_uninterrupted_one(two_processes):
    """Dropout differs from process to process, so each must go on with its own random numbers."""
    for rank in (0, 1):
        with np.load(two_processes / f"interrupted_{rank}.npz") as file:
            names = [name.removeprefix("whole/") for name in file.files if "whole/" in name]
            assert names
            for name in names:
                np.testing.assert_array_equal(
                    file[f"resumed/{name}"], file[f"whole/{name}"], err_msg=name
                )


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


def test_shares_of_all_processes_are_the_batch():
    batch = (torch.arange(6), Pair(torch.arange(12).reshape(6, 2), torch.arange(6)))
    shares = [Processes(rank, 3).share(batch) for rank in range(3)]
    assert torch.equal(torch.cat([s[0] for s in shares]).sort().values, batch[0])
    assert all(isinstance(share[1], Pair) and len(share[1].first) == 2 for share in shares)
    assert Processes().share(batch) is batch
    with pytest.raises(DistributedError, match="multiple of 4"):
        Processes(0, 4).share(batch)


def test_a_lone_process_joins_nobody_and_wraps_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_processes() as processes:
        assert (processes.rank, processes.count, processes.is_first) == (0, 1, True)
        module = LossModule(torch.nn.Linear(2, 1), lambda x: x)
        assert processes.wrap(module) is module
        assert processes.mean(torch.tensor(2.0)) == 2
        assert processes.any(True)
        assert processes.gather("state") == ["state"]
        processes.wait()


def test_half_an_environment_is_reported(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(DistributedError, match="torchrun"), joined_processes():
        pass
