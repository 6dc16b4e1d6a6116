"""What :mod:`hmr_live_training.build.continue_pack` does once all packages are there.

The time is a hard limit, so what comes last is tried first: the start is exported while people are
drawn, which says how long an export takes here, and evaluated before it is trained.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch

from hmr_live.core.assets import read_manifest
from hmr_live.core.errors import AssetError
from hmr_live.render.offscreen import create_standalone_context
from hmr_live_training.build.build_log import logged_to
from hmr_live_training.build.context import log
from hmr_live_training.build.pack import continued_stage
from hmr_live_training.build.pack_file import PackContents, PackFolder
from hmr_live_training.build.stages import START, check_fits
from hmr_live_training.checkpoints.checkpoint import Checkpoint, State, save_checkpoint
from hmr_live_training.distributed import Processes, joined_processes
from hmr_live_training.export.cast_fp16 import cast_fp16
from hmr_live_training.export.export import export_checkpoint, kept_float32
from hmr_live_training.export.from_export import checkpoint_of
from hmr_live_training.onnx_tools.onnx_weights import SHIFT
from hmr_live_training.recipes.recipe import SHIPPED, Recipe, load_recipe
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.stages import CastFp16, SyntheticPeople
from hmr_live_training.synthetic.scene_config import SyntheticConfig
from hmr_live_training.synthetic.shards import load_shard, shard_paths, write_shards
from hmr_live_training.trainer.malloc_tuning import keep_freed_memory
from hmr_live_training.trainer.timed_run import TimedTraining, train_until
from hmr_live_training.trainer.train import Folders, start_run
from hmr_live_training.trainer.training_run import TrainingRun

#: A batch on a GPU.
_GPU_BATCH: Final[dict[str, Any]] = {
    "batch": 136,
    "synthetic": 160,
    "empty": 16,
    "projected_mocap": 96,
}
#: People are drawn for so much of the time, so many to a file: what is unfinished then is lost.
_DRAWING_SHARE: Final = 0.25
_SHARD_SIZE: Final = 25
#: The last export is given so many times what the first one took.
_SLOWER: Final = 1.5
#: For the last step, the end of the workers, and the files, seconds.
_SPARE: Final = 4.0
_SPARE_WITH_WORKERS: Final = 12.0
#: The trained network is evaluated where that takes at most this share of the time.
_EVALUATION_SHARE: Final = 0.1
#: A file above this is mentioned.
_LARGE: Final = 16e6


@dataclass(frozen=True)
class TimedOptions:
    """How to run.

    Attributes
    ----------
    out
        Folder for the network, its figures and the log.
    end
        When it has to be written, as :func:`time.monotonic` counts.
    workers
        Processes that draw people and cut crops.
    threads
        CPU threads of the training process.
    """

    out: Path
    end: float
    workers: int
    threads: int


class TimedBuild:
    """One recipe, continued from a pack until a time.

    Parameters
    ----------
    folder, contents
        The unpacked pack.
    options
        How to run.
    """

    def __init__(self, folder: PackFolder, contents: PackContents, options: TimedOptions) -> None:
        self._folder = folder
        self._contents = contents
        self._options = options
        self._began = time.monotonic()
        self._shards = folder.root / "synthetic"
        self._checkpoints = folder.root / "checkpoints"
        self._recipe: Recipe = load_recipe(folder.recipe).started(SHIPPED)
        self._seconds: dict[str, float] = {}

    def run(self) -> None:
        """Train, and write the network, ``figures.json`` and ``continue.log``.

        Raises
        ------
        AssetError
            When something in the pack does not fit, no people could be drawn, or a loss is not
            finite.
        RenderError
            When the machine offers no OpenGL.
        """
        options = self._options
        options.out.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(options.threads)
        torch.set_flush_denormal(True)
        keep_freed_memory()
        with logged_to(options.out / "continue.log"), joined_processes() as processes:
            # Without OpenGL nothing can be drawn: better now than in minutes.
            create_standalone_context().release()
            self._run(processes)

    def _run(self, processes: Processes) -> None:
        device = _device_name(processes.device)
        log.info("%s for %.0f s on %s", self._contents.network, self._left(), device)
        started = self._start()
        config = self._config(processes.device, started.config)
        with ThreadPoolExecutor(1) as alone:
            drawing = alone.submit(self._draw)
            self._timed("export", lambda: self._export(started, self._folder.root / "tried", {}))
            people = drawing.result()
        f = self._folder
        folders = Folders(f.data, f.encoders, f.cache, self._shards, f.body, self._checkpoints)
        run = self._timed(
            "loading", lambda: start_run(config, folders, processes, self._options.workers)
        )
        before = self._timed("evaluation", lambda: self._evaluated(run))
        log.info("    pck12 of the start %.2f", before["pck12"])
        done = train_until(run.trainer, self._options.end - self._reserve(), run.workers)
        log.info("    %d steps in %.0f s", done.steps, done.seconds)
        saved = self._checkpoint(run, done, started)
        after = self._evaluated(run) if self._evaluates() and self._time_to_evaluate() else {}
        crops = done.steps * (config.batch + config.synthetic + config.empty)
        figures = {
            "network": self._contents.network,
            "stage": config.name,
            "device": device,
            "workers": self._options.workers,
            "synthetic_people": people,
            "pictures": run.counts,
            "batch": {name: getattr(config, name) for name in _GPU_BATCH},
            "steps": done.steps,
            "schedule_steps": done.schedule,
            "crops_per_second": round(crops / max(done.seconds, 1e-9), 1),
            "losses": {name: round(value, 3) for name, value in done.losses.items()},
            "before": before,
            "after": after,
        }
        self._write(saved, figures)

    def _left(self) -> float:
        return self._options.end - time.monotonic()

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it returns
        start = time.monotonic()
        result = work()
        self._seconds[name] = time.monotonic() - start
        log.info("    %s: %.0f s", name, self._seconds[name])
        return result

    def _start(self) -> Checkpoint:
        """The packed network as a checkpoint (AssetError when the recipe has another encoder)."""
        f = self._folder
        path = f.networks / self._contents.start
        saved = checkpoint_of(path, encoders=f.encoders, data=f.data, body=f.body)
        check_fits(self._packed_config(), saved.config)
        save_checkpoint(self._checkpoints / f"{START}.pt", saved)
        return saved

    def _packed_config(self) -> RunConfig:
        config = continued_stage(self._recipe).settings
        assert isinstance(config, RunConfig)
        return config

    def _config(self, device: torch.device, started: RunConfig) -> RunConfig:
        config = replace(
            self._packed_config(), start_from=START, held_photos=self._contents.held_photos
        )
        check_fits(config, started)
        return replace(config, **_GPU_BATCH) if device.type == "cuda" else config

    def _draw(self) -> int:
        """Draw people for a share of the time; return how many."""
        stages = [
            s.settings for s in self._recipe.stages if isinstance(s.settings, SyntheticPeople)
        ]
        if not stages:
            return 0
        (settings,) = stages[:1]
        config = SyntheticConfig(seed=settings.seed, body=self._folder.body)
        start = time.monotonic()
        shards = write_shards(
            self._folder.data,
            "train",
            settings.count,
            self._shards,
            config,
            workers=self._options.workers,
            shard_size=_SHARD_SIZE,
            seconds=_DRAWING_SHARE * self._left(),
        )
        for _ in shards:
            pass
        count = sum(len(load_shard(path)) for path in shard_paths(self._shards, "train"))
        self._seconds["drawing"] = time.monotonic() - start
        log.info("    %d synthetic people in %.0f s", count, self._seconds["drawing"])
        if not count:
            raise AssetError(
                "No synthetic people were finished in a quarter of the time; give more --minutes."
            )
        return count

    def _reserve(self) -> float:
        """Seconds that the end is given."""
        spare = _SPARE_WITH_WORKERS if self._options.workers else _SPARE
        evaluation = self._seconds["evaluation"] if self._evaluates() else 0.0
        return spare + _SLOWER * self._seconds["export"] + evaluation

    def _evaluates(self) -> bool:
        whole = self._options.end - self._began
        return self._seconds["evaluation"] <= _EVALUATION_SHARE * whole

    def _time_to_evaluate(self) -> bool:
        return self._left() > _SLOWER * self._seconds["export"] + self._seconds["evaluation"]

    @staticmethod
    def _evaluated(run: TrainingRun) -> dict[str, float]:
        if run.evaluate is None:
            return {}
        row = run.evaluate(run.trainer.ema)
        return {name: round(value, 2) for name, value in row.items()}

    def _checkpoint(self, run: TrainingRun, done: TimedTraining, started: Checkpoint) -> Checkpoint:
        """The averaged weights; the network that ships held out the same photos, and more."""
        held = self._packed_config().held_photos
        weights = {name: value.cpu() for name, value in run.trainer.ema.items()}
        if any(isinstance(stage.settings, CastFp16) for stage in self._recipe.stages):
            weights = cast_fp16(weights)
        return Checkpoint(
            config=replace(run.trainer.config, held_photos=held),
            step=done.steps,
            seconds=started.seconds + done.seconds,
            network=weights,
            training={},
            samples=run.counts,
        )

    def _export(self, saved: Checkpoint, folder: Path, figures: dict[str, Any]) -> None:
        manifest = read_manifest(self._folder.networks / self._contents.start)
        export_checkpoint(
            saved,
            folder / f"{self._contents.network}.onnx",
            encoders=self._folder.encoders,
            data=self._folder.data,
            body=self._folder.body,
            # The start's, until a build chooses another one.
            person_logit=float(manifest["training"].get(SHIFT, 0.0)),
            figures=figures,
        )

    def _write(self, saved: Checkpoint, figures: dict[str, Any]) -> None:
        """The network; its checkpoint where it cannot be exported."""
        out = self._options.out
        checkpoint = out / f"{self._contents.network}.pt"
        save_checkpoint(checkpoint, replace(saved, network=stored_weights(saved)))
        split = "part of LSPET im08001 to im09000, tracker's region from labels, rotated upright"
        self._timed(
            "last export", lambda: self._export(saved, out, {"split": split, **figures["after"]})
        )
        checkpoint.unlink()
        seconds = {name: round(value, 1) for name, value in self._seconds.items()}
        seconds["all"] = round(time.monotonic() - self._began, 1)
        text = json.dumps({**figures, "seconds": seconds}, indent=1)
        (out / "figures.json").write_text(text + "\n", encoding="utf-8")
        for path in sorted(out.iterdir()):
            size = path.stat().st_size
            large = " (large: mind what carries it home)" if size > _LARGE else ""
            log.info("    %s: %.1f MB%s", path.name, size / 1e6, large)


def stored_weights(saved: Checkpoint) -> State:
    """A checkpoint's weights as an export stores them: what it need not keep exact is float16."""
    kept = kept_float32(saved.config)
    return {
        name: value.half()
        if value.is_floating_point() and not any(word in name for word in kept)
        else value
        for name, value in saved.network.items()
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
