"""What each kind of stage does.

A stage that was interrupted is run again with what it had made in place, and goes on from there;
:func:`discard` removes that where its settings have changed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Literal, cast

from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live_training.build.context import Context, log
from hmr_live_training.checkpoints.build_network import build_network, restore_network
from hmr_live_training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.teacher import teacher_path
from hmr_live_training.evaluation.development import development_figures
from hmr_live_training.export.cast_fp16 import cast_fp16
from hmr_live_training.export.export import export_checkpoint
from hmr_live_training.export.from_export import checkpoint_of
from hmr_live_training.recipes.recipe import Stage
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.stages import (
    CachedFeatures,
    CalibrateConfidence,
    CastFp16,
    Evaluate,
    Export,
    FeatureRounds,
    PersonScore,
    PruneRegressor,
    SyntheticPeople,
    TeacherLabels,
)
from hmr_live_training.sampling.cached_features import (
    encoder_file,
    features_folder,
    load_features,
    store_features,
)
from hmr_live_training.sampling.features import feature_rounds_folder
from hmr_live_training.sampling.pictures import CropStream, EmptyPictures
from hmr_live_training.sampling.prepare import (
    own_teacher,
    prepare_features,
    prepare_synthetic,
    prepare_teacher,
    published_teacher,
)
from hmr_live_training.sampling.sources import KINDS, fresh_crops, training_photos
from hmr_live_training.sampling.synthetic_samples import synthetic_file
from hmr_live_training.synthetic.materials import background_files
from hmr_live_training.synthetic.scene_config import SyntheticConfig
from hmr_live_training.synthetic.shards import load_shard, shard_paths, write_shards
from hmr_live_training.trainer.calibrate import adjust, confidence_logits, scale_and_shift
from hmr_live_training.trainer.initial_weights import load_start
from hmr_live_training.trainer.person_score import person_logits, person_threshold
from hmr_live_training.trainer.prune_regressor import prune_checkpoint
from hmr_live_training.trainer.train import Folders, start_run

Results = dict[str, Any]

#: Stages that make a new network, and so a checkpoint.
MAKES_NETWORK: Final = ("train", "prune_regressor", "calibrate_confidence", "cast_fp16")
#: Stages that make data and need no network of this build.
MAKES_DATA: Final = ("teacher_labels", "synthetic_people")
#: Stages that several processes can share.
SHARED: Final = ("train", "cached_features")
#: Name of the checkpoint made of the exported network that a build starts from.
START: Final = "start"
#: Of a train stage's last report.
_FIGURES: Final = ("pck12", "pck12_plain_box")
#: Apart from the seeds of training batches.
_SCORE_SEED: Final = 1_000


class TimeIsUpError(HmrLiveError):
    """The build's time is over before the stage is; run it again to go on."""


def run_stage(c: Context, stage: Stage) -> Results:
    """Do a stage, from where an interrupted one stopped; return counts and figures."""
    return _RUNS[stage.kind](c, stage, stage.settings)


def discard(c: Context, stage: Stage) -> None:
    """Remove what a stage with other settings has left."""
    w = c.workspace
    w.checkpoint(stage.name).unlink(missing_ok=True)
    settings = stage.settings
    if isinstance(settings, TeacherLabels):
        for split in ("train", "development"):
            teacher_path(w.cache, settings.teacher, split).unlink(missing_ok=True)
    if isinstance(settings, FeatureRounds):
        shutil.rmtree(feature_rounds_folder(w.cache, c.recipe.encoder), ignore_errors=True)
        for read in ("features", "feature_map"):
            synthetic_file(w.cache, c.recipe.encoder, read).unlink(missing_ok=True)
    if isinstance(settings, SyntheticPeople):
        shutil.rmtree(w.shards, ignore_errors=True)


def make_start(c: Context) -> None:
    """The exported network that the recipe starts from, as a checkpoint (quick, so always anew)."""
    path = c.workspace.start(c.recipe)
    if path is None:
        return
    saved = checkpoint_of(path, **c.files)
    if saved.config.encoder != c.recipe.encoder:
        raise AssetError(
            f"{path} has the encoder {saved.config.encoder} and the recipe {c.recipe.encoder}; "
            "start from a network with the same."
        )
    save_checkpoint(c.workspace.checkpoint(START), saved)


def _teacher_labels(c: Context, _: Stage, s: TeacherLabels) -> Results:
    w = c.workspace
    if s.network is None:
        look = published_teacher(w.encoders, w.cache, s.teacher)
        prepare_teacher(w.data, w.cache, s.teacher, look, s.views, ("development", "train"))
    else:
        checkpoint = w.checkpoint(f"teacher_{s.teacher}")
        save_checkpoint(checkpoint, checkpoint_of(w.network(s.network), **c.files))
        look = own_teacher(checkpoint, w.data, w.encoders, w.cache, w.body)[1]
        prepare_teacher(w.data, w.cache, s.teacher, look, s.views, ("train",))
    return {"photos": len(load_lspet(w.data, "train"))}


def _synthetic_people(c: Context, _: Stage, s: SyntheticPeople) -> Results:
    w, config = c.workspace, SyntheticConfig(seed=s.seed, body=c.workspace.body)
    workers = max(c.workers, 1)
    shards = write_shards(w.data, "train", s.count, w.shards, config, workers=workers)
    for done, path in enumerate(shards, 1):
        log.info("    %s (%d of %d)", path.name, done, -(-s.count // 1000))
    return {"crops": sum(len(load_shard(path)) for path in shard_paths(w.shards, "train"))}


def _feature_rounds(c: Context, _: Stage, s: FeatureRounds) -> Results:
    w, kind = c.workspace, c.recipe.encoder
    prepare_features(w.data, w.encoders, w.cache, kind, list(range(s.rounds)), "train")
    stage = _read_by(s)
    if shard_paths(w.shards, "train"):
        prepare_synthetic(w.shards, w.encoders, w.cache, kind, stage)
    return {"rounds": s.rounds}


def _read_by(s: FeatureRounds) -> Literal["feature_map", "features"]:
    return "feature_map" if s.feature_map else "features"


def _cached_features(c: Context, _: Stage, s: CachedFeatures) -> Results:
    """Store a stage's crops as the encoder of the network so far sees them."""
    w = c.workspace
    reader = _config(c, c.recipe.stage(s.for_stage))
    if c.before is None:
        network = build_network(reader, **c.files)
    else:
        # The labels are those of the stage that reads; the regressor may still be a larger one.
        saved = load_checkpoint(c.before_checkpoint())
        network = build_network(replace(reader, hidden=saved.config.hidden), **c.files)
        load_start(network, saved.network)
    folder = features_folder(w.cache, network)
    if c.processes.is_first:
        # Shares of another number of processes would be read too.
        for path in folder.glob("*.npz"):
            path.unlink()
        encoder_file(network, w.cache, reader)
    c.processes.wait()
    counts = dict(zip(KINDS, (s.photos, s.synthetic, s.empty), strict=True))
    streams = fresh_crops(reader, network, w.data, w.cache, w.shards)
    for kind, count in counts.items():
        if count:
            store_features(streams[kind][0], count, folder, kind, c.processes)
    return dict(counts)


def _config(c: Context, stage: Stage) -> RunConfig:
    """A train stage's configuration, with the checkpoint that it starts from."""
    return replace(cast(RunConfig, stage.settings), start_from=c.before)


def _train(c: Context, stage: Stage, _: RunConfig) -> Results:
    w, config = c.workspace, _config(c, stage)
    folders = Folders(w.data, w.encoders, w.cache, w.shards, w.body, w.checkpoints)
    if c.before is not None:
        check_fits(config, load_checkpoint(c.before_checkpoint()).config)
    run = start_run(config, folders, c.processes, c.workers)
    if run.resume() and c.processes.is_first:
        log.info("    goes on from step %d", run.trainer.step_number)
    run.run(report_every=c.report_every, minutes=c.minutes_left())
    done = run.trainer.step_number
    if done < config.steps:
        raise TimeIsUpError(
            f"{stage.name} is at step {done} of {config.steps}; run again to go on."
        )
    # The first process alone evaluates.
    row = run.history[-1] if run.history else {}
    figures: Results = {name: round(row[name], 2) for name in _FIGURES if name in row}
    return {"steps": done, **run.counts, **figures}


def check_fits(config: RunConfig, before: RunConfig) -> None:
    """Whether a train stage's regressor is that of the network so far."""
    for name in ("encoder", "hidden", "iterations", "feedback"):
        have, want = getattr(before, name), getattr(config, name)
        if have != want:
            raise AssetError(
                f"Stage {config.name} wants {name} {want}, but the network before it has {have}; "
                f"set {name}: {have}, or start from another network."
            )


def _prune_regressor(c: Context, stage: Stage, s: PruneRegressor) -> Results:
    saved = load_checkpoint(c.before_checkpoint())
    network = restore_network(saved, **c.files)
    photos = load_features(features_folder(c.workspace.cache, network), "photos")
    chosen = {"hidden": s.hidden, "samples": s.samples, "seed": c.recipe.seed}
    pruned = prune_checkpoint(
        saved, network, photos.inputs, photos.perspective, name=stage.name, **chosen
    )
    save_checkpoint(c.workspace.checkpoint(stage.name), pruned)
    return {"hidden": s.hidden, "samples": min(s.samples, len(photos.inputs))}


def _calibrate_confidence(c: Context, stage: Stage, s: CalibrateConfidence) -> Results:
    saved = load_checkpoint(c.before_checkpoint())
    network = restore_network(saved, **c.files)
    scale, shift = scale_and_shift(
        *confidence_logits(network, _held_photos(c, saved.config), s.crops)
    )
    adjust(network, scale, shift)
    save_checkpoint(
        c.workspace.checkpoint(stage.name), replace(saved, network=network.state_dict())
    )
    return {"scale": round(scale, 4), "shift": round(shift, 4)}


def _held_photos(c: Context, config: RunConfig) -> CropStream:
    w = c.workspace
    _, held = training_photos(config, w.data, w.cache)
    if not len(held):
        raise AssetError(
            "No photos are held out, so nothing can be calibrated; set held_photos under training."
        )
    return CropStream(held, None, config.augment, config.seed)


def _person_score(c: Context, _: Stage, s: PersonScore) -> Results:
    saved = load_checkpoint(c.before_checkpoint())
    network = restore_network(saved, **c.files)
    augment, seed = saved.config.augment, saved.config.seed + _SCORE_SEED
    nobody = EmptyPictures(background_files(c.workspace.data, "train"), augment)
    people = person_logits(network, _held_photos(c, saved.config), s.crops)
    empty = person_logits(network, CropStream(nobody, None, augment, seed), s.crops)
    found = person_threshold(people, empty, s.misses_per_false_positive)
    shares = {
        "false_positives": round(found.false_positives, 4),
        "missed": round(found.missed, 4),
    }
    return {"person_logit": found.logit, **shares}


def _cast_fp16(c: Context, stage: Stage, _: CastFp16) -> Results:
    saved = load_checkpoint(c.before_checkpoint())
    rounded = replace(saved, network=cast_fp16(saved.network))
    save_checkpoint(c.workspace.checkpoint(stage.name), rounded)
    return {}


def _evaluate(c: Context, _: Stage, __: Evaluate) -> Results:
    w = c.workspace
    saved = load_checkpoint(c.before_checkpoint())
    return development_figures(saved, data=w.data, encoders=w.encoders, cache=w.cache, body=w.body)


def _export(c: Context, stage: Stage, _: Export) -> Results:
    kinds = {each.name: each.kind for each in c.recipe.stages}
    logit, figures = 0.0, {}
    for name, results in c.results.items():
        if kinds.get(name) == "person_score":
            logit = results["person_logit"]
        if kinds.get(name) == "evaluate":
            figures = dict(results)
    saved = load_checkpoint(c.before_checkpoint())
    path = c.workspace.exported / f"{c.recipe.network}.onnx"
    change = export_checkpoint(
        saved,
        path,
        **c.files,
        person_logit=logit,
        figures=figures,
        recipe=_described(c),
    )
    return {"file": str(path), "onnx_joint_change_mm": round(change, 3)}


def _described(c: Context) -> Results:
    """The whole recipe for the manifest: settings, seeds, counts and figures, stage by stage."""
    stages = []
    for stage in c.recipe.stages:
        if isinstance(stage.settings, RunConfig):
            settings = stage.settings.to_dict()
        else:
            settings = dict(vars(stage.settings))
        results = dict(c.results.get(stage.name, {}))
        row = {"name": stage.name, "kind": stage.kind, "settings": settings, "results": results}
        stages.append(json.loads(json.dumps(row)))
    start = c.workspace.start(c.recipe)
    return {
        "network": c.recipe.network,
        "start": c.recipe.start if start is None else start.name,
        "seed": c.recipe.seed,
        "stages": stages,
    }


_RUNS: Final[dict[str, Callable[[Context, Stage, Any], Results]]] = {
    "teacher_labels": _teacher_labels,
    "synthetic_people": _synthetic_people,
    "feature_rounds": _feature_rounds,
    "cached_features": _cached_features,
    "train": _train,
    "prune_regressor": _prune_regressor,
    "calibrate_confidence": _calibrate_confidence,
    "person_score": _person_score,
    "cast_fp16": _cast_fp16,
    "evaluate": _evaluate,
    "export": _export,
}
