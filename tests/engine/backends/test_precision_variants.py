import json
import shutil

import pytest

from hmr_live.backends.precision_variants import half_precision_of, precision_of
from hmr_live.core.assets import asset_path, sha256_of


@pytest.fixture
def networks(tmp_path):
    """A network and one that says it is the same in half precision."""
    for suffix in (".onnx", ".json"):
        shutil.copy(asset_path("networks", "full" + suffix), tmp_path)
    model, half = tmp_path / "full.onnx", tmp_path / "full_fp16.onnx"
    shutil.copy(model, half)
    manifest = json.loads(model.with_suffix(".json").read_text())
    figures = {"joint_change_mm": {"mean": 0.4}}
    write(
        half,
        {**manifest, "precision": "fp16", "source_sha256": sha256_of(model), "figures": figures},
    )
    return model, half


def write(half, manifest):
    half.with_suffix(".json").write_text(json.dumps(manifest))


def manifest_of(half):
    return json.loads(half.with_suffix(".json").read_text())


def test_a_validated_half_precision_network_is_used_instead(networks):
    model, half = networks
    assert half_precision_of(model) == half
    assert (precision_of(model), precision_of(half)) == ("fp32", "fp16")


def test_without_one_there_is_none(networks):
    model, half = networks
    half.unlink()
    assert half_precision_of(model) is None


@pytest.mark.parametrize("change", [1.01, float("nan")])
def test_one_that_moves_the_joints_too_far_is_not_used(change, networks, caplog):
    model, half = networks
    write(half, {**manifest_of(half), "figures": {"joint_change_mm": {"mean": change}}})
    assert half_precision_of(model) is None
    assert "float32 is used" in caplog.text


def test_one_made_from_another_network_is_not_used(networks, caplog):
    model, half = networks
    write(half, {**manifest_of(half), "source_sha256": "0" * 64})
    assert half_precision_of(model) is None
    assert "make it again" in caplog.text


@pytest.mark.parametrize("missing", ["source_sha256", "figures"])
def test_one_without_figures_is_not_used(missing, networks, caplog):
    model, half = networks
    write(half, {k: v for k, v in manifest_of(half).items() if k != missing})
    assert half_precision_of(model) is None
    assert "no valid figures" in caplog.text


def test_a_damaged_one_is_not_used(networks):
    model, half = networks
    half.write_bytes(half.read_bytes()[:-1])
    assert half_precision_of(model) is None


def test_a_bare_file_is_float32(tmp_path):
    assert precision_of(tmp_path / "bare.onnx") == "fp32"
