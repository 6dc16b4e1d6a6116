"""The device on PyCUDA.

PyCUDA comes as source and needs the CUDA toolkit's headers.  The calls follow the source of
PyCUDA 2026.1; none has been run by the authors.  It has no CUDA graphs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import pycuda.driver as cuda
from numpy.typing import NDArray

from hmr_live.backends.base import BackendUnavailableError, Untyped, first_line
from hmr_live.backends.gpu import driver_version
from hmr_live.backends.tensorrt.device import CudaGraph, GpuIdentity
from hmr_live.core.errors import BackendError

#: CUDA's CU_STREAM_NON_BLOCKING, which PyCUDA does not name.
_NON_BLOCKING: Final = 1


def open_first() -> PyCudaDevice:
    """Open GPU 0.

    Raises
    ------
    BackendUnavailableError
        If there is no NVIDIA GPU or no driver that fits.
    """
    try:
        cuda.init()
        count = cuda.Device.count()
    except cuda.Error as error:
        raise BackendUnavailableError(
            f"there is no usable NVIDIA GPU ({first_line(error)})"
        ) from error
    if not count:
        raise BackendUnavailableError("there is no NVIDIA GPU")
    return PyCudaDevice()


class PyCudaDevice:
    """See :class:`hmr_live.backends.tensorrt.device.Device`."""

    def __init__(self) -> None:
        self._memory: list[Any] = []
        with _errors():
            device = cuda.Device(0)
            major, minor = device.compute_capability()
            self.gpu = GpuIdentity(
                str(device.name()),
                f"{major}.{minor}",
                driver_version() or f"CUDA {cuda.get_driver_version()}",
            )
            self._context: Any = _primary_context()
        with self.current():
            # A blocking one would wait for everybody else's work on the default stream.
            self._stream: Any = cuda.Stream(_NON_BLOCKING)
            self.stream = int(self._stream.handle)

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Push the context on the calling thread's stack, pop it at the end."""
        if self._context is None:
            raise BackendError("The GPU is closed: open the network again.")
        with _errors():
            self._context.push()
            try:
                yield
            finally:
                cuda.Context.pop()

    def pinned(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.pinned`."""
        with _errors():
            memory: NDArray[np.float32] = cuda.pagelocked_empty(shape, np.float32)
        return memory

    def allocate(self, size: int) -> int:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.allocate`."""
        with _errors():
            memory = cuda.mem_alloc(size)
        self._memory.append(memory)
        return int(memory)

    def upload(self, target: int, source: NDArray[np.float32]) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.upload`."""
        with _errors():
            cuda.memcpy_htod_async(target, source, self._stream)

    def download(self, target: NDArray[np.float32], source: int) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.download`."""
        with _errors():
            cuda.memcpy_dtoh_async(target, source, self._stream)

    def synchronize(self) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.synchronize`."""
        with _errors():
            self._stream.synchronize()

    def record(self, work: Callable[[], None]) -> CudaGraph | None:
        """PyCUDA has no CUDA graphs."""
        return None

    def close(self) -> None:
        """See :meth:`hmr_live.backends.tensorrt.device.Device.close`; errors of a lost GPU pass."""
        with contextlib.suppress(BackendError), self.current():
            for memory in self._memory:
                memory.free()
            self._memory = []
            self._stream = None  # frees it while its context is there
        self._context = None


@cache
def _primary_context() -> Untyped:
    """GPU 0's primary context, the one that TensorRT uses, too.

    It is kept until the program ends: PyCUDA's ``detach`` leaves a primary context on the driver's
    stack.
    """
    return cuda.Device(0).retain_primary_context()


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """PyCUDA's errors as ours."""
    try:
        yield
    except cuda.Error as error:
        raise BackendError(f"The GPU failed ({first_line(error)})") from error
