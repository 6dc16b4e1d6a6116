"""The little of CUDA that running an engine takes, behind one interface."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hmr_live.backends.base import BackendUnavailableError
from hmr_live.backends.tensorrt.distribution import TensorRtDistribution


@dataclass(frozen=True)
class GpuIdentity:
    """Identifies a GPU and its driver.

    Attributes
    ----------
    name
        E.g. ``"NVIDIA GeForce RTX 4070"``.
    compute_capability
        E.g. ``"8.9"``.
    driver
        Version of the driver, or of the CUDA that it offers when only that is known.
    """

    name: str
    compute_capability: str
    driver: str


class CudaGraph(Protocol):
    """Work recorded once, to be launched again and again in one call."""

    def launch(self) -> None:
        """Queue all of it on the device's stream."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


class Device(Protocol):
    """One GPU with one stream.

    Every method must be called inside :meth:`current`, from one thread at a time.  Failures raise
    :class:`hmr_live.core.errors.BackendError`.
    """

    gpu: GpuIdentity
    #: Handle of the one stream, for TensorRT.
    stream: int

    def current(self) -> AbstractContextManager[None]:
        """Make the GPU's context the calling thread's for a ``with``; raises once closed."""
        ...

    def pinned(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Page-locked float32 array: only from there copies run beside the processor's work."""
        ...

    def allocate(self, size: int) -> int:
        """Address of ``size`` bytes on the GPU; they live as long as the device."""
        ...

    def upload(self, target: int, source: NDArray[np.float32]) -> None:
        """Queue a copy from a pinned array to the GPU."""
        ...

    def download(self, target: NDArray[np.float32], source: int) -> None:
        """Queue a copy from the GPU to a pinned array."""
        ...

    def synchronize(self) -> None:
        """Wait for everything that is queued."""
        ...

    def record(self, work: Callable[[], None]) -> CudaGraph | None:
        """Record what ``work`` queues as a CUDA graph; None where the bindings have no graphs."""
        ...

    def close(self) -> None:
        """Release everything; safe to call twice and after the GPU is lost."""
        ...


_MODULES: Final = {
    "pycuda": "hmr_live.backends.tensorrt.pycuda_device",
    "cuda-python": "hmr_live.backends.tensorrt.cuda_python_device",
}


def open_device(distribution: TensorRtDistribution) -> Device:
    """Open the first GPU through the first CUDA bindings that are installed.

    Raises
    ------
    BackendUnavailableError
        If no bindings are installed, or there is no GPU or no driver.
    """
    missing = []
    for name in distribution.devices:
        try:
            module: Any = importlib.import_module(_MODULES[name])
        except ImportError:
            missing.append(name)
            continue
        device: Device = module.open_first()
        return device
    raise BackendUnavailableError(f"{distribution.label} needs {' or '.join(missing)}")
