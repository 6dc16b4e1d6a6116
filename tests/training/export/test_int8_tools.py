"""INT8, its validation on every back end, and the tables of speed and accuracy."""

import json
import sys
import warnings
from dataclasses import replace

import onnx
import pytest
import torch

from hmr_live.backends.choice import choices
from hmr_live.backends.precision_variants import precision_of, validated_variant
from hmr_live.core.assets import read_manifest
from hmr_live.core.errors import AssetError
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.benchmarks import resnet as resnet_benchmark
from hmr_live_training.export import precision_table, quantise
from hmr_live_training.export.precision import JointChange, subjects_from_lspet
from hmr_live_training.export.quantise import Validation, open_quantiser
from hmr_live_training.paper.network import build_paper_network
from hmr_live_training.recipes.paper_runs import PAPER_RUNS
from tests.training.cases import mean_pose, rest_body
from tests.training.evaluation.photo_cases import copy_network, write_photos


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("data"))


@pytest.fixture
def network(tmp_path):
    return copy_network(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:onnxruntime.*")
def test_the_quantise_command_says_what_it_measured(network, data, capsys):
    pytest.importorskip("openvino")
    arguments = [str(network), "--data", str(data), "--all", "--crops", "2", "--validate", "3"]
    code = quantise.main([*arguments, "--runs", "1", "--rounds", "3", "--method", "minmax"])
    int8 = network.with_name("full_int8.onnx")
    manifest = read_manifest(int8)
    assert manifest["precision"] == "int8"
    mean = manifest["figures"]["joint_change_mm"]["mean"]
    assert (code == 0) == (mean <= 5.0)
    kinds = [node.op_type for node in onnx.load(int8).graph.node]
    assert "QuantizeLinear" in kinds
    assert ("validated" if code == 0 else "REFUSED") in capsys.readouterr().out
    for backend in ("onnxruntime", "openvino"):
        validation = manifest["figures"]["backends"][backend]
        assert validation["joint_change_mm"]["mean"] <= mean
        assert validation["milliseconds"]["int8"] > 0
        used = validation["joint_change_mm"]["mean"] <= 5 and (
            validation["milliseconds"]["int8"] < 0.9 * validation["milliseconds"]["fp32"]
        )
        assert (validated_variant(network, "int8", backend) == int8) == used
        assert (f"{backend}:int8" in choices(network)) == used


def change_of(mean):
    return JointChange(subjects=1, mean=mean, p95=0, max=0, mean_pixels=0, max_score=0)


@pytest.mark.parametrize(
    ("mean", "after", "words"),
    [
        (4.9, 5.0, "10.0 -> 5.0 ms: validated"),
        (4.9, 9.5, "saves too little time"),
        (5.1, 5.0, "REFUSED"),
        (float("nan"), 5.0, "REFUSED"),
    ],
)
def test_a_validation_says_whether_int8_is_used(mean, after, words):
    validation = Validation(change_of(mean), before=10.0, after=after)
    assert words in validation.as_text()
    assert validation.accurate == (mean < 5)


def test_without_nncf_the_error_names_what_to_install(network, data, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(AssetError, match=r"hmr-live\[quantisation\].*--method"):
        quantise.main([str(network), "--data", str(data), "--crops", "1", "--method", "nncf"])


def test_the_table_holds_every_back_end_and_precision(network, data, capsys):
    arguments = [str(network), "--data", str(data), "--count", "2", "--rounds", "2"]
    assert precision_table.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "full.onnx, 2 crops, against onnxruntime:fp32"
    (own,) = [line for line in lines if line.startswith("onnxruntime:fp32")]
    assert own.split()[1] == "0.000"
    assert own.endswith("validated")
    assert precision_table.main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = {row["choice"] for row in report["rows"]}
    assert found | set(report["left_out"]) == set(choices(network))
    assert all(row["p50"] > 0 and row["validated"] for row in report["rows"])


class TinyEncoder(torch.nn.Module):
    dim = 16

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, self.dim, 32, 32)

    def forward(self, image):
        return torch.relu(self.layer(image)).mean(dim=(2, 3))


def tiny_network(config, **_):
    torch.manual_seed(0)
    encoder = TinyEncoder()
    small = replace(PAPER_RUNS["paper"], hidden=32)
    return build_paper_network(small, encoder, encoder.dim, rest_body(), mean_pose())


@pytest.fixture(scope="module")
def tiny(data, tmp_path_factory):
    """A tiny network in the place of the ResNet, in INT8; float32 lies beside it."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # The exporter of torch warns about its own insides.
        warnings.simplefilter("ignore")
        patch.setattr(resnet_benchmark, "fresh_network", tiny_network)
        return resnet_benchmark.make_network(tmp_path_factory.mktemp("tiny"), data, "minmax", 2)


def test_the_whole_way_is_held_against_the_bare_network(tiny, capsys):
    pytest.importorskip("openvino")
    assert precision_of(tiny) == "int8"
    arguments = ["--network", str(tiny), "--frames", "3", "--threads", "1"]
    assert resnet_benchmark.main(arguments) == 1, "so small a network takes less than the rest"
    said = capsys.readouterr().out
    assert "INT8" in said
    assert "bare network: " in said
    assert said.strip().endswith("goal 1.1: MISSED")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("method", ["minmax", "nncf"])
def test_only_the_chosen_nodes_are_quantised(method, tiny, data):
    if method == "nncf":
        pytest.importorskip("nncf")
    source = tiny.with_name("resnet50.onnx")
    model = onnx.load(source)
    photos = subjects_from_lspet(data, "train", 2)
    quantiser = open_quantiser(method, HmrNetwork(source, backend="onnxruntime"), model, photos)
    (convolution,) = [node.name for node in model.graph.node if node.op_type == "Conv"]
    graph = quantiser.quantise([convolution]).graph
    made = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        sources = {made[name].op_type for name in node.input if name in made}
        if node.op_type == "Conv":
            assert sources == {"DequantizeLinear"}, "image and weights"
        elif node.op_type in ("Gemm", "MatMul"):
            assert "DequantizeLinear" not in sources
