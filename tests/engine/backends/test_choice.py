"""``name:precision``, and the INT8 variant that may be used instead."""

import json

import pytest

from hmr_live.backends import BACKENDS, choices, open_backend, split_choice
from hmr_live.backends.choice import network_for
from hmr_live.core.assets import sha256_of
from hmr_live.core.errors import BackendError
from tests.engine.backends.backend_cases import tiny_network

VALIDATED = {"joint_change_mm": {"mean": 2.0}, "milliseconds": {"fp32": 50.0, "int8": 14.0}}


@pytest.fixture
def model(tmp_path):
    """A network with an INT8 one beside it, validated for OpenVINO and ONNX Runtime."""
    original = tiny_network(tmp_path / "tiny.onnx")
    describe(original)
    tiny_network(tmp_path / "tiny_int8.onnx", scale=2.0)
    prove(original, {"openvino": VALIDATED, "onnxruntime": VALIDATED})
    return original


def describe(network, **entries):
    manifest = {"sha256": sha256_of(network), **entries}
    network.with_suffix(".json").write_text(json.dumps(manifest))


def prove(model, backends):
    int8 = model.with_name("tiny_int8.onnx")
    figures = {"backends": backends}
    describe(int8, precision="int8", source_sha256=sha256_of(model), figures=figures)


def chosen(model, name):
    backend, precision = split_choice(name)
    return network_for(model, BACKENDS[backend], precision).name


@pytest.mark.parametrize("name", ["openvino", "openvino:int8", "onnxruntime"])
def test_a_validated_int8_network_is_used_instead(name, model):
    assert chosen(model, name) == "tiny_int8.onnx"


def test_float32_is_the_named_network_itself(model):
    assert chosen(model, "openvino:fp32") == "tiny.onnx"


def test_gpus_do_not_take_int8(model):
    assert chosen(model, "tensorrt") == "tiny.onnx"


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({**VALIDATED, "joint_change_mm": {"mean": 5.01}}, "moves the joints by 5.0 mm"),
        ({**VALIDATED, "joint_change_mm": {"mean": float("nan")}}, "moves the joints by nan mm"),
        ({**VALIDATED, "milliseconds": {"fp32": 10.0, "int8": 9.5}}, "saves too little time"),
        ({"joint_change_mm": {"mean": 2.0}}, "no valid figures"),
    ],
)
def test_one_that_is_too_far_off_or_too_slow_does_not(figures, words, model, caplog):
    prove(model, {"openvino": figures, "onnxruntime": VALIDATED})
    assert chosen(model, "openvino") == "tiny.onnx"
    assert words in caplog.text
    assert chosen(model, "onnxruntime") == "tiny_int8.onnx", "each back end has its own figures"
    with pytest.raises(BackendError, match=r"no tiny_int8\.onnx validated for openvino"):
        chosen(model, "openvino:int8")


def test_one_validated_for_another_back_end_only_is_not(model, caplog):
    prove(model, {"onnxruntime": VALIDATED})
    assert chosen(model, "openvino") == "tiny.onnx"
    assert not caplog.records


def test_every_validated_precision_is_a_choice(model):
    names = choices(model)
    assert {"openvino:fp32", "openvino:int8", "onnxruntime:int8", "tensorrt:fp32"} <= set(names)
    assert "tensorrt:int8" not in names


@pytest.mark.parametrize("name", ["onnxruntime", "auto:int8"])
def test_the_back_end_says_what_it_runs(name, model, monkeypatch):
    monkeypatch.setattr("hmr_live.backends.candidates", lambda: [BACKENDS["onnxruntime"]])
    assert "INT8" in open_backend(model, name=name).describe()


@pytest.mark.parametrize("name", ["onnxruntime:fp32", "auto:fp32"])
def test_float32_can_be_insisted_on(name, model, monkeypatch):
    monkeypatch.setattr("hmr_live.backends.candidates", lambda: [BACKENDS["onnxruntime"]])
    assert "float32" in open_backend(model, name=name).describe()


@pytest.mark.parametrize("name", ["openvino:int4", "auto:", "abacus:fp32"])
def test_an_unknown_precision_or_back_end_is_a_sentence(name, model):
    with pytest.raises(BackendError, match=r"There is no (precision|back end) called"):
        open_backend(model, name=name)
