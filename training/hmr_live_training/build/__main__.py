"""Build a network from its recipe.

``python -m hmr_live_training.build full`` goes from data to ``<work>/networks/full.onnx``.  Stop it
and start it again: finished stages are skipped, and a stage that was interrupted goes on from its
last checkpoint.  A changed setting runs its stage and all that follow anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from hmr_live.core.assets import asset_path
from hmr_live.core.errors import HmrLiveError
from hmr_live_training.build.build_log import logged_to
from hmr_live_training.build.context import log
from hmr_live_training.build.dry_run import cut_recipe, sample_data
from hmr_live_training.build.runner import Build, BuildOptions
from hmr_live_training.build.stages import TimeIsUpError
from hmr_live_training.build.workspace import Workspace
from hmr_live_training.recipes.recipe import Recipe, find_recipe, load_recipe, shipped_recipes
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.trainer.malloc_tuning import keep_freed_memory


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hmr_live_training.build", description=__doc__)
    add = parser.add_argument
    add("recipe", help=f"a YAML file, or one of {', '.join(shipped_recipes())}")
    add("--data", type=Path, default=Path("../shared/data"), help="photos, motion capture ...")
    add("--encoders", type=Path, default=Path("encoders"), help="BlazePose's .tflite files")
    add(
        "--body",
        type=Path,
        default=asset_path("body", "open_body.npz"),
        help="body model (default: the open body)",
    )
    add(
        "--networks",
        type=Path,
        default=asset_path("networks", "full.onnx").parent,
        help="the shipped networks, to start from and to teach",
    )
    add("--work", type=Path, help="folder of all that is made (default: work/<network>)")
    add("--start", help="published | shipped | path to an exported .onnx")
    add("--until", metavar="STAGE", help="stop after this stage")
    add("--list", action="store_true", help="show the stages and what is done, and run nothing")
    add(
        "--minutes",
        type=float,
        default=float("inf"),
        help="stop after this many minutes; the same command resumes",
    )
    add("--workers", type=int, default=0, help="processes that cut crops and render people ahead")
    add("--processes", type=_count, default=1, help="processes (GPUs) that train together")
    add("--threads", type=_count, default=1, help="CPU threads per process")
    add("--report-every", type=_count, default=500, help="steps to the next report and checkpoint")
    add(
        "--steps-factor",
        type=_positive,
        default=1.0,
        help="multiply the steps of every train stage",
    )
    add(
        "--dry-run",
        type=_count,
        metavar="STEPS",
        help="run this many steps per stage on a few samples",
    )
    add("--only", help=argparse.SUPPRESS)  # one of several processes
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} must be more than 0")
    return value


def _recipe(o: argparse.Namespace) -> Recipe:
    recipe = load_recipe(find_recipe(o.recipe)).started(o.start)
    stages = [
        replace(stage, settings=_longer(stage.settings, o.steps_factor))
        if isinstance(stage.settings, RunConfig)
        else stage
        for stage in recipe.stages
    ]
    recipe = replace(recipe, stages=tuple(stages))
    return recipe if o.dry_run is None else cut_recipe(recipe, o.dry_run)


def _longer(config: RunConfig, factor: float) -> RunConfig:
    return replace(config, steps=max(1, round(config.steps * factor)))


def _workspace(o: argparse.Namespace, recipe: Recipe) -> Workspace:
    name = recipe.network if o.dry_run is None else f"{recipe.network}_dry_run"
    work = o.work or Path("work") / name
    work.mkdir(parents=True, exist_ok=True)
    data = o.data if o.dry_run is None else sample_data(o.data, work / "data")
    return Workspace(data, o.encoders, o.body, o.networks, work)


def _list(build: Build) -> None:
    for number, stage in enumerate(build.recipe.stages, 1):
        state = "done" if build.finished(stage) else ""
        steps = f"{stage.settings.steps} steps" if isinstance(stage.settings, RunConfig) else ""
        print(f"{number:3} {stage.name:28} {stage.kind:22} {steps:12} {state}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 when done, 2 when time was up, 1 after an error, 130 on Ctrl-C."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    o = _parser().parse_args(given)
    torch.set_num_threads(o.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    try:
        recipe = _recipe(o)
        workspace = _workspace(o, recipe)
        options = BuildOptions(o.workers, o.processes, o.report_every, o.minutes)
        with logged_to(workspace.work / "build.log"):
            _run(o, Build(recipe, workspace, options, given))
    except TimeIsUpError as pause:
        print(pause, file=sys.stderr)
        return 2
    except (HmrLiveError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to resume.", file=sys.stderr)
        return 130
    return 0


def _run(o: argparse.Namespace, build: Build) -> None:
    if o.list:
        _list(build)
    elif o.only:
        build.run_shared(o.only)
    else:
        log.info(
            "%s from %s, in %s", build.recipe.network, build.recipe.start, build.workspace.work
        )
        build.run(o.until)


if __name__ == "__main__":
    sys.exit(main())
