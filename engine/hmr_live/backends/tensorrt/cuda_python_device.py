"""The device on NVIDIA's cuda-python.

Its calls were checked against cuda-bindings 13.4 without a GPU; nothing past the search for a GPU
has been run by the authors.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from cuda.bindings import runtime
from numpy.typing import NDArray

from hmr_live.backends.base import BackendUnavailableError, Untyped
from hmr_live.backends.gpu import driver_version
from hmr_live.backends.tensorrt.device import CudaGraph, GpuIdentity
from hmr_live.core.errors import BackendError


def open_first() -> CudaPythonDevice:
    """Open GPU 0.

    Raises
    ------
    BackendUnavailableError
        If there is no NVIDIA GPU or no driver that fits.
    """
    error, count = runtime.cudaGetDeviceCount()
    if error != runtime.cudaError_t.cudaSuccess or not count:
        raise BackendUnavailableError(f"there is no usable NVIDIA GPU ({_message(error)})")
    return CudaPythonDevice()


class CudaPythonDevice:
    """See :class:`hmr_live.backends.tensorrt.device.Device`."""

    def __init__(self) -> None:
        self._memory: list[int] = []
        self._host_memory: list[int] = []
        self._stream: Any = None
        _call(runtime.cudaSetDevice(0))
        properties = _call(runtime.cudaGetDeviceProperties(0))
        cuda = _call(runtime.cudaDriverGetVersion())
        self.gpu = GpuIdentity(
            bytes(properties.name).split(b"\0")[0].decode(),
            f"{properties.major}.{properties.minor}",
            driver_version() or f"CUDA {cuda}",
        )
        # Work on the default stream would wait for everybody else's.
        self._stream = _call(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking))
        self.stream = int(self._stream)

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make GPU 0 the calling thread's; it may stay so."""
        if self._stream is None:
            raise BackendError("The GPU is closed: open the network again.")
        _call(runtime.cudaSetDevice(0))
        yield

    def pinned(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.pinned`."""
        size = 4 * int(np.prod(shape))
        address = int(_call(runtime.cudaHostAlloc(size, runtime.cudaHostAllocDefault)))
        self._host_memory.append(address)
        pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(pointer, shape)

    def allocate(self, size: int) -> int:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.allocate`."""
        address = int(_call(runtime.cudaMalloc(size)))
        self._memory.append(address)
        return address

    def upload(self, target: int, source: NDArray[np.float32]) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.upload`."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        address = source.ctypes.data
        _call(runtime.cudaMemcpyAsync(target, address, source.nbytes, kind, self._stream))

    def download(self, target: NDArray[np.float32], source: int) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.download`."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        address = target.ctypes.data
        _call(runtime.cudaMemcpyAsync(address, source, target.nbytes, kind, self._stream))

    def synchronize(self) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.synchronize`."""
        _call(runtime.cudaStreamSynchronize(self._stream))

    def record(self, work: Callable[[], None]) -> CudaGraph | None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.record`."""
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        _call(runtime.cudaStreamBeginCapture(self._stream, mode))
        try:
            work()
        finally:  # or the stream stays unusable
            ended = runtime.cudaStreamEndCapture(self._stream)
        graph = _call(ended)
        try:
            executable = _call(runtime.cudaGraphInstantiate(graph, 0))
        finally:
            runtime.cudaGraphDestroy(graph)
        return _Graph(executable, self._stream)

    def close(self) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.close`; errors of a lost GPU pass."""
        for address in self._memory:
            runtime.cudaFree(address)
        for address in self._host_memory:
            runtime.cudaFreeHost(address)
        if self._stream is not None:
            runtime.cudaStreamDestroy(self._stream)
        self._memory, self._host_memory, self._stream = [], [], None


class _Graph:
    def __init__(self, executable: Untyped, stream: Untyped) -> None:
        self._executable = executable
        self._stream = stream

    def launch(self) -> None:
        _call(runtime.cudaGraphLaunch(self._executable, self._stream))

    def close(self) -> None:
        if self._executable is not None:
            runtime.cudaGraphExecDestroy(self._executable)
        self._executable = None


def _call(result: tuple[Untyped, ...]) -> Untyped:
    """Value of a CUDA call, or its error as ours."""
    error, *values = result
    if error != runtime.cudaError_t.cudaSuccess:
        raise BackendError(f"The GPU failed ({_message(error)})")
    return values[0] if values else None


def _message(error: Untyped) -> str:
    _, text = runtime.cudaGetErrorString(error)
    return text.decode() if isinstance(text, bytes) else str(text)
