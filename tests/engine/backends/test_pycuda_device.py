"""The device on PyCUDA, against a stand-in for the package that keeps the stack of contexts."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

from hmr_live.backends import tensorrt
from hmr_live.core.errors import BackendError

FILE = Path(tensorrt.__file__).with_name("pycuda_device.py")


class StandInCuda(types.ModuleType):
    class Error(Exception):
        pass

    def __init__(self):
        super().__init__("pycuda.driver")
        self.stack = []
        self.retained = 0
        self.stream_flags = None
        self.lost = False
        self.Context = types.SimpleNamespace(pop=self._pop)

    def _pop(self):
        self.stack.pop()
        if self.lost:
            raise self.Error("the context is gone")

    def Device(self, index):
        return types.SimpleNamespace(
            name=lambda: "Stand-in",
            compute_capability=lambda: (0, 0),
            retain_primary_context=self._retain,
        )

    def _retain(self):
        self.retained += 1
        return types.SimpleNamespace(push=lambda: self.stack.append("primary"))

    def Stream(self, flags=0):
        self.stream_flags = flags
        return types.SimpleNamespace(handle=7)

    def get_driver_version(self):
        return 13000


@pytest.fixture
def cuda(monkeypatch):
    cuda = StandInCuda()
    package = types.ModuleType("pycuda")
    package.driver = cuda
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", cuda)
    return cuda


@pytest.fixture
def open_device(cuda):
    # A module of its own, or the stand-in would stay in it.
    spec = importlib.util.spec_from_file_location("stand_in_pycuda_device", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PyCudaDevice


def test_opening_and_closing_leaves_no_context_on_the_stack(open_device, cuda):
    for _ in range(3):
        device = open_device()
        device.close()
        device.close()
    assert not cuda.stack
    assert cuda.retained == 1


def test_a_closed_device_says_so(open_device):
    device = open_device()
    device.close()
    with pytest.raises(BackendError, match="The GPU is closed"), device.current():
        pass


def test_the_stream_does_not_wait_for_the_default_one(open_device, cuda):
    open_device()
    assert cuda.stream_flags == 1


def test_a_context_that_is_lost_ends_in_a_sentence(open_device, cuda):
    device = open_device()
    cuda.lost = True
    with pytest.raises(BackendError, match="the context is gone"), device.current():
        pass
    device.close()
