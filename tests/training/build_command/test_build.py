"""A recipe runs whole, goes on after a break as if there had been none, and survives NaN."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from hmr_live.core.assets import read_manifest
from hmr_live.core.state import CropBox
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.build.__main__ import main
from hmr_live_training.build.record import BuildRecord
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hmr_live_training.export.export import export_checkpoint
from hmr_live_training.recipes.recipe import find_recipe, load_recipe
from hmr_live_training.trainer.trainer import Trainer
from tests.training.build_command.tiny_inputs import BODY, use_tiny_blazepose, write_inputs

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

STEPS = 2
#: An export takes as long as all other stages together; each recipe is exported once.
BUT_EXPORT = ("--until", "evaluate")


@pytest.fixture(scope="module", autouse=True)
def _tiny_blazepose():
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_blazepose(patch)
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def networks(inputs, tmp_path_factory):
    """Stands for the shipped networks: an untrained ``heavy``, which can teach."""
    data, encoders = inputs
    folder = tmp_path_factory.mktemp("networks")
    config = load_recipe(find_recipe("heavy")).stage("end_to_end").settings
    config = replace(config, gauss_newton=False, joint_tolerance=None)  # exported much faster
    files = {"encoders": encoders, "data": data, "body": BODY}
    network = build_network(config, **files)
    with torch.no_grad():
        network.regressor.update.bias.normal_(0, 0.01)  # the exporter drops weights that are zero
    state = network.state_dict()
    saved = Checkpoint(config, 0, 0.0, state, {}, [], {"photos": 0})
    export_checkpoint(saved, folder / "heavy.onnx", **files)
    return folder


@pytest.fixture(scope="module")
def build(inputs, networks):
    """Runs the command, with a checkpoint at every step; returns its exit code."""
    data, encoders = inputs
    folders = ["--data", data, "--encoders", encoders, "--networks", networks]

    def run(recipe, work, *options):
        cut = ["--work", work, "--dry-run", STEPS, "--report-every", 1]
        return main([str(each) for each in (recipe, *folders, *cut, *options)])

    return run


@pytest.fixture(scope="module")
def lite(build, tmp_path_factory):
    """Work folder of a build without a break."""
    work = tmp_path_factory.mktemp("lite")
    assert build("lite", work) == 0
    return work


def weights(work, stage):
    return load_checkpoint(work / "checkpoints" / f"{stage}.pt").network


def assert_opens(path):
    network = HmrNetwork(path, backend="onnxruntime")
    image = np.full((256, 256, 3), 127, np.uint8)
    assert network.run(image, [CropBox(128, 128, 256)])[0].is_finite


def broken_step(patch, when, broken):
    """Call ``broken`` with the losses of the ``when``-th step from now on."""
    step, count = Trainer.step, []

    def counted(self, batch=None):
        count.append(0)
        losses = step(self, batch)
        return broken(losses) if len(count) == when else losses

    patch.setattr(Trainer, "step", counted)


def copy_converted(source, target):
    """Converted encoders are named by their weights: a copy saves time and changes nothing."""
    for path in (source / "cache").rglob("*.onnx"):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def interrupted(_):
    raise KeyboardInterrupt


def with_nan(losses):
    return {**losses, "points": torch.tensor(float("nan"))}


def test_the_network_that_comes_out_is_opened_by_the_engine(lite):
    path = lite / "networks" / "lite.onnx"
    assert_opens(path)
    training = read_manifest(path)["training"]
    results = {row["name"]: row["results"] for row in training["recipe"]["stages"]}
    assert list(results) == [stage.name for stage in load_recipe(find_recipe("lite")).stages]
    assert training["person_logit"] == results["person_score"]["person_logit"]
    assert read_manifest(path)["figures"]["pck12"] == results["evaluate"]["pck12"]
    assert "end_to_end: done in" in (lite / "build.log").read_text()


def test_what_was_interrupted_goes_on_as_if_it_had_not_been(build, lite, tmp_path, capsys):
    copy_converted(lite, tmp_path)
    assert build("lite", tmp_path, "--until", "regressor_warm_up") == 0
    with pytest.MonkeyPatch.context() as patch:
        broken_step(patch, 2, interrupted)
        assert build("lite", tmp_path) == 130
    assert "Run the same command again" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        broken_step(patch, 1, with_nan)
        assert build("lite", tmp_path) == 1
    assert "lower the learning rates" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "checkpoints" / "end_to_end.pt").step == 1
    assert build("lite", tmp_path, *BUT_EXPORT) == 0
    said = capsys.readouterr().out
    assert "goes on from step 1" in said
    for stage in ("regressor_warm_up", "end_to_end", "cast_fp16"):
        expected = weights(lite, stage)
        for name, value in weights(tmp_path, stage).items():
            assert torch.equal(value, expected[name]), (stage, name)
    once, again = (BuildRecord(work / "state.json").stages for work in (lite, tmp_path))
    for name in ("person_score", "calibrate_confidence", "evaluate"):
        assert once[name].results == again[name].results


def test_a_finished_build_has_nothing_to_do(build, lite, capsys):
    before = (lite / "networks" / "lite.onnx").stat().st_mtime_ns
    assert build("lite", lite) == 0
    stages = len(load_recipe(find_recipe("lite")).stages)
    assert capsys.readouterr().out.count("done before") == stages
    assert (lite / "networks" / "lite.onnx").stat().st_mtime_ns == before
    assert build("lite", lite, "--list") == 0
    assert capsys.readouterr().out.count(" done") == stages


def test_a_changed_setting_runs_its_stage_and_all_that_follow_anew(build, lite, tmp_path, capsys):
    work = tmp_path / "work"
    shutil.copytree(lite, work)
    recipe = tmp_path / "lite.yaml"
    text = find_recipe("lite").read_text()
    recipe.write_text(text.replace("learning_rate: 1.5e-4", "learning_rate: 3.0e-4"))
    assert build(recipe, work, "--until", "calibrate_confidence") == 0
    said = capsys.readouterr().out
    assert said.count("done before") == 4
    assert "end_to_end: its settings or those before it have changed" in said
    assert "calibrate_confidence: its settings or those before it have changed" in said
    name = "regressor.update.bias"
    assert not torch.equal(weights(work, "end_to_end")[name], weights(lite, "end_to_end")[name])


def test_a_build_goes_on_from_the_network_that_ships(build, lite, networks, tmp_path):
    for suffix in (".onnx", ".json"):
        shutil.copy(lite / "networks" / f"lite{suffix}", networks)
    copy_converted(lite, tmp_path)
    assert build("lite", tmp_path, "--start", "shipped", *BUT_EXPORT) == 0
    stages = BuildRecord(tmp_path / "state.json").stages
    assert "regressor_warm_up" not in stages
    assert stages["evaluate"].finished
    started = load_checkpoint(tmp_path / "checkpoints" / "perspective_end_to_end.pt")
    assert started.config.start_from == "start"


def test_full_is_built_from_both_starts(build, lite, networks, tmp_path):
    copy_converted(lite, tmp_path / "published")
    # The Gauss-Newton step has no weights and takes most of an export; `lite` is exported with it.
    full = tmp_path / "full.yaml"
    text = find_recipe("full").read_text()
    text = text.replace("gauss_newton: true", "gauss_newton: false")
    full.write_text(text.replace("joint_tolerance: 8.0", "joint_tolerance: null"))
    assert build(full, tmp_path / "published") == 0
    path = tmp_path / "published" / "networks" / "full.onnx"
    assert_opens(path)
    hidden = weights(tmp_path / "published", "perspective_regressor")["regressor.hidden2.bias"]
    assert hidden.shape == (512,)
    work = tmp_path / "shipped"
    copy_converted(tmp_path / "published", work)
    assert build(full, work, "--start", path, *BUT_EXPORT) == 0
    stages = BuildRecord(work / "state.json").stages
    assert "end_to_end" not in stages
    assert stages["evaluate"].finished


def test_a_start_with_another_regressor_is_refused(build, networks, tmp_path, capsys):
    assert build("lite", tmp_path, "--start", networks / "heavy.onnx") == 1
    assert "the encoder heavy" in capsys.readouterr().err


def test_time_that_is_up_is_no_error(build, lite, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(lite, work)
    recipe = tmp_path / "lite.yaml"
    text = find_recipe("lite").read_text()
    recipe.write_text(text.replace("learning_rate: 1.5e-4", "learning_rate: 3.0e-4"))
    assert build(recipe, work, "--minutes", "0") == 2
    assert not BuildRecord(work / "state.json").stages["end_to_end"].finished


def test_a_missing_file_is_named_with_the_stage_that_needs_it(inputs, tmp_path, capsys):
    data, encoders = inputs
    some = tmp_path / "encoders"
    some.mkdir()
    shutil.copy(encoders / "pose_landmark_lite.tflite", some)
    folders = ["--data", str(data), "--encoders", str(some), "--work", str(tmp_path / "work")]
    assert main(["lite", *folders]) == 1
    message = capsys.readouterr().err
    assert "pose_landmark_heavy.tflite, which stage blazepose_labels needs" in message
