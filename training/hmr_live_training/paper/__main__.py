"""Train or export: ``torchrun --nproc-per-node 8 -m hmr_live_training.paper train paper_8 ...``.

Without ``torchrun`` one process trains.  ``training/SCALE.md`` tells how to run it in earnest.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.data.mocap import load_poses, mean_pose_6d
from hmr_live_training.data.readers.shards import ShardPlan, find_shards
from hmr_live_training.distributed import joined_processes
from hmr_live_training.models.backbones.resnet50 import ResNet50Encoder
from hmr_live_training.models.smpl_layer import read_rest_body
from hmr_live_training.paper.export import export_paper
from hmr_live_training.paper.loader import loader
from hmr_live_training.paper.network import PaperNetwork, build_paper_network
from hmr_live_training.paper.paper_config import RUNS, PaperConfig
from hmr_live_training.paper.run import Loop, PaperRun, load_state


def fresh_network(
    config: PaperConfig, data: Path, body: Path, imagenet: Path | None = None
) -> PaperNetwork:
    """ResNet-50 with random (or ImageNet's) weights; the regressor starts at the mean pose."""
    torch.manual_seed(config.seed)
    mean_pose = torch.from_numpy(mean_pose_6d(load_poses(data)))
    encoder = ResNet50Encoder()
    if imagenet is not None:
        encoder.load_imagenet(imagenet)
    return build_paper_network(config, encoder, encoder.dim, read_rest_body(body), mean_pose)


def train(o: argparse.Namespace) -> None:
    """The command ``train``."""
    config = RUNS[o.run]
    config = replace(config, steps=o.steps or config.steps, batch=o.batch or config.batch)
    with joined_processes() as processes:
        network = fresh_network(config, o.data, o.body, o.imagenet)
        run = PaperRun(config, network, torch.from_numpy(load_poses(o.data)), processes)
        path = o.out / f"{config.name}.pt"
        history = run.resume(path)
        shards = [path for folder in o.shards for path in find_shards(folder)]
        plan = ShardPlan(shards, seed=config.seed, window=config.window)
        batches = loader(config, plan, processes, o.workers, run.step_number)
        Loop(run, iter(batches), path, o.report_every, history=history).train()


def export(o: argparse.Namespace) -> None:
    """The command ``export``."""
    state = load_state(o.checkpoint)
    config = PaperConfig.from_dict(state["config"])
    network = fresh_network(config, o.data, o.body)
    network.load_state_dict(state["average"])
    steps = int(state["step"])
    change = export_paper(
        network, o.out, config=config, steps=steps, data=o.about, licence=o.licence
    )
    print(f"wrote {o.out}; torch and ONNX differ by {change:.4f} mm at most")


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.paper", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, default=Path("../shared/data"), help="motion capture")
    common.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("train", parents=[common])
    # No option: torchrun takes "--run" for an abbreviation of its own.
    one.add_argument("run", choices=sorted(RUNS))
    one.add_argument(
        "--shards",
        type=Path,
        action="append",
        required=True,
        help="a folder; name it again to count a data set twice",
    )
    one.add_argument("--imagenet", type=Path, help="torchvision's ResNet-50 state dict")
    one.add_argument("--out", type=Path, default=Path("runs"))
    one.add_argument("--steps", type=int, help="instead of the run's own length")
    one.add_argument("--batch", type=int, help="pictures a step over all processes")
    one.add_argument("--workers", type=int, default=6, help="reading processes for each GPU")
    one.add_argument("--report-every", type=int, default=500)
    one.set_defaults(command=train)
    two = commands.add_parser("export", parents=[common])
    two.add_argument("checkpoint", type=Path)
    two.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    two.add_argument("--about", default="", help="the data it was trained on, in words")
    two.add_argument("--licence", default="not stated", help="of the weights, in words")
    two.set_defaults(command=export)
    o = parser.parse_args(arguments)
    try:
        o.command(o)
    except HmrLiveError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
