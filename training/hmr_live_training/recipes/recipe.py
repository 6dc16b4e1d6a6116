"""A recipe: the stages from published weights to a network that ships, read from a YAML file.

::

    network: full            # name of the exported files
    encoder: full            # BlazePose backbone: lite, full or heavy
    start: published         # published | shipped | path to an exported .onnx
    seed: 0
    training: {...}          # RunConfig settings that all train stages share
    stages:
      - name: regressor_warm_up
        kind: train
        only_from: published # left out when the start is a trained network
        steps: 1000          # RunConfig settings of this stage

Everything is checked when the file is read, before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from hmr_live_training.models.backbones.blazepose import TENSORS
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.stages import KINDS, CachedFeatures, Settings, TeacherLabels
from hmr_live_training.recipes.yaml_values import (
    RecipeError,
    YamlFile,
    build,
    missing_fields,
)

#: The start from BlazePose's published weights, and from the network that ships.
PUBLISHED: Final = "published"
SHIPPED: Final = "shipped"
_TRAIN: Final = "train"
#: RunConfig fields that a recipe decides as a whole, not stage by stage.
_BY_RECIPE: Final = ("name", "encoder", "start_from")
_STAGE_KEYS: Final = ("name", "kind", "only_from")


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes
    ----------
    name
        What it is called in the log, the work folder and ``--until``.
    kind
        ``train`` or a key of :data:`~hmr_live_training.recipes.stages.KINDS`.
    settings
        Of that kind; a :class:`~hmr_live_training.recipes.run_config.RunConfig` for ``train``.
    only_from
        ``published``: left out when the start is a trained network.
    """

    name: str
    kind: str
    settings: Settings | RunConfig
    only_from: Literal["published"] | None = None


@dataclass(frozen=True)
class Recipe:
    """How to make one network.

    Attributes
    ----------
    network
        Name of the exported files.
    encoder
        BlazePose backbone: lite, full or heavy.
    start
        ``published``, ``shipped`` or the path to an exported network.
    seed
        Of all random numbers.
    stages
        In their order.
    """

    network: str
    encoder: str
    start: str
    seed: int
    stages: tuple[Stage, ...]

    def started(self, start: str | None = None) -> Recipe:
        """The recipe with another start; stages that it does not need are left out."""
        start = start or self.start
        stages = tuple(s for s in self.stages if s.only_from is None or start == PUBLISHED)
        return replace(self, start=start, stages=stages)

    def stage(self, name: str) -> Stage:
        """The stage of that name (RecipeError when there is none)."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise RecipeError(f"The recipe has no stage {name}; it has {names}.")


def shipped_recipes() -> list[str]:
    """Names of the recipes in this package."""
    folder = resources.files(__package__)
    return sorted(
        file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")
    )


def find_recipe(name: str) -> Path:
    """Path of a recipe, given its path or the bare name of a shipped one.

    Raises
    ------
    RecipeError
        When there is neither.
    """
    path = Path(name)
    if path.exists():
        return path
    bare = path.name.removesuffix(".yaml")
    if bare in shipped_recipes():
        return Path(str(resources.files(__package__) / f"{bare}.yaml"))
    raise RecipeError(
        f"There is no recipe {name}; give a path, or one of {', '.join(shipped_recipes())}."
    )


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    RecipeError
        When the file is missing or something in it is unknown, of the wrong type or missing; the
        message names the line and says what to do.
    """
    file = YamlFile(path)
    top = _Top.read(file)
    shared = {"encoder": top.encoder, "seed": top.seed}
    stages = [_read_stage(file, node, shared, top.training) for node in top.stages]
    _check_names(file, top.stages, stages)
    return Recipe(top.network, top.encoder, top.start, top.seed, tuple(stages))


@dataclass(frozen=True)
class _Top:
    network: str
    encoder: str
    start: str
    seed: int
    training: dict[str, Any]
    stages: list[yaml.Node]

    @classmethod
    def read(cls, file: YamlFile) -> _Top:
        simple = {"network": str, "encoder": Literal[*TENSORS], "start": str, "seed": int}
        found: dict[str, Any] = {"start": PUBLISHED, "seed": 0, "training": {}}
        for name, key, node in file.pairs(file.root, "A recipe"):
            if name in simple:
                found[name] = file.value(node, simple[name], name)
            elif name == "training":
                found[name] = file.settings(node, RunConfig, without=_BY_RECIPE)
            elif name == "stages" and isinstance(node, yaml.SequenceNode):
                found[name] = node.value
            elif name == "stages":
                file.fail(node, "stages must be a list; begin each with a dash.")
            else:
                file.unknown(key, name, {*simple, "training", "stages"}, "key")
        for name in missing_fields(cls, found):
            raise RecipeError(f"{file.path} lacks {name}: add it at the top.")
        return cls(**found)


def _read_stage(
    file: YamlFile, node: yaml.Node, shared: dict[str, Any], training: dict[str, Any]
) -> Stage:
    given = {name: value for name, _, value in file.pairs(node, "A stage")}
    for name in ("name", "kind"):
        if name not in given:
            file.fail(node, f"this stage has no {name}; add one.")
    name = file.value(given["name"], str, "name")
    kind = file.value(given["kind"], Literal[_TRAIN, *KINDS], "kind")
    only_from = None
    if "only_from" in given:
        only_from = file.value(given["only_from"], Literal["published"], "only_from")
    if kind == _TRAIN:
        wrong = [key for key in ("encoder", "start_from") if key in given]
        if wrong:
            file.fail(given[wrong[0]], f"{wrong[0]} is the recipe's; set it at the top.")
        own = file.settings(node, RunConfig, without=_STAGE_KEYS)
        config = build(RunConfig, shared, training, own, {"name": name})
        return Stage(name, kind, config, only_from)
    cls = KINDS[kind]
    own = file.settings(node, cls, without=_STAGE_KEYS)
    lacking = missing_fields(cls, own)
    if lacking:
        file.fail(node, f"stage {name} ({kind}) lacks {', '.join(lacking)}.")
    return Stage(name, kind, build(cls, own), only_from)


def _check_names(file: YamlFile, nodes: list[yaml.Node], stages: list[Stage]) -> None:
    """Names are unique, and what a stage names is there."""
    names = [stage.name for stage in stages]
    trained = {stage.name for stage in stages if stage.kind == _TRAIN}
    teachers = {s.settings.teacher for s in stages if isinstance(s.settings, TeacherLabels)}
    for place, (node, stage) in enumerate(zip(nodes, stages, strict=True)):
        settings = stage.settings
        if stage.name in names[:place]:
            file.fail(node, f"there are two stages {stage.name}; rename one.")
        if isinstance(settings, CachedFeatures) and settings.for_stage not in trained:
            file.unknown(node, settings.for_stage, trained, "train stage")
        if isinstance(settings, TeacherLabels):
            _check_teacher(file, node, settings)
        if isinstance(settings, RunConfig) and settings.teacher not in teachers:
            file.fail(
                node,
                f"stage {stage.name} is taught by {settings.teacher}, who labels nothing; add a "
                "teacher_labels stage with that teacher, or name "
                f"{' or '.join(sorted(teachers)) or 'none'}.",
            )


def _check_teacher(file: YamlFile, node: yaml.Node, settings: TeacherLabels) -> None:
    published: Iterable[str] = TENSORS
    if settings.network is None and settings.teacher not in published:
        file.unknown(node, settings.teacher, published, "published teacher")
    if settings.network is not None and settings.teacher in published:
        file.fail(node, f"{settings.teacher} is BlazePose's; give your network's labels another.")
