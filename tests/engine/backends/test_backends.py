import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import pytest

from hmr_live.backends import BACKENDS, onnx_runtime, open_backend
from hmr_live.backends.automatic import AutomaticBackend
from hmr_live.backends.base import BackendUnavailableError
from hmr_live.backends.registry import candidates
from hmr_live.core.errors import BackendError
from tests.engine.backends.backend_cases import SHAPE, ScriptedBackends, tiny_network

BLACK = np.zeros((1, *SHAPE), np.float32)


@pytest.fixture
def scripted(monkeypatch):
    return ScriptedBackends(monkeypatch)


@pytest.fixture
def model(tmp_path):
    return tiny_network(tmp_path / "tiny.onnx")


def automatic(model, *entries):
    return AutomaticBackend(model, entries, threads=1)


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_auto_takes_the_first_that_works_without_a_word(scripted, model, caplog):
    backend = automatic(model, scripted.add("fast"), scripted.add("slow"))
    assert backend.name == "fast"
    assert "slow" not in scripted.opened
    assert not warnings_of(caplog)


def test_missing_packages_and_hardware_are_passed_over_without_a_warning(scripted, model, caplog):
    backend = automatic(
        model,
        scripted.add("absent", at_load=ImportError("No module named 'absent'")),
        scripted.add("gpu", at_load=BackendUnavailableError("there is no GPU")),
        scripted.add("slow"),
    )
    assert backend.name == "slow"
    assert not warnings_of(caplog)


@pytest.mark.parametrize("error", [BackendError("it is broken."), RuntimeError("it is broken")])
def test_a_back_end_that_crashes_at_load_is_replaced_with_one_sentence(
    error, scripted, model, caplog
):
    backend = automatic(model, scripted.add("fast", at_load=error), scripted.add("slow"))
    assert backend.name == "slow"
    assert warnings_of(caplog) == ["tiny.onnx runs on the slow device, because it is broken."]


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_a_back_end_that_answers_with_nan_is_replaced(answer, scripted, model, caplog):
    backend = automatic(model, scripted.add("fast", answer=answer), scripted.add("slow"))
    assert backend.name == "slow"
    assert scripted.opened["fast"].closed
    assert "NaN or infinity in means" in warnings_of(caplog)[0]


def test_a_lost_device_is_replaced_in_the_middle_of_the_work(scripted, model, caplog):
    backend = automatic(model, scripted.add("fast"), scripted.add("slow", answer=3.0))
    scripted.opened["fast"].failure = BackendError("the GPU was unplugged.")
    np.testing.assert_array_equal(backend.run(BLACK)["means"], [[3, 3, 3]])
    assert scripted.opened["fast"].closed
    assert warnings_of(caplog) == [
        "tiny.onnx continues with the slow device, because the GPU was unplugged."
    ]


def test_the_last_back_end_that_is_lost_ends_in_a_sentence(scripted, model):
    backend = automatic(model, scripted.add("only"))
    scripted.opened["only"].failure = BackendError("the GPU was unplugged.")
    with pytest.raises(BackendError, match="the GPU was unplugged, and no other back end is left"):
        backend.run(BLACK)


def test_nothing_that_works_ends_in_a_sentence_with_every_reason(scripted, model):
    with pytest.raises(BackendError, match=r"cannot be run: one broke; two broke\."):
        automatic(
            model,
            scripted.add("one", at_load=BackendError("one broke")),
            scripted.add("two", at_load=BackendError("two broke")),
        )


def test_the_next_best_serves_while_the_best_is_prepared(scripted, model):
    best, module = scripted.add_prepared("best")
    backend = automatic(model, best, scripted.add("slow"))
    assert backend.name == "slow"
    assert module.started.wait(5)
    assert "best is being prepared, 42 %" in backend.describe()
    np.testing.assert_array_equal(backend.run(BLACK)["means"], [[1, 1, 1]])
    module.release.set()
    backend._preparation._thread.join(5)
    np.testing.assert_array_equal(backend.run(BLACK)["means"], [[2, 2, 2]])
    assert backend.name == "best"
    assert scripted.opened["slow"].closed


def test_after_the_prepared_one_is_lost_the_old_one_comes_back(scripted, model):
    best, module = scripted.add_prepared("best")
    backend = automatic(model, best, scripted.add("slow"))
    module.release.set()
    backend._preparation._thread.join(5)
    backend.run(BLACK)
    scripted.opened["best"].failure = BackendError("the GPU was unplugged")
    np.testing.assert_array_equal(backend.run(BLACK)["means"], [[1, 1, 1]])
    assert backend.name == "slow"


def test_a_failed_preparation_changes_nothing_but_says_so_once(scripted, model, caplog):
    best, module = scripted.add_prepared("best", fails=True)
    backend = automatic(model, best, scripted.add("slow"))
    module.release.set()
    backend._preparation._thread.join(5)
    for _ in range(3):
        backend.run(BLACK)
    assert warnings_of(caplog) == [
        "tiny.onnx keeps running on the slow device, because the compiler gave up."
    ]


def test_closing_cancels_a_preparation(scripted, model):
    best, module = scripted.add_prepared("best")
    backend = automatic(model, best, scripted.add("slow"))
    backend.close()
    assert module.cancelled
    assert scripted.opened["slow"].closed


def test_auto_prefers_gpus_and_ends_with_what_is_always_there():
    names = [entry.name for entry in candidates()]
    assert names[0] == "tensorrt"
    assert names[-2:] == ["openvino", "onnxruntime"]
    assert "onnxruntime-tensorrt" not in names, "it compiles in the foreground at every start"


def test_a_named_back_end_that_is_not_installed_says_what_to_install(model, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BackendError, match=r"onnxruntime-cuda is not installed .*onnxruntime-gpu"):
        open_backend(model, name="onnxruntime-cuda")


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "auto"])
def test_a_network_that_overflows_is_refused(name, tmp_path):
    if name == "openvino":
        pytest.importorskip("openvino")
    path = tiny_network(tmp_path / "tiny.onnx", scale=np.inf)
    with pytest.raises(BackendError, match=r"cannot be run: .*NaN or infinity"):
        open_backend(path, name=name)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, "h", 8)])
def test_a_network_that_takes_no_colour_picture_is_refused(name, shape, tmp_path):
    if name == "openvino":
        pytest.importorskip("openvino")
    path = tiny_network(tmp_path / "tiny.onnx", input_shape=shape)
    with pytest.raises(BackendError, match="instead of"):
        open_backend(path, name=name)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_file_that_is_no_network_is_refused_by_name(name, tmp_path):
    if name == "openvino":
        pytest.importorskip("openvino")
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(BackendError, match="cannot be run"):
        open_backend(path, name=name)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_closed_back_end_says_so(name, model):
    if name == "openvino":
        pytest.importorskip("openvino")
    backend = open_backend(model, name=name)
    backend.close()
    with pytest.raises(BackendError, match="is closed"):
        backend.run(BLACK)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_answers_belong_to_the_caller(name, model):
    if name == "openvino":
        pytest.importorskip("openvino")
    backend = open_backend(model, name=name)
    first = backend.run(BLACK)["means"]
    backend.run(np.ones((1, *SHAPE), np.float32))
    np.testing.assert_array_equal(first, 0)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_one_picture_and_many_give_the_same(name, model):
    if name == "openvino":
        pytest.importorskip("openvino")
    backend = open_backend(model, name=name)
    pictures = np.random.default_rng(0).random((3, *SHAPE), np.float32)
    together = backend.run(pictures)["means"]
    alone = [backend.run(pictures[i : i + 1])["means"] for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6)
    np.testing.assert_allclose(together, pictures.mean(axis=(2, 3)), rtol=1e-6)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("count", [1, 3])
def test_each_picture_has_its_focal_length(name, count, tmp_path):
    if name == "openvino":
        pytest.importorskip("openvino")
    backend = open_backend(tiny_network(tmp_path / "tiny.onnx", focal=True), name=name)
    assert backend.reads_focal
    pictures = np.random.default_rng(0).random((count, *SHAPE), np.float32)
    focal = np.arange(2, 2 + count, dtype=np.float32)[:, None]
    means = backend.run(pictures, focal)["means"]
    np.testing.assert_allclose(means, pictures.mean(axis=(2, 3)) * focal, rtol=1e-5)
    with pytest.raises(BackendError, match="focal length of each image"):
        backend.run(pictures)


def test_a_network_of_something_else_is_refused(tmp_path):
    path = tiny_network(tmp_path / "tiny.onnx", focal=True)
    network = onnx.load(path)
    onnx.compose.add_prefix_graph(network.graph, "other_", rename_inputs=True, inplace=True)
    onnx.save(network, path)
    with pytest.raises(BackendError, match="instead of images and their focal lengths"):
        open_backend(path, name="onnxruntime")


def test_batches_are_filled_up_where_a_new_size_costs_time(model, monkeypatch):
    provider = replace(onnx_runtime.PROVIDERS["onnxruntime"], fixed_batch=True)
    monkeypatch.setitem(onnx_runtime.PROVIDERS, "onnxruntime", provider)
    backend = open_backend(model, name="onnxruntime")
    session, sizes = backend._session, []
    pictures = np.random.default_rng(0).random((5, *SHAPE), np.float32)

    class Watched:
        def run(self, outputs, inputs):
            sizes.append(len(inputs["image"]))
            return session.run(outputs, inputs)

    backend._session = Watched()
    for count in (2, 3, 2, 5, 1, 4):
        means = backend.run(pictures[:count])["means"]
        np.testing.assert_allclose(means, pictures[:count].mean(axis=(2, 3)), rtol=1e-6)
    # One picture has a session of its own.
    assert sizes == [2, 4, 4, 8, 8]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_network_for_one_picture_only_runs(name, tmp_path):
    if name == "openvino":
        pytest.importorskip("openvino")
    backend = open_backend(tiny_network(tmp_path / "tiny.onnx", batch=1), name=name)
    np.testing.assert_array_equal(backend.run(BLACK)["means"], 0)


def test_the_engine_needs_none_of_the_optional_packages(model):
    blocked = ["openvino", "tensorrt", "tensorrt_rtx", "pycuda", "cuda", "onnx"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked})); "
        "from pathlib import Path; from hmr_live.backends import open_backend; "
        f"print(open_backend(Path({str(model)!r})).name)"
    )
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith("onnxruntime"), "or what another wheel of it adds"


def test_what_is_printed_about_missing_cuda_libraries_goes_to_the_log(monkeypatch, capsys, caplog):
    def preload():
        sys.stdout.write("Failed to load libcublas\n")

    monkeypatch.setattr("onnxruntime.preload_dlls", preload, raising=False)
    with caplog.at_level(logging.INFO):
        onnx_runtime._load_cuda_libraries()
    assert caplog.messages == ["Failed to load libcublas"]
    assert not capsys.readouterr().out


def test_every_back_end_says_how_to_get_it():
    assert all(entry.install and entry.reason for entry in BACKENDS.values())
