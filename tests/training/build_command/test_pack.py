"""A recipe is packed, continued elsewhere until a time, and goes on from what comes back."""

from __future__ import annotations

import importlib
import json
import sys
import tarfile
import time
import zipfile

import numpy as np
import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.build import cut_data, pack_file, timed_build
from hmr_live_training.build.continue_pack import main as continue_pack
from hmr_live_training.build.cut_data import DataCut, SmallPictures
from hmr_live_training.build.pack import main as pack
from hmr_live_training.build.pack_file import PackFolder, add_wheels, check_packages, unpack
from hmr_live_training.checkpoints.build_network import build_network, restore_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import load_sequences
from hmr_live_training.data.teacher import TeacherLabels, load_labels, save_labels, teacher_path
from hmr_live_training.export.export import export_checkpoint
from hmr_live_training.export.from_export import checkpoint_of
from hmr_live_training.recipes.recipe import find_recipe, load_recipe
from hmr_live_training.synthetic.body_poses import body_joint_limits
from hmr_live_training.synthetic.materials import Materials
from tests.training.build_command.test_build import assert_opens
from tests.training.build_command.tiny_inputs import BODY, use_tiny_blazepose, write_inputs

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

STAGE = "perspective_end_to_end"
MINUTES = 0.4
#: Of the recipe, so that steps and exports are quick and little is held out.
SMALLER = {
    "gauss_newton: true": "gauss_newton: false",
    "joint_tolerance: 8.0": "joint_tolerance: null",
    "held_photos: 371": "held_photos: 4\n  iterations: 1",
    "count: 16000": "count: 50",
    "batch: 32\n    synthetic: 40": "batch: 4\n    synthetic: 4",
    "projected_mocap: 32\n    real: 128": "projected_mocap: 4\n    real: 8",
}


@pytest.fixture(scope="module", autouse=True)
def _tiny_blazepose():
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_blazepose(patch)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, encoders, the teacher's labels, a recipe, and the network that it starts from."""
    folder = tmp_path_factory.mktemp("inputs")
    data, encoders = write_inputs(folder)
    for split in ("train", "development"):
        photos = load_lspet(data, split)
        save_labels(teacher_path(folder / "cache", "heavy", split), labels_of(len(photos)))
    text = find_recipe("full").read_text()
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "full.yaml").write_text(text)
    config = load_recipe(folder / "full.yaml").stage(STAGE).settings
    files = {"encoders": encoders, "data": data, "body": BODY}
    network = build_network(config, **files)
    with torch.no_grad():
        network.regressor.update.bias.normal_(0, 0.01)  # the exporter drops weights that are zero
    saved = Checkpoint(config, 7, 3600.0, network.state_dict(), {}, [], {"photos": 8})
    export_checkpoint(saved, folder / "networks" / "full.onnx", **files, person_logit=1.5)
    return folder


def labels_of(count):
    """Of a teacher who numbers the photos."""
    numbers = np.arange(count, dtype=np.float32)
    points = np.full((count, 33, 2), 100, np.float32)
    world = np.zeros((count, 33, 3), np.float32)
    ones = np.ones((count, 33), np.float32)
    return TeacherLabels(points, ones, world, 0 * ones, numbers)


@pytest.fixture(scope="module")
def packed(folder):
    path = folder / "full_pack.tar"
    assert pack(arguments(folder, "--megabytes", 4, out=path)) == 0
    return path


def arguments(folder, *options, out):
    folders = [f"--{name}={folder / name}" for name in ("data", "encoders", "cache", "networks")]
    return [str(each) for each in (folder / "full.yaml", "--out", out, *folders, *options)]


@pytest.fixture(scope="module")
def continued(packed, tmp_path_factory):
    out, start = tmp_path_factory.mktemp("continued"), time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timed_build, "_SPARE", 2.0)
        patch.setattr(timed_build, "_SLOWER", 1.0)
        options = [f"--out={out}", f"--minutes={MINUTES}", "--workers=0"]
        assert continue_pack([str(packed), *options]) == 0
    # Where time is too short for anything else, there is one step and the export.
    steps = json.loads((out / "figures.json").read_text())["steps"]
    assert time.monotonic() - start < 60 * MINUTES or steps == 1
    return out


def test_a_pack_holds_all_that_is_needed_in_few_megabytes(packed):
    assert packed.stat().st_size < 4e6
    with tarfile.open(packed) as tar:
        names = set(tar.getnames())
    assert {
        "recipe.yaml",
        "networks/full.onnx",
        "networks/full.json",
        "encoders/pose_landmark_full.tflite",
        "cache/teacher_heavy_train.npz",
        "cache/teacher_heavy_development.npz",
        "body/body.npz",
        "data/joint_limits.npz",
        "data/lspet_224/lspet_224.npz",
    } < names


def test_what_comes_back_is_a_network_that_a_build_starts_from(folder, continued):
    files = {"encoders": folder / "encoders", "data": folder / "data", "body": BODY}
    path = continued / "full.onnx"
    assert_opens(path)
    start, saved = (checkpoint_of(p, **files) for p in (folder / "networks" / "full.onnx", path))
    name = "regressor.update.bias"
    assert not torch.equal(start.network[name], saved.network[name])
    assert saved.config.held_photos == 4
    assert json.loads(path.with_suffix(".json").read_text())["training"]["person_logit"] == 1.5


def test_its_figures_and_its_log_come_along(continued):
    figures = json.loads((continued / "figures.json").read_text())
    assert figures["steps"] > 0
    assert figures["synthetic_people"] > 0
    assert figures["losses"]["points"] > 0
    assert figures["before"]["photos"] == 4
    assert figures["pictures"]["photos"] == 8
    assert "pck12 of the start" in (continued / "continue.log").read_text()
    assert {path.name for path in continued.iterdir()} == {
        *("full.onnx", "full.json", "figures.json", "continue.log"),
    }


def test_where_the_export_fails_the_checkpoint_stays(folder, tmp_path, monkeypatch):
    files = {"encoders": folder / "encoders", "data": folder / "data", "body": BODY}
    saved = checkpoint_of(folder / "networks" / "full.onnx", **files)
    _, contents = unpack(folder / "full_pack.tar", tmp_path / "pack")
    options = timed_build.TimedOptions(tmp_path, time.monotonic(), 0, 1)
    build = timed_build.TimedBuild(PackFolder(tmp_path / "pack"), contents, options)

    def fails(*_, **__):
        raise AssetError("no export")

    monkeypatch.setattr(timed_build, "export_checkpoint", fails)
    with pytest.raises(AssetError, match="no export"):
        build._write(saved, {"after": {}})
    kept = restore_network(load_checkpoint(tmp_path / "full.pt"), **files).state_dict()
    for name, value in saved.network.items():
        assert torch.allclose(kept[name], value, rtol=1e-3, atol=1e-6), name


@pytest.mark.gpu
def test_a_gpu_takes_larger_batches(packed, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU")
    assert continue_pack([str(packed), f"--out={tmp_path}", "--minutes=1.5", "--workers=4"]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["device"] == torch.cuda.get_device_name()
    assert figures["batch"]["batch"] == 136
    assert_opens(tmp_path / "full.onnx")


def test_cutting_moves_nothing_from_one_split_to_another(folder, tmp_path):
    whole, out = folder / "data", tmp_path / "data"
    cut = DataCut(3, 2, 10, 5, 6, held_of=4, held=2, frames=2, small=SmallPictures(75, 64))
    cut_data.cut_data(whole, out, cut)
    labels = teacher_path(folder / "cache", "heavy", "train")
    cut_data.cut_teacher_labels(whole, labels, tmp_path / "labels.npz", cut, "train")
    trained = load_lspet(whole, "train").names.tolist()
    kept = load_lspet(out, "train").names.tolist()
    assert len(kept) == 5
    assert set(kept[:3]) < set(trained[:-4])
    assert set(kept[3:]) < set(trained[-4:])
    numbers = load_labels(tmp_path / "labels.npz").flag.astype(int)
    assert [trained[number] for number in numbers] == kept
    assert max(load_lspet(out, "development").image(0).shape) == 64
    for held_out in (False, True):
        names = {s.name for s in load_sequences(whole, held_out=held_out)}
        sequences = load_sequences(out, held_out=held_out)
        assert {s.name for s in sequences} <= names
        assert all(len(s.poses) == 2 for s in sequences)
    for split in ("train", "test"):
        before, after = Materials(whole, split), Materials(out, split)
        assert file_names(after.backgrounds) < file_names(before.backgrounds)
        for kind, patches in after.patches.items():
            assert file_names(patches) < file_names(before.patches[kind])


def test_the_limits_of_all_motion_capture_travel(folder, packed, tmp_path):
    unpacked, _ = unpack(packed, tmp_path)
    whole, part = (body_joint_limits(data, BODY) for data in (folder / "data", unpacked.data))
    np.testing.assert_array_equal(part.low, whole.low)
    np.testing.assert_array_equal(part.high, whole.high)


def file_names(paths):
    return {path.name for path in paths}


def test_labels_of_other_photos_are_refused(folder, tmp_path):
    save_labels(tmp_path / "labels.npz", labels_of(5))
    cut = DataCut(3, 2, 10, 5, 6)
    paths = tmp_path / "labels.npz", tmp_path / "cut.npz"
    with pytest.raises(AssetError, match="labels of 5 photos"):
        cut_data.cut_teacher_labels(folder / "data", *paths, cut, "train")


@pytest.mark.parametrize(
    ("megabytes", "message"),
    [(61, "at most 60 MB"), (1, "give at least --megabytes")],
)
def test_a_size_that_cannot_be_is_refused(folder, tmp_path, capsys, megabytes, message):
    out = tmp_path / "pack.tar"
    assert pack(arguments(folder, "--megabytes", megabytes, out=out)) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_recipe_that_ends_on_cached_features_cannot_be_packed(folder, tmp_path, capsys):
    text = (folder / "full.yaml").read_text()
    name = f"name: {STAGE}\n    kind: train\n"
    (tmp_path / "full.yaml").write_text(text.replace(name, f"{name}    only_from: published\n"))
    given = arguments(folder, out=tmp_path / "pack.tar")
    assert pack([str(tmp_path / "full.yaml"), *given[1:]]) == 1
    assert "can be continued from a pack" in capsys.readouterr().err


def test_a_file_that_is_no_pack_is_refused(tmp_path, capsys):
    (tmp_path / "pack.tar").write_bytes(b"no tar")
    assert continue_pack([str(tmp_path / "pack.tar"), f"--out={tmp_path}"]) == 1
    assert "hmr_live_training.build.pack" in capsys.readouterr().err


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(pack_file._PACKAGES, "no_such_module", "no-such-package")
    with pytest.raises(AssetError, match=r"lacks no-such-package\. .* --wheels DIR"):
        check_packages()


def test_packages_travel_as_wheels(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [*sys.path])
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    info = "packed_module-1.0.dist-info"
    with zipfile.ZipFile(wheels / "packed_module-1.0-py3-none-any.whl", "w") as file:
        file.writestr("packed_module.py", "VALUE = 3\n")
        file.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: packed-module\nVersion: 1.0\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    out = tmp_path / "pack.tar"
    assert pack(arguments(folder, "--wheels", wheels, "--megabytes", 4, out=out)) == 0
    add_wheels(unpack(out, tmp_path / "unpacked")[0])
    assert importlib.import_module("packed_module").VALUE == 3


def test_wheels_for_another_python_are_refused(tmp_path):
    folder = PackFolder(tmp_path)
    folder.wheels.mkdir()
    (folder.wheels / "packed_module-1.0-py2-none-any.whl").write_bytes(b"")
    with pytest.raises(AssetError, match="do not fit this Python"):
        add_wheels(folder)
