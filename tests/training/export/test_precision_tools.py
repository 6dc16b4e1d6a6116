"""Half precision, INT8 and their validation, on the shipped network and a handful of pictures."""

import json

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from hmr_live.backends.precision_variants import half_precision_of
from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path, read_manifest, sha256_of
from hmr_live.core.errors import AssetError
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export import compare_precision, half_precision
from hmr_live_training.export.candidates import CandidateComparison, open_candidate
from hmr_live_training.export.half_precision import choose_half
from hmr_live_training.export.precision import (
    JointPrediction,
    change_between,
    network_inputs,
    subjects_from_folder,
    subjects_from_lspet,
)
from hmr_live_training.onnx_tools.onnx_graph import (
    backbone_segments,
    round_outputs,
    segments,
    to_half,
    unpack_weights,
)
from tests.training.evaluation.photo_cases import copy_network, write_photos


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def model():
    model = onnx.load(asset_path("networks", "full.onnx"))
    unpack_weights(model)
    return model


@pytest.fixture(scope="module")
def comparison(data):
    network = HmrNetwork(backend="onnxruntime")
    return CandidateComparison(
        network, subjects_from_lspet(data, "development", 3), BodyModel.default()
    )


@pytest.fixture
def network(tmp_path):
    return copy_network(tmp_path)


def all_nodes(model):
    return [name for run in segments(model, 1) for name in run]


def tiny_chain(*weights):
    """A network of matrix products, one for each weight."""
    names = ["image", *(f"x{i}" for i in range(len(weights)))]
    nodes = [
        helper.make_node("MatMul", [names[i], f"w{i}"], [names[i + 1]], name=f"n{i}")
        for i in range(len(weights))
    ]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1])],
        [helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, ["n", 1])],
        [
            numpy_helper.from_array(np.array([[w]], np.float32), f"w{i}")
            for i, w in enumerate(weights)
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run_chain(model, value):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return float(session.run(None, {"image": np.array([[value]], np.float32)})[0][0, 0])


def test_unpacking_changes_no_answer(model, comparison):
    assert comparison.change(model).max < 1e-3
    weights = {tensor.name for tensor in model.graph.initializer}
    assert not any(n.op_type == "Cast" and n.input[0] in weights for n in model.graph.node)


def test_segments_hold_every_node_once_and_in_order(model):
    whole = all_nodes(model)
    assert [name for run in segments(model, 7) for name in run] == whole
    assert len(segments(model, 7)) == 7


def test_the_trunk_ends_before_the_first_fully_connected_layer(model):
    nodes = list(model.graph.node)
    dense = next(i for i, node in enumerate(nodes) if node.op_type in ("Gemm", "MatMul"))
    backbone = [name for run in backbone_segments(model, 5) for name in run]
    before = {node.name: node.op_type for node in nodes[:dense]}
    assert set(backbone) <= set(before)
    assert {name for name, kind in before.items() if kind == "Conv"} <= set(backbone)


def test_every_rounding_is_one_of_float16():
    model = tiny_chain(1 / 3, 3.0)
    third = np.float16(np.float16(1.0) * np.float16(1 / 3))
    assert run_chain(round_outputs(model, ["n0"]), 1.0) == pytest.approx(3 * float(third), rel=1e-7)
    both = float(np.float16(third * np.float16(3)))
    assert run_chain(round_outputs(model, ["n0", "n1"]), 1.0) == both
    assert run_chain(round_outputs(model, []), 1.0) == pytest.approx(1.0, abs=1e-6)


def test_a_half_network_keeps_float32_outside_and_casts_only_where_it_changes():
    half = to_half(tiny_chain(2.0, 3.0, 5.0, 7.0), ["n1", "n2"])
    assert [node.op_type for node in half.graph.node] == [
        "MatMul", "Cast", "MatMul", "MatMul", "Cast", "MatMul",
    ]  # fmt: skip
    types = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    assert types == {
        "w0": TensorProto.FLOAT,
        "w1.half": TensorProto.FLOAT16,
        "w2.half": TensorProto.FLOAT16,
        "w3": TensorProto.FLOAT,
    }
    for value in (*half.graph.input, *half.graph.output):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT
    assert run_chain(half, 1.0) == 210


def test_the_whole_shipped_network_can_be_half(model):
    half = to_half(model, all_nodes(model))
    found = open_candidate(half, HmrNetwork(backend="onnxruntime").manifest)
    focal = np.full((2, 1), 4.0, np.float32)
    outputs = found.backend.run(np.full((2, 3, 256, 256), 0.5, np.float32), focal)
    assert all(values.dtype == np.float32 for values in outputs.values())
    assert len(half.SerializeToString()) < 0.6 * len(model.SerializeToString())


def test_a_node_that_cannot_be_half_is_refused(model):
    shape = next(node.name for node in model.graph.node if node.op_type == "Shape")
    with pytest.raises(ValueError, match="cannot compute in float16"):
        to_half(model, [shape])


def test_the_runs_that_harm_most_are_given_up_first(capsys):
    model = tiny_chain(1 / 3, 1.0, 1 / 7)
    harm = {"n0": 0.5, "n1": 0.0, "n2": 2.0}

    class Scripted:
        def change(self, candidate):
            halved = {n.name for n in candidate.graph.node if f"{n.output[0]}".endswith(".exact")}
            total = sum(harm[name] for name in halved)
            return change_between(shifted(total / 1000), shifted(0.0))

    runs = [["n0"], ["n1"], ["n2"]]
    assert choose_half(model, runs, Scripted(), 0.7) == ["n0", "n1"]
    assert choose_half(model, runs, Scripted(), 5.0) == ["n0", "n1", "n2"]
    assert choose_half(model, runs, Scripted(), -1.0) == []
    assert "2.000 mm  n2" in capsys.readouterr().out


def shifted(metres, score=0.9):
    joints = np.zeros((2, 24, 3))
    joints[..., 0] = metres
    return JointPrediction(joints, joints[..., :2] * 100, np.array([score, score]))


def test_a_shift_of_ten_millimetres_is_ten_millimetres():
    change = change_between(shifted(0.01, score=0.7), shifted(0.0))
    assert change.mean == pytest.approx(10)
    assert change.p95 == pytest.approx(10)
    assert change.mean_pixels == pytest.approx(1)
    assert change.max_score == pytest.approx(0.2)
    assert "10.000 mm mean" in change.as_text()


def test_nan_validates_nothing():
    change = change_between(shifted(np.nan), shifted(0.0))
    assert np.isnan(change.mean)


def test_people_are_found_in_a_folder_of_pictures(tmp_path):
    frame = VideoFile(asset_path("clips", "balancing.mp4")).read().image
    cv2.imwrite(str(tmp_path / "a.png"), frame)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((200, 200, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (subject,) = subjects_from_folder(tmp_path, 10)
    assert subject.crop_box.side > frame.shape[0] / 2
    crops = network_inputs(HmrNetwork(backend="onnxruntime"), [subject, subject])
    assert crops.shape == (2, 3, 256, 256)
    (tmp_path / "a.png").unlink()
    with pytest.raises(AssetError, match="No person was found"):
        subjects_from_folder(tmp_path, 10)


def test_openvino_is_validated_against_onnx_runtime(network, data, capsys):
    pytest.importorskip("openvino")
    arguments = [str(network), "--backend", "openvino", "--data", str(data), "--rounds", "3"]
    assert compare_precision.main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["validated"]
    assert report["change_mm"]["mean"] < 0.1
    assert len(report["times"]) == 2


def test_a_network_that_moves_the_joints_is_refused(network, data, tmp_path, capsys):
    other = tmp_path / "other.onnx"
    changed = onnx.load(network)
    unpack_weights(changed)
    convolution = next(n for n in changed.graph.node if n.op_type == "Conv")
    weight = next(t for t in changed.graph.initializer if t.name == convolution.input[1])
    weight.CopyFrom(numpy_helper.from_array(0.8 * numpy_helper.to_array(weight), weight.name))
    other.write_bytes(changed.SerializeToString())
    manifest = {**read_manifest(network), "sha256": sha256_of(other)}
    other.with_suffix(".json").write_text(json.dumps(manifest))
    arguments = [str(other), "--reference", str(network), "--data", str(data), "--rounds", "0"]
    assert compare_precision.main(arguments) == 1
    assert "REFUSED" in capsys.readouterr().out


def test_the_half_precision_command_writes_a_validated_variant(network, data, capsys):
    arguments = [str(network), "--data", str(data), "--runs", "4", "--target", "1000"]
    code = half_precision.main([*arguments, "--count", "2", "--validate", "3"])
    half = network.with_name("full_fp16.onnx")
    manifest = read_manifest(half)
    assert manifest["precision"] == "fp16"
    change = manifest["figures"]["joint_change_mm"]
    assert change["subjects"] == 3
    assert (code == 0) == (change["mean"] <= 1.0)
    assert half_precision_of(network) == (half if code == 0 else None)
    nodes = list(onnx.load(half).graph.node)
    first_connected = next(i for i, n in enumerate(nodes) if n.op_type in ("Gemm", "MatMul"))
    backbone = {node.name for node in nodes[:first_connected]}
    assert manifest["float32_layers"]
    assert backbone.isdisjoint(manifest["float32_layers"])
    assert half.stat().st_size < 1.1 * network.stat().st_size
    assert f"wrote {half}" in capsys.readouterr().out


def test_a_half_precision_network_is_built_by_tensorrt(model, tmp_path):
    pytest.importorskip("tensorrt_rtx")
    from hmr_live.backends.tensorrt.builder import build_engine
    from hmr_live.backends.tensorrt.device import GpuIdentity
    from hmr_live.backends.tensorrt.distribution import open_distribution

    backbone = [name for run in backbone_segments(model, 1) for name in run]
    distribution, gpu = open_distribution("tensorrt-rtx"), GpuIdentity("Test Ada", "8.9", "580.1")
    half = build_engine(distribution, to_half(model, backbone).SerializeToString(), gpu=gpu)
    full = build_engine(distribution, model.SerializeToString(), gpu=gpu)
    assert len(half.engine) < len(full.engine), "its weights take half the room"
