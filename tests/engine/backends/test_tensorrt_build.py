"""Real builds with TensorRT for RTX, which needs a GPU only for running what it built."""

import time
import types
from unittest.mock import Mock

import numpy as np
import pytest

from hmr_live.backends import BACKENDS, open_backend
from hmr_live.backends import tensorrt as back_end
from hmr_live.backends.automatic import AutomaticBackend
from hmr_live.backends.base import BackendUnavailableError
from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.backends.tensorrt import builder, engine_for, keys
from hmr_live.backends.tensorrt.cache import EngineCache
from hmr_live.backends.tensorrt.device import GpuIdentity
from hmr_live.core.assets import asset_path
from hmr_live.core.cache_folder import FOLDER_VARIABLE
from hmr_live.core.errors import BackendError
from tests.engine.backends.backend_cases import require_backend, tiny_network
from tests.shipped import NETWORKS

trt = pytest.importorskip("tensorrt_rtx")

from hmr_live.backends.tensorrt.distribution import open_distribution  # noqa: E402

ADA = GpuIdentity("Test Ada", "8.9", "580.1")
AMPERE = GpuIdentity("Test Ampere", "8.6", "580.1")


@pytest.fixture(scope="module")
def distribution():
    return open_distribution("tensorrt-rtx")


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def model(tmp_path):
    return tiny_network(tmp_path / "tiny.onnx")


@pytest.fixture
def builds(monkeypatch):
    """Counts the builds."""
    count = []
    real = builder.build_engine

    def counting(*args, **settings):
        count.append(1)
        return real(*args, **settings)

    monkeypatch.setattr("hmr_live.backends.tensorrt.build_engine", counting)
    return count


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_is_built_and_kept(name, distribution, cache, builds):
    model = asset_path("networks", f"{name}.onnx")
    reached = []
    engine = engine_for(
        model, distribution, ADA, cache=cache, progress=lambda fraction, _: reached.append(fraction)
    )
    assert len(engine) > 1_000_000
    assert reached == sorted(reached)
    assert 0 < reached[0] < reached[-1] <= 1
    assert engine_for(model, distribution, ADA, cache=cache) == engine
    assert len(builds) == 1


def test_a_network_that_reads_focal_lengths_is_built(distribution, cache, tmp_path):
    model = tiny_network(tmp_path / "tiny.onnx", focal=True)
    assert engine_for(model, distribution, ADA, cache=cache)


def test_another_gpu_driver_or_network_is_built_again(distribution, cache, builds, model, tmp_path):
    engine_for(model, distribution, ADA, cache=cache)
    engine_for(model, distribution, AMPERE, cache=cache)
    engine_for(model, distribution, GpuIdentity(ADA.name, "8.9", "590.2"), cache=cache)
    engine_for(tiny_network(tmp_path / "b.onnx", scale=2.0), distribution, ADA, cache=cache)
    assert len(builds) == 4


def test_a_damaged_engine_is_built_again(distribution, cache, builds, model):
    engine = engine_for(model, distribution, ADA, cache=cache)
    path = cache.folder / keys.engine_key(model, distribution, ADA).file_name
    path.write_bytes(engine[:-1] + b"!")
    assert engine_for(model, distribution, ADA, cache=cache)[-1:] != b"!"
    assert len(builds) == 2


def test_a_foreign_engine_is_never_handed_on(distribution, cache, builds, model):
    path = cache.folder / keys.engine_key(model, distribution, ADA).file_name
    cache.folder.mkdir(mode=0o700)
    path.write_bytes(b"foreign")
    assert engine_for(model, distribution, ADA, cache=cache) != b"foreign"
    assert len(builds) == 1


def test_a_build_can_be_cancelled(distribution, cache):
    steps = []

    def cancelled():
        steps.append(1)
        return len(steps) > 5

    model = asset_path("networks", "full.onnx")
    with pytest.raises(BackendError, match="cancelled"):
        engine_for(model, distribution, ADA, cache=cache, cancelled=cancelled)
    assert len(steps) < 20, "it stops at once"
    assert not list(cache.folder.glob("*.bin"))


def test_a_gpu_that_is_too_old_is_refused(distribution, cache, model):
    old = GpuIdentity("GeForce GTX 1080", "6.1", "580.1")
    with pytest.raises(BackendError, match=r"does not support GeForce GTX 1080 .*6\.1"):
        engine_for(model, distribution, old, cache=cache)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: back_end.version("tensorrt-rtx"),
        lambda model: back_end.is_prepared(model, name="tensorrt-rtx"),
        lambda model: back_end.load(model, threads=1, name="tensorrt-rtx"),
    ],
    ids=["version", "is_prepared", "load"],
)
def test_a_gpu_that_it_does_not_build_for_is_unavailable(call, model, monkeypatch):
    device = types.SimpleNamespace(gpu=GpuIdentity("NVIDIA H100", "9.0", "580.1"), close=Mock())
    monkeypatch.setattr(back_end, "open_device", lambda distribution: device)
    with pytest.raises(BackendUnavailableError, match=r"does not support NVIDIA H100 .*9\.0"):
        call(model)
    device.close.assert_called_once()


def test_a_target_that_tensorrt_refuses_ends_in_a_sentence(distribution):
    config = types.SimpleNamespace(set_compute_capability=lambda target, index: False)
    with pytest.raises(BackendError, match="refuses to build for Test Ada"):
        builder._set_target(config, distribution, ADA)


def test_a_network_that_is_none_is_refused(distribution, cache, tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(BackendError, match="cannot read the network"):
        engine_for(path, distribution, ADA, cache=cache)


def test_without_room_nothing_is_built(distribution, cache, builds, model, monkeypatch):
    monkeypatch.setattr("hmr_live.backends.tensorrt._ROOM_FACTOR", 10**12)
    with pytest.raises(BackendError, match="make room"):
        engine_for(model, distribution, ADA, cache=cache)
    assert not builds


def test_a_disk_that_fills_up_while_building_costs_only_the_cache(
    distribution, cache, model, monkeypatch, caplog
):
    def full(*_):
        raise BackendError("The compiled network cannot be kept.")

    monkeypatch.setattr(cache, "write", full)
    assert engine_for(model, distribution, ADA, cache=cache)
    assert "cannot be kept" in caplog.text


def test_progress_never_goes_back_when_phases_nest():
    reached = []
    progress = builder._Progress(lambda fraction, _: reached.append(fraction))
    progress.start("all", None, 2)
    progress.start("part", "all", 4)
    for step in range(4):
        progress.step("part", step)
    progress.finish("part")
    progress.step("all", 0)
    progress.start("part", "all", 2)
    progress.step("part", 0)
    assert reached == [0.125, 0.25, 0.375, 0.5, 0.75]


@pytest.mark.skipif(bool(nvidia_gpus()), reason="there is a GPU here")
def test_without_a_gpu_it_says_so():
    pytest.importorskip("cuda.bindings")
    with pytest.raises(BackendError, match="there is no usable NVIDIA GPU"):
        open_backend(asset_path("networks", "full.onnx"), name="tensorrt-rtx")


@pytest.mark.gpu
def test_the_engine_is_compiled_in_the_background_and_taken_over(tmp_path, monkeypatch):
    require_backend("tensorrt-rtx")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    model = asset_path("networks", "full.onnx")
    entries = [BACKENDS["tensorrt-rtx"], BACKENDS["onnxruntime"]]
    backend = AutomaticBackend(model, entries, threads=1)
    image = np.random.default_rng(0).random((1, *backend.input_shape), np.float32)
    before = backend.run(image)
    assert backend.name == "onnxruntime"
    deadline = time.monotonic() + 120
    while backend.name == "onnxruntime" and time.monotonic() < deadline:
        time.sleep(0.1)
        after = backend.run(image)
    assert backend.name == "tensorrt-rtx"
    np.testing.assert_allclose(after["pose_6d"], before["pose_6d"], atol=0.01)
