"""The calls to CUDA and TensorRT against the really installed packages, without a GPU."""

import ast
import contextlib
from pathlib import Path

import numpy as np
import pytest

from hmr_live.backends import tensorrt
from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.core.errors import BackendError

runtime = pytest.importorskip("cuda.bindings.runtime")
trt = pytest.importorskip("tensorrt_rtx")

from hmr_live.backends.tensorrt.cuda_python_device import CudaPythonDevice, _Graph  # noqa: E402

FOLDER = Path(tensorrt.__file__).parent
#: Methods that our code calls on objects of these classes.
METHODS = {
    "Builder": ["create_network", "create_builder_config", "create_optimization_profile",
                "build_serialized_network"],
    "IBuilderConfig": ["set_memory_pool_limit", "clear_flag", "add_optimization_profile",
                       "create_timing_cache", "set_timing_cache", "get_timing_cache",
                       "progress_monitor", "num_compute_capabilities", "set_compute_capability"],
    "INetworkDefinition": ["num_inputs", "get_input"],
    "OnnxParser": ["parse", "num_errors", "get_error"],
    "ParserError": ["desc"],
    "IOptimizationProfile": ["set_shape"],
    "IProgressMonitor": ["phase_start", "step_complete", "phase_finish"],
    "ITimingCache": ["serialize"],
    "Runtime": ["deserialize_cuda_engine"],
    "ICudaEngine": ["create_execution_context", "create_runtime_config", "num_io_tensors",
                    "get_tensor_name", "get_tensor_mode", "get_tensor_dtype", "get_tensor_shape"],
    "IRuntimeConfig": ["cuda_graph_strategy"],
    "IExecutionContext": ["set_input_shape", "set_tensor_address", "get_tensor_shape",
                          "execute_async_v3"],
}  # fmt: skip


def attributes_of(variable, file):
    """Dotted names behind a variable in one of our files, e.g. ``BuilderFlag.TF32``."""
    for node in ast.walk(ast.parse((FOLDER / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            if dotted.startswith(f"{variable}."):
                yield dotted.removeprefix(f"{variable}.")


@pytest.mark.parametrize(
    ("package", "variable", "file"),
    [
        (runtime, "runtime", "cuda_python_device.py"),
        (trt, "trt", "builder.py"),
        (trt, "self._distribution.trt", "execution.py"),
        (trt, "trt", "execution.py"),
        (trt, "trt", "distribution.py"),
    ],
)
def test_every_name_that_is_used_exists(package, variable, file):
    names = set(attributes_of(variable, file))
    assert names
    for name in names:
        found = package
        for part in name.split("."):
            found = getattr(found, part)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_that_is_called_exists(name):
    assert [m for m in METHODS[name] if not hasattr(getattr(trt, name), m)] == []


@pytest.fixture
def device():
    """A device as it would be after opening, on a machine whose driver refuses every call."""
    if nvidia_gpus():
        pytest.skip("there is a GPU here, and a made-up stream would crash it")
    device = object.__new__(CudaPythonDevice)
    device._memory, device._host_memory = [], []
    device._stream = runtime.cudaStream_t(0)
    return device


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.current().__enter__(),
        lambda d: d.pinned((8, 3, 4, 4)),
        lambda d: d.allocate(1024),
        lambda d: d.upload(4096, np.zeros((2, 3), np.float32)),
        lambda d: d.download(np.zeros((2, 3), np.float32), 4096),
        lambda d: d.synchronize(),
        lambda d: d.record(lambda: None),
        lambda d: _Graph(runtime.cudaGraphExec_t(0), d._stream).launch(),
        lambda d: CudaPythonDevice(),
    ],
    ids=[
        "current",
        "pinned",
        "allocate",
        "upload",
        "download",
        "synchronize",
        "record",
        "launch",
        "open",
    ],
)
def test_cuda_takes_our_arguments_and_its_refusal_is_a_sentence(call, device):
    with pytest.raises(BackendError, match="The GPU failed"):
        call(device)


def test_closing_a_lost_device_raises_nothing_even_twice(device):
    device._memory, device._host_memory = [4096], []
    device.close()
    device.close()
    assert device._stream is None
    with pytest.raises(BackendError, match="The GPU is closed"), device.current():
        pass


class Recording:
    """CUDA's calls of a capture; ``refused`` is the name of the one that fails."""

    def __init__(self, monkeypatch, refused=""):
        self.calls = []
        for name, value in {
            "cudaStreamBeginCapture": (),
            "cudaStreamEndCapture": ("graph",),
            "cudaGraphInstantiate": ("executable",),
            "cudaGraphDestroy": (),
        }.items():
            error = "cudaErrorUnknown" if name == refused else "cudaSuccess"
            answer = (getattr(runtime.cudaError_t, error), *value)
            monkeypatch.setattr(runtime, name, self._call(name, answer))

    def _call(self, name, answer):
        def call(*_):
            self.calls.append(name)
            return answer

        return call


@pytest.mark.parametrize("error", [BackendError, KeyboardInterrupt])
def test_whatever_ends_the_work_ends_the_capture(error, device, monkeypatch):
    recording = Recording(monkeypatch)

    def work():
        raise error

    with pytest.raises(error):
        device.record(work)
    assert recording.calls == ["cudaStreamBeginCapture", "cudaStreamEndCapture"]


@pytest.mark.parametrize("refused", ["", "cudaGraphInstantiate"])
def test_the_recorded_graph_is_given_back(refused, device, monkeypatch):
    recording = Recording(monkeypatch, refused)
    with pytest.raises(BackendError) if refused else contextlib.nullcontext():
        device.record(lambda: None)
    assert recording.calls[-1] == "cudaGraphDestroy"


def test_the_name_of_a_gpu_is_bytes_in_these_bindings():
    assert isinstance(runtime.cudaDeviceProp().name, bytes)
