"""Times the numpy body against ``smplx`` at batch 1.

``python -m hmr_live_training.benchmarks.body``

The candidates take turns in one run, so that a busy machine slows all of them.  ``smplx`` gets
rotation matrices and no gradients, its fastest way.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

# Before numpy starts its threads; the window's process sets the same.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS
from hmr_live_training.models.smplx_reference import smplx_body

_ROUNDS = 20
_CALLS_A_ROUND = 25
_WARM_UP = 5


def main() -> None:
    """Print medians, 95th percentiles and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--body", type=Path, help="body file (default: the shipped body)")
    options = parser.parse_args()
    body = BodyModel.load(options.body) if options.body else BodyModel.default()

    milliseconds = _measure(_candidates(body))
    reference = np.median(milliseconds["smplx, 1 thread"])
    fastest = min(np.median(v) for k, v in milliseconds.items() if k.startswith("smplx"))
    print(f"{body.name}: {body.num_vertices} vertices, {_ROUNDS * _CALLS_A_ROUND} calls each")
    print(f"{'':24}{'median ms':>10}{'p95 ms':>10}{'x 1 thread':>12}{'x best smplx':>14}")
    for name, samples in milliseconds.items():
        median, high = np.percentile(samples, [50, 95])
        ratios = f"{reference / median:12.2f}{fastest / median:14.2f}"
        print(f"{name:24}{median:10.3f}{high:10.3f}{ratios}")


def _candidates(body: BodyModel) -> dict[str, tuple[int, Callable[[], object]]]:
    """Name -> (torch threads, call)."""
    random = np.random.default_rng(0)
    rotmats = matrix_from_axis_angle(random.normal(0, 0.4, (NUM_JOINTS, 3)).astype(np.float32))
    betas = random.normal(size=NUM_BETAS).astype(np.float32)
    reference = smplx_body(body)
    matrices, shape = torch.tensor(rotmats)[None], torch.tensor(betas)[None]

    def run_smplx() -> object:
        with torch.inference_mode():
            return reference(
                betas=shape,
                global_orient=matrices[:, :1],
                body_pose=matrices[:, 1:],
                pose2rot=False,
            )

    return {
        "smplx, 1 thread": (1, run_smplx),
        "smplx, 2 threads": (2, run_smplx),
        "numpy forward": (1, lambda: body.forward(rotmats, betas)),
        "numpy joints": (1, lambda: body.joints(rotmats, betas)),
        "numpy transforms": (1, lambda: body.skinning_transforms(rotmats, betas)),
    }


def _measure(candidates: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, list[float]]:
    milliseconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(_ROUNDS):
        for name, (threads, call) in candidates.items():
            torch.set_num_threads(threads)
            for repeat in range(_WARM_UP + _CALLS_A_ROUND):
                start = time.perf_counter()
                call()
                if repeat >= _WARM_UP:
                    milliseconds[name].append(1e3 * (time.perf_counter() - start))
    return milliseconds


if __name__ == "__main__":
    main()
