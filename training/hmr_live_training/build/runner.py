"""Runs a recipe stage by stage, remembers what is finished, and goes on after a break."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hmr_live.core.assets import sha256_of
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live_training.build.context import Context, log
from hmr_live_training.build.record import BuildRecord, StageRecord, data_digest, digest_of
from hmr_live_training.build.stages import (
    MAKES_DATA,
    MAKES_NETWORK,
    SHARED,
    START,
    discard,
    make_start,
    run_stage,
)
from hmr_live_training.build.workspace import Workspace
from hmr_live_training.distributed import Processes, joined_processes
from hmr_live_training.onnx_tools.onnx_files import write_atomically
from hmr_live_training.recipes.recipe import Recipe, Stage
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.stages import CachedFeatures, TeacherLabels

#: What a cached-features stage takes over from the stage that reads the features.
_OF_READER: Final = (
    *("encoder", "seed", "heatmaps", "teacher", "held_photos", "outside_weight", "augment"),
)


class StageFailedError(HmrLiveError):
    """A stage cannot be done; what was made before is untouched."""


@dataclass(frozen=True)
class BuildOptions:
    """How to run a build; nothing here changes what comes out.

    Attributes
    ----------
    workers
        Processes that cut crops or render people ahead.
    processes
        Processes that train together.
    report_every
        Training steps from one report and checkpoint to the next.
    minutes
        Until the build stops, to be gone on with later.
    """

    workers: int = 0
    processes: int = 1
    report_every: int = 500
    minutes: float = float("inf")


class Build:
    """One recipe in one work folder.

    Parameters
    ----------
    recipe
        With its start chosen (:meth:`.Recipe.started`).
    workspace
        Folders.
    options
        How to run it.
    command
        The command line that runs the same build, for helper processes.

    Raises
    ------
    AssetError
        When a file that a stage needs is missing.
    """

    def __init__(
        self,
        recipe: Recipe,
        workspace: Workspace,
        options: BuildOptions | None = None,
        command: Sequence[str] = (),
    ) -> None:
        self.recipe = recipe
        self.workspace = workspace
        self.options = options or BuildOptions()
        self._command = command
        self._began = time.monotonic()
        check_files(recipe, workspace)
        self.record = BuildRecord(workspace.work / "state.json")
        self.digests = self._digests()

    def _digests(self) -> dict[str, str]:
        """Digest of each stage: of its settings and of all that it depends on.

        Stages that make data depend on the data folder alone, all others on everything before them.
        """
        w, start = self.workspace, self.workspace.start(self.recipe)
        source = start or w.published(self.recipe.encoder)
        data = digest_of(data_digest(w.data), sha256_of(w.body))
        network = digest_of(data, sha256_of(source))
        digests = {}
        for stage in self.recipe.stages:
            described = (stage.name, stage.kind, self._settings(stage))
            if stage.kind in MAKES_DATA:
                digests[stage.name] = digest_of(data, *described)
                network = digest_of(network, digests[stage.name])
            else:
                digests[stage.name] = network = digest_of(network, *described)
        return digests

    def _settings(self, stage: Stage) -> list[Any]:
        settings = stage.settings
        if isinstance(settings, RunConfig):
            return [settings.to_dict()]
        rows: list[Any] = [vars(settings)]
        if isinstance(settings, CachedFeatures):
            reader = self.recipe.stage(settings.for_stage).settings
            assert isinstance(reader, RunConfig)
            rows.append({name: reader.to_dict()[name] for name in _OF_READER})
        if isinstance(settings, TeacherLabels):
            rows.append(sha256_of(self.workspace.teacher(settings)))
        return rows

    def finished(self, stage: Stage) -> bool:
        """Whether a stage is done with its present settings."""
        record = self.record.stages.get(stage.name)
        return record is not None and record.finished and record.digest == self.digests[stage.name]

    def run(self, until: str | None = None) -> None:
        """Do every stage that is not done, up to and with ``until``.

        Raises
        ------
        StageFailedError
            When a stage cannot be done.
        TimeIsUpError
            When the time is up; what was made is kept.
        """
        if until is not None:
            self.recipe.stage(until)
        for number, stage in enumerate(self.recipe.stages, 1):
            title = f"{number}/{len(self.recipe.stages)} {stage.name}"
            if self.finished(stage):
                log.info("%s: done before", title)
            else:
                self._run(stage, title)
            if stage.name == until:
                log.info("stopped after %s, as asked", until)
                return

    def _run(self, stage: Stage, title: str) -> None:
        context = self.context(stage, Processes())
        record = self._begin(context, stage, title)
        start, before = time.monotonic(), record.seconds
        try:
            if context.before == START and stage.kind not in MAKES_DATA:
                make_start(context)
            record.results = self._results(context, stage)
            record.finished = True
        except (HmrLiveError, OSError) as error:
            log.error("%s: %s", title, error)
            raise
        finally:
            record.seconds = before + time.monotonic() - start
            self.record.save()
        said = ", ".join(f"{name} {record.results[name]}" for name in _shown(record.results))
        log.info("%s: done in %s%s", title, _duration(record.seconds), said and f"; {said}")

    def _begin(self, context: Context, stage: Stage, title: str) -> StageRecord:
        """Note that a stage begins; what one with other settings has left is discarded."""
        digest, record = self.digests[stage.name], self.record.stages.get(stage.name)
        if record is not None and record.digest == digest:
            log.info("%s: goes on", title)
            record.finished = False
        else:
            if record is not None:
                log.info("%s: its settings or those before it have changed, so it runs anew", title)
            else:
                log.info("%s", title)
            discard(context, stage)
            record = StageRecord(digest)
        self.record.stages[stage.name] = record
        self.record.save()
        return record

    def context(self, stage: Stage, processes: Processes) -> Context:
        """What a stage may use."""
        before = None if self.workspace.start(self.recipe) is None else START
        results = {}
        for earlier in self.recipe.stages[: self.recipe.stages.index(stage)]:
            if earlier.kind in MAKES_NETWORK:
                before = earlier.name
            if earlier.name in self.record.stages:
                results[earlier.name] = self.record.stages[earlier.name].results
        return Context(
            recipe=self.recipe,
            workspace=self.workspace,
            before=before,
            results=results,
            processes=processes,
            workers=self.options.workers,
            report_every=self.options.report_every,
            minutes_left=self._minutes_left,
        )

    def _minutes_left(self) -> float:
        return self.options.minutes - (time.monotonic() - self._began) / 60

    def _results(self, context: Context, stage: Stage) -> dict[str, Any]:
        if self.options.processes == 1 or stage.kind not in SHARED:
            with joined_processes() as alone:
                return run_stage(self.context(stage, alone), stage)
        path = self._results_path(stage)
        path.unlink(missing_ok=True)
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        count = [f"--nproc-per-node={self.options.processes}"]
        module = ["-m", "hmr_live_training.build", *self._command]
        minutes = ["--only", stage.name, "--minutes", str(context.minutes_left())]
        subprocess.run([*launcher, *count, *module, *minutes], check=False)
        if not path.exists():
            raise StageFailedError(f"{stage.name} did not come to its end; see the messages above.")
        results: dict[str, Any] = json.loads(path.read_text())
        return results

    def run_shared(self, name: str) -> None:
        """One stage, in one of the processes that :meth:`run` has started for it."""
        stage = self.recipe.stage(name)
        with joined_processes() as processes:
            results = run_stage(self.context(stage, processes), stage)
            if processes.is_first:
                write_atomically(self._results_path(stage), json.dumps(results).encode())

    def _results_path(self, stage: Stage) -> Path:
        return self.workspace.work / f".{stage.name}.json"


def check_files(recipe: Recipe, workspace: Workspace) -> None:
    """Whether the files that the stages need are there.

    Raises
    ------
    AssetError
        When one is missing; the message says which stage needs it and where it comes from.
    """
    kinds = {recipe.encoder: "the network"}
    for stage in recipe.stages:
        settings = stage.settings
        if isinstance(settings, TeacherLabels):
            if settings.network is None:
                kinds.setdefault(settings.teacher, f"stage {stage.name}")
            else:
                workspace.network(settings.network)
    for kind, user in kinds.items():
        path = workspace.published(kind)
        if not path.exists():
            raise AssetError(
                f"There is no {path}, which {user} needs; training/README.md says where to get it "
                "(--encoders names the folder)."
            )
    if not (workspace.data / "lspet_224").is_dir():
        raise AssetError(
            f"There is no lspet_224 in {workspace.data}; give the data folder with --data."
        )
    if not workspace.body.exists():
        raise AssetError(f"There is no body {workspace.body}; give one with --body.")
    workspace.start(recipe)


def _shown(results: dict[str, Any]) -> list[str]:
    """Names of the few results that the log shows."""
    numbers = [name for name, value in results.items() if isinstance(value, int | float)]
    return [name for name in ("pck12", "pck12_plain_box") if name in numbers] or numbers


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
