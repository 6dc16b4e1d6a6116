"""Tiny networks and back ends that misbehave on purpose."""

import threading
import types

import numpy as np
import pytest
from onnx import TensorProto, helper

from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.backends.registry import BACKENDS, Entry
from hmr_live.core.errors import BackendError

SHAPE = (3, 8, 8)
PACKAGES = {
    "openvino": "openvino",
    "tensorrt": "tensorrt",
    "tensorrt-rtx": "tensorrt_rtx",
    "onnxruntime-cuda": "onnxruntime",
}


def require_backend(name):
    """Skip a test where the package or the GPU of a back end is missing."""
    if BACKENDS[name].nvidia and not nvidia_gpus():
        pytest.skip("no NVIDIA GPU here")
    package = pytest.importorskip(PACKAGES[name])
    if name == "tensorrt-rtx":
        capability = "SM" + nvidia_gpus()[0].compute_capability.replace(".", "")
        if not hasattr(package.ComputeCapability, capability):
            pytest.skip("TensorRT for RTX does not support this GPU")


def tiny_network(path, *, scale=1.0, batch="n", input_shape=SHAPE, focal=False):
    """Write a network that multiplies the mean colour by ``scale``, and by the focal length."""
    factor = ["scale"] if not focal else ["focal"]
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Mul", ["flat", *factor], ["means"]),
    ]
    lengths = [helper.make_tensor_value_info("focal", TensorProto.FLOAT, [batch, 1])]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            *(lengths if focal else []),
            helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, *input_shape]),
        ],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, [batch, 3])],
        [helper.make_tensor("scale", TensorProto.FLOAT, [1], [scale])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


class ScriptedBackend:
    """Answers with a constant until it is told to fail."""

    input_shape = SHAPE
    reads_focal = False

    def __init__(self, name, answer=1.0):
        self.name = name
        self.answer = answer
        self.failure = None
        self.closed = False
        self.threads_seen = set()

    def run(self, image, focal=None):
        self.threads_seen.add(threading.get_ident())
        if self.failure is not None:
            raise self.failure
        return {"means": np.full((len(image), 3), self.answer, np.float32)}

    def describe(self):
        return f"the {self.name} device"

    def close(self):
        self.closed = True


class ScriptedBackends:
    """Modules of back ends by name, as ``auto`` would import them."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self.opened = {}

    def add(self, name, *, answer=1.0, at_load=None):
        module = types.ModuleType(f"scripted_{name}")

        def load(model, *, threads, name):
            if at_load is not None:
                raise at_load
            self.opened[name] = ScriptedBackend(name, answer)
            return self.opened[name]

        module.load = load
        self._monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
        return Entry(name, module.__name__, "a test", f"install {name}")

    def add_prepared(self, name, *, fails=False):
        """A back end that is ready after ``release`` is set."""
        entry = self.add(name, answer=2.0)
        module = __import__("sys").modules[entry.module]
        module.release = threading.Event()
        module.started = threading.Event()
        module.cancelled = False

        def prepare(model, *, name, progress, cancelled):
            progress(0.42, "half way")
            module.started.set()
            while not module.release.wait(0.005):
                if cancelled():
                    module.cancelled = True
                    raise BackendError("cancelled")
            if fails:
                raise BackendError("the compiler gave up")

        module.prepare = prepare
        module.is_prepared = lambda model, *, name: module.release.is_set() and not fails
        return entry, module
