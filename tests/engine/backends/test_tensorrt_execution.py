"""Buffers, batches and graphs of a running engine, on a stand-in for the GPU's memory.

The stand-in copies between numpy arrays and doubles what it is given; it says nothing about CUDA.
"""

import contextlib
import types
import weakref

import numpy as np
import pytest

from hmr_live.backends.tensorrt.builder import MAX_BATCH
from hmr_live.backends.tensorrt.device import GpuIdentity
from hmr_live.backends.tensorrt.distribution import TensorRtDistribution
from hmr_live.backends.tensorrt.execution import TensorRtBackend
from hmr_live.core.errors import BackendError

SHAPE = (3, 4, 4)


class StandInGraph:
    def __init__(self, device, work):
        self.device, self.work, self.closed = device, work, False

    def launch(self):
        self.device.launches += 1
        self.work()

    def close(self):
        self.closed = True


class StandInDevice:
    gpu = GpuIdentity("Stand-in", "0.0", "none")
    stream = 7

    def __init__(self, *, graphs=True):
        self.memory = {}
        self.graphs = graphs
        self.recorded = []
        self.freed = []
        self.launches = self.synchronized = self.entered = 0
        self.closed = self.lost = False

    @contextlib.contextmanager
    def current(self):
        if self.closed:
            raise BackendError("The GPU is closed")
        self.entered += 1
        yield

    def pinned(self, shape):
        array = np.zeros(shape, np.float32)
        weakref.finalize(array, lambda: self.freed.append(not self.closed))
        return array

    def allocate(self, size):
        address = len(self.memory) + 1
        self.memory[address] = np.zeros(size // 4, np.float32)
        return address

    def upload(self, target, source):
        if self.lost:
            raise BackendError("The GPU failed (it is gone)")
        self.memory[target][: source.size] = source.ravel()

    def download(self, target, source):
        target[...] = self.memory[source][: target.size].reshape(target.shape)

    def synchronize(self):
        self.synchronized += 1

    def record(self, work):
        if not self.graphs:
            return None
        self.recorded.append(StandInGraph(self, work))
        return self.recorded[-1]

    def close(self):
        self.closed = True


class StandInEngine:
    def __init__(self, device, names=("image", "doubled")):
        self.device = device
        self.names = names
        self.num_io_tensors = len(names)
        self.addresses = {}
        self.batch = None

    def get_tensor_name(self, index):
        return self.names[index]

    def get_tensor_mode(self, name):
        return "out" if name == "doubled" else "in"

    def get_tensor_dtype(self, name):
        return "float"

    def get_tensor_shape(self, name):
        shape = (1,) if name == "focal" else SHAPE
        return (-1 if self.batch is None else self.batch, *shape)

    def create_runtime_config(self):
        return types.SimpleNamespace()

    def create_execution_context(self, config=None):
        self.config = config
        return self

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return address is not None

    def set_input_shape(self, name, shape):
        self.batch = shape[0]
        return shape[0] <= MAX_BATCH

    def execute_async_v3(self, stream):
        assert stream == StandInDevice.stream
        memory = self.device.memory
        images = memory[self.addresses["image"]].reshape(-1, *SHAPE)
        factor = 2 * np.ones((len(images), 1), np.float32)
        if "focal" in self.names:
            factor = memory[self.addresses["focal"]].reshape(-1, 1)
        memory[self.addresses["doubled"]][:] = (images * factor[..., None, None]).ravel()
        return not self.device.lost


def open_stand_in(tmp_path, *, for_rtx=False, names=("image", "doubled"), **settings):
    device = StandInDevice(**settings)
    trt = types.SimpleNamespace(
        __version__="0",
        TensorIOMode=types.SimpleNamespace(INPUT="in"),
        CudaGraphStrategy=types.SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole"),
        DataType=types.SimpleNamespace(FLOAT="float"),
        Runtime=lambda log: types.SimpleNamespace(
            deserialize_cuda_engine=lambda data: StandInEngine(device, names) if data else None
        ),
    )
    log = types.SimpleNamespace(last_error="no magic number")
    distribution = TensorRtDistribution("tensorrt", "TensorRT", trt, log, ("stand-in",), for_rtx)
    return (
        distribution,
        device,
        lambda engine: TensorRtBackend(tmp_path / "tiny.onnx", engine, distribution, device),
    )


def batch(n, seed=0):
    return np.random.default_rng(seed).random((n, *SHAPE), np.float32)


@pytest.fixture
def stand_in(tmp_path):
    _, device, load = open_stand_in(tmp_path)
    return load(b"engine"), device


@pytest.mark.parametrize("n", [1, 3, MAX_BATCH + 1])
def test_focal_lengths_go_with_their_images(n, tmp_path):
    _, _, load = open_stand_in(tmp_path, names=("focal", "image", "doubled"))
    backend, images = load(b"engine"), batch(n)
    assert backend.reads_focal
    focal = np.arange(1, n + 1, dtype=np.float32)[:, None]
    expected = images * focal[..., None, None]
    np.testing.assert_allclose(backend.run(images, focal)["doubled"], expected, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, MAX_BATCH, MAX_BATCH + 1, 3 * MAX_BATCH])
def test_batches_of_any_size_come_back_in_order(n, stand_in):
    backend, _ = stand_in
    images = batch(n)
    np.testing.assert_array_equal(backend.run(images)["doubled"], 2 * images)


def test_answers_belong_to_the_caller(stand_in):
    backend, _ = stand_in
    first = backend.run(batch(1))["doubled"]
    kept = first.copy()
    backend.run(batch(1, seed=1))
    np.testing.assert_array_equal(first, kept)


def test_nothing_is_allocated_on_the_gpu_after_loading(stand_in):
    backend, device = stand_in
    before = len(device.memory)
    for n in (1, 3, 20):
        backend.run(batch(n))
    assert len(device.memory) == before == 2


def test_steady_work_becomes_a_graph_and_another_batch_ends_it(stand_in):
    backend, device = stand_in
    for seed in range(6):
        images = batch(1, seed)
        np.testing.assert_array_equal(backend.run(images)["doubled"], 2 * images)
    assert len(device.recorded) == 1
    assert device.launches == 3
    images = batch(2)
    np.testing.assert_array_equal(backend.run(images)["doubled"], 2 * images)
    assert device.recorded[0].closed
    assert device.launches == 3


def test_bindings_without_graphs_work_all_the_same(tmp_path):
    _, device, load = open_stand_in(tmp_path, graphs=False)
    backend = load(b"engine")
    for seed in range(6):
        images = batch(1, seed)
        np.testing.assert_array_equal(backend.run(images)["doubled"], 2 * images)
    assert device.launches == 0


def test_tensorrt_for_rtx_records_its_own_graphs(tmp_path):
    _, device, load = open_stand_in(tmp_path, for_rtx=True)
    backend = load(b"engine")
    for seed in range(6):
        backend.run(batch(1, seed))
    assert backend._context.config.cuda_graph_strategy == "whole"
    assert not device.recorded


def test_a_lost_gpu_ends_in_a_sentence_and_can_be_closed(stand_in):
    backend, device = stand_in
    backend.run(batch(1))
    device.lost = True
    with pytest.raises(BackendError, match="it is gone"):
        backend.run(batch(1))
    backend.close()
    assert device.closed


def test_a_closed_network_says_so_and_can_be_closed_again(stand_in):
    backend, _ = stand_in
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="is closed"):
        backend.run(batch(1))


def test_page_locked_memory_is_given_back_before_the_device(stand_in):
    backend, device = stand_in
    backend.run(batch(1))
    backend.close()
    assert device.freed == [True, True]


def test_memory_that_tensorrt_refuses_ends_in_a_sentence(tmp_path, monkeypatch):
    _, device, load = open_stand_in(tmp_path)
    monkeypatch.setattr(device, "allocate", lambda size: None)
    with pytest.raises(BackendError, match=r"refuses the memory for image \(no magic number"):
        load(b"engine")


def test_an_engine_that_tensorrt_refuses_ends_in_a_sentence(tmp_path):
    _, _, load = open_stand_in(tmp_path)
    with pytest.raises(BackendError, match=r"cannot load the compiled tiny.onnx \(no magic number"):
        load(b"")


def test_the_gpu_context_is_made_current_for_every_run(stand_in):
    backend, device = stand_in
    before = device.entered
    backend.run(batch(1))
    backend.run(batch(1))
    assert device.entered == before + 2
