"""Exported networks give the numbers of the trained ones; the shipped ones are what they say."""

from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hmr_live_training.data.crops import crop_matrix, network_input, warp
from hmr_live_training.export import export, from_export
from hmr_live_training.export.__main__ import main
from hmr_live_training.export.export import export_network, joint_change_mm, kept_float32
from hmr_live_training.models.network import OUTPUTS, confidence_matrix
from hmr_live_training.onnx_tools.onnx_files import OPSET, store_as_float16, write_atomically
from hmr_live_training.onnx_tools.onnx_weights import load_exported, shift_score
from hmr_live_training.recipes.run_config import RunConfig
from tests.shipped import BODY_NETWORKS, NETWORKS
from tests.training.cases import tiny_config, tiny_network

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

CONFIG = tiny_config(
    trained="end_to_end", heatmaps=True, gauss_newton=True, joint_tolerance=8.0, steps=7
)


@torch.no_grad()
def trained_network():
    network = tiny_network(CONFIG)
    for part in network.encoder.decoder.parameters():
        part.mul_(4).add_(0.2)  # some maps are sure
    network.regressor.update.bias.normal_(std=0.01)
    network.regressor.update.weight.mul_(10)
    network.regressor.body.correction.uniform_(-0.01, 0.01)
    return network


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    network = trained_network()
    path = tmp_path_factory.mktemp("networks") / "full.onnx"
    change = export_network(
        network, path, encoder="full", training={"data": "none"}, figures={"pck12": 1.0}
    )
    return network, path, change


def test_the_file_gives_the_numbers_of_the_network(exported):
    network, path, change = exported
    assert change < 0.5
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    crops = np.random.default_rng(1).random((3, 3, 256, 256)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(crops))
    found = session.run(list(OUTPUTS), {"image": crops})
    for name, a, b in zip(OUTPUTS, expected, found, strict=True):
        np.testing.assert_allclose(a.numpy(), b, atol=2e-3, err_msg=name)


@pytest.mark.parametrize("without", [False, True])
def test_what_follows_the_regressor_is_left_out_when_asked(without, tmp_path, monkeypatch):
    config = tiny_config(trained="end_to_end", gauss_newton=True, joint_tolerance=8.0)
    state = tiny_network(config).state_dict()
    run = tmp_path / "run.pt"
    save_checkpoint(run, Checkpoint(config, 1, 1.0, state, {}, [], {"photos": 1}))
    monkeypatch.setattr(export, "build_network", lambda config, **_: tiny_network(config))
    flags = ["--regressor-only"] if without else []
    main(["network", "--checkpoint", str(run), "--out", str(tmp_path), *flags])
    manifest = json.loads((tmp_path / "full.json").read_text())
    run_config = manifest["training"]["run"]
    assert run_config["gauss_newton"] == (not without)
    assert run_config["joint_tolerance"] == (None if without else 8.0)
    # The series of the step alone squares a matrix ten times.
    products = [node.op_type for node in onnx.load(tmp_path / "full.onnx").graph.node]
    assert (products.count("MatMul") > 40) == (not without)


def test_what_was_trained_is_stored_whole():
    def kept(start_from=None, **settings):
        return kept_float32(RunConfig(start_from=start_from, **settings))

    assert kept() == ()
    assert "encoder.late" in kept(trained="late")
    assert kept(trained="end_to_end", heatmaps=True) == ("encoder.",)
    assert kept("end_to_end", heatmaps=True) == ("encoder.",)
    # The encoder is the published one.
    assert kept(heatmaps=True) == ("encoder.heads.flag",)


@torch.no_grad()
def test_a_shifted_score_says_one_half_at_the_chosen_logit():
    network = tiny_network(tiny_config()).eval()
    features = torch.randn(4, network.encoder.dim)
    _, before = network.encoder.heads.logits(features)
    shift_score(network, before[2].item())
    flag = network.encoder.heads(features).flag[:, 0]
    assert flag[2].item() == pytest.approx(0.5, abs=1e-6)
    assert torch.equal(flag.argsort(), before.argsort())


def test_training_can_go_on_from_the_file(exported):
    network, path, _ = exported
    fresh = tiny_network(tiny_config(trained="end_to_end", heatmaps=True, seed=5))
    load_exported(fresh, path)
    expected = dict(network.named_parameters())
    for name, found in fresh.named_parameters():
        rounding = 1e-3  # of weights that are stored as float16
        torch.testing.assert_close(found, expected[name], atol=1e-4, rtol=rounding, msg=name)


def test_a_shipped_network_is_a_checkpoint_again(tmp_path, monkeypatch):
    network = trained_network()
    run = Checkpoint(CONFIG, 7, 3600.0, network.state_dict(), {}, [], {"photos": 2, "synthetic": 3})
    save_checkpoint(tmp_path / "run.pt", run)
    for module in (export, from_export):
        monkeypatch.setattr(module, "build_network", lambda config, **_: tiny_network(config))
    flags = ["--person-logit", "4", "--out", str(tmp_path)]
    main(["network", "--checkpoint", str(tmp_path / "run.pt"), *flags])
    from_export.main([str(tmp_path / "full.onnx"), "--out", str(tmp_path / "again.pt")])
    again = load_checkpoint(tmp_path / "again.pt")
    assert (again.config, again.step, again.seconds) == (CONFIG, 7, 3600.0)
    assert again.description() == run.description()
    flag = "encoder.heads.flag.bias"
    torch.testing.assert_close(again.network[flag], run.network[flag])  # the shift is taken back
    with pytest.raises(AssetError, match="how it was trained"):
        from_export.main(
            [
                str(asset_path("networks", "person_detector.onnx")),
                "--out",
                str(tmp_path / "none.pt"),
            ]
        )
    assert not (tmp_path / "none.pt").exists()


def test_training_does_not_go_on_from_another_kind_of_network(exported, tmp_path):
    _, path, _ = exported
    other = tiny_network(tiny_config(hidden=16))
    with pytest.raises(AssetError, match="another kind"):
        load_exported(other, path)
    (tmp_path / "x.onnx").write_bytes(b"no network")
    with pytest.raises(AssetError, match="to go on from"):
        load_exported(other, tmp_path / "x.onnx")


def test_the_batch_may_have_any_size(exported):
    _, path, _ = exported
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    crops = np.random.default_rng(1).random((4, 3, 256, 256)).astype(np.float32)
    together = session.run(["pose_6d"], {"image": crops})[0]
    alone = session.run(["pose_6d"], {"image": crops[2:3]})[0]
    assert together.shape == (4, 24, 6)
    np.testing.assert_allclose(together[2:3], alone, atol=1e-5)


def test_the_manifest_describes_the_file(exported):
    _, path, change = exported
    manifest = json.loads(path.with_suffix(".json").read_text())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(manifest["outputs"]) == list(OUTPUTS)
    assert manifest["figures"]["pck12"] == 1.0
    assert manifest["figures"]["onnx_joint_change_mm"] == round(change, 3)


def test_another_networks_file_is_noticed(exported):
    _, path, _ = exported
    other = tiny_network(tiny_config(seed=1))
    with torch.no_grad():
        other.regressor.update.weight.mul_(100)
    assert joint_change_mm(other, path) > 1


def test_the_file_tells_nothing_about_the_machine_that_made_it(exported):
    _, path, _ = exported
    content = path.read_bytes()
    assert b".py" not in content
    assert b"site-packages" not in content


def one_layer(value):
    weight = numpy_helper.from_array(np.full((16, 16), value, np.float32), "w")
    bias = numpy_helper.from_array(np.full(16, 0.1, np.float32), "b")
    values = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n", 16]) for n in "xy"]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Add", ["z", "b"], "y"),
    ]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [weight, bias])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


@pytest.mark.parametrize(
    ("value", "keep", "half"),
    [(0.5, (), True), (0.1, (), True), (0.1, ("w",), False), (0.5, ("w",), True)],
)
def test_weights_are_halved_where_that_is_wanted_or_changes_nothing(value, keep, half):
    model = one_layer(value)
    store_as_float16(model, keep)
    kinds = {t.name: t.data_type for t in model.graph.initializer}
    assert kinds.get("w.float16") == (onnx.TensorProto.FLOAT16 if half else None)
    assert kinds["b"] == onnx.TensorProto.FLOAT, "small ones stay"
    onnx.checker.check_model(model)


def test_a_reader_never_meets_half_a_file(tmp_path):
    path = tmp_path / "a" / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_each_joint_has_landmarks_for_its_confidence():
    matrix = confidence_matrix()
    assert matrix.shape == (27, len(JOINT_NAMES))
    torch.testing.assert_close(matrix.sum(dim=0), torch.ones(24))


@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_networks_match_their_manifests(name):
    path = asset_path("networks", f"{name}.onnx")
    manifest = json.loads(path.with_suffix(".json").read_text())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    assert [o.version for o in model.opset_import if o.domain == ""] == [OPSET]
    assert manifest["opset"] == OPSET
    assert [o.name for o in model.graph.output] == list(manifest["outputs"])
    image, *others = model.graph.input
    assert image.name == manifest["input"]["name"]
    perspective = manifest.get("camera") == "perspective"
    assert [other.name for other in others] == (["focal"] if perspective else [])
    batch, _, height, width = image.type.tensor_type.shape.dim
    assert batch.dim_param
    assert [height.dim_value, width.dim_value] == manifest["input"]["size"]


@pytest.mark.parametrize("name", BODY_NETWORKS)
def test_a_shipped_network_tells_a_person_from_an_empty_picture(name, demo_clip):
    reader = cv2.VideoCapture(str(demo_clip))
    ok, frame = reader.read()
    assert ok
    height, width = frame.shape[:2]
    crop_box = CropBox(width / 2, height / 2, max(height, width) * 1.1)
    person = warp(frame, crop_matrix(crop_box))
    empty = np.full_like(person, 127)
    session = onnxruntime.InferenceSession(
        str(asset_path("networks", f"{name}.onnx")), providers=["CPUExecutionProvider"]
    )
    focal = np.full((2, 1), 4.0, np.float32)
    images = network_input(np.stack([person, empty]))
    scores = session.run(["score"], {"image": images, "focal": focal})[0]
    assert scores[0, 0] > 0.8
    assert scores[1, 0] < 0.2
