"""TensorRT: the network compiled for the NVIDIA GPU of this machine.

Two packages fill this back end, with nearly the same interface:

- ``tensorrt``: TensorRT 10 or 11 with PyCUDA (or cuda-python, when that is what is installed);
- ``tensorrt-rtx``: TensorRT for RTX 1.x with cuda-python.

What fits together, by their documentation, on Python 3.11 to 3.13:

================================  ============  ======  ================================
package                           CUDA toolkit  driver  bindings
================================  ============  ======  ================================
tensorrt 11 (tensorrt-cu13)       13            580 up  PyCUDA 2026.1, or cuda-python 13
tensorrt 10.3 up (tensorrt-cu12)  12            535 up  PyCUDA 2026.1
tensorrt-rtx 1.7                  none          580 up  cuda-python 13
================================  ============  ======  ================================

Networks are strongly typed: what runs in half precision is decided in the ONNX file (see
:mod:`hmr_live.backends.precision_variants`).

Tested without a GPU: parsing, building, cancelling and caching with TensorRT for RTX 1.7.  Never
run by the authors: deserialising and running an engine, PyCUDA, CUDA graphs, and anything of the
package ``tensorrt``, whose calls follow its documentation.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from hmr_live.backends.tensorrt.builder import ProgressCallback, build_engine, build_target
from hmr_live.backends.tensorrt.cache import EngineCache
from hmr_live.backends.tensorrt.device import Device, GpuIdentity, open_device
from hmr_live.backends.tensorrt.distribution import TensorRtDistribution, open_distribution
from hmr_live.backends.tensorrt.execution import TensorRtBackend
from hmr_live.backends.tensorrt.keys import engine_key, timing_key
from hmr_live.core.errors import BackendError

logger = logging.getLogger(__name__)

#: One build at a time: two would share the GPU and spoil each other's timings.
_building = threading.Lock()
#: An engine and its temporary file take about this many times the room of the ONNX file.
_ROOM_FACTOR = 8


def load(model: Path, *, threads: int, name: str = "tensorrt") -> TensorRtBackend:
    """Load a network, building its engine first when the cache has none that fits.

    Raises
    ------
    ImportError
        If the package is not installed.
    BackendUnavailableError
        If there is no NVIDIA GPU or no driver, or the package does not support the GPU.
    BackendError
        If the engine cannot be built or loaded.
    """
    distribution = open_distribution(name)
    device = _open_supported(distribution)
    try:
        if EngineCache().read(engine_key(model, distribution, device.gpu)) is None:
            # Nobody should take the silence of a long start for a crash.
            logger.warning(
                "%s compiles %s for %s; once, but it can take minutes.",
                distribution.label,
                model.name,
                device.gpu.name,
            )
        with device.current():
            engine = engine_for(model, distribution, device.gpu, progress=_log_progress())
        return TensorRtBackend(model, engine, distribution, device)
    except BaseException:
        device.close()
        raise


def version(name: str = "tensorrt") -> str:
    """Version of the package, if it is installed and finds a GPU.

    Raises
    ------
    ImportError
        If the package is not installed.
    BackendUnavailableError
        If it finds no GPU, or does not support it.
    """
    distribution = open_distribution(name)
    with _opened(distribution) as device:
        return f"{distribution.label} {distribution.version} on {device.gpu.name}"


def is_prepared(model: Path, *, name: str = "tensorrt") -> bool:
    """Whether an engine for this network and machine is in the cache."""
    distribution = open_distribution(name)
    with _opened(distribution) as device:
        key = engine_key(model, distribution, device.gpu)
        return EngineCache().read(key) is not None


def prepare(
    model: Path, *, name: str, progress: ProgressCallback, cancelled: Callable[[], bool]
) -> None:
    """Build the engine into the cache, in whatever thread this is called from."""
    distribution = open_distribution(name)
    with _opened(distribution) as device, device.current():
        engine_for(model, distribution, device.gpu, progress=progress, cancelled=cancelled)


def engine_for(
    model: Path,
    distribution: TensorRtDistribution,
    gpu: GpuIdentity,
    *,
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] | None = None,
    cache: EngineCache | None = None,
) -> bytes:
    """Engine for a network and a GPU, from the cache or built and put there.

    Parameters
    ----------
    model
        ``.onnx`` file, compiled as it is.
    distribution, gpu
        What compiles it, for what.  With TensorRT for RTX the GPU need not be in this machine.
    progress, cancelled
        See :func:`hmr_live.backends.tensorrt.builder.build_engine`.
    cache
        The user's cache folder by default.

    Raises
    ------
    BackendError
        If there is no room for the engine, if TensorRT refuses the network, or if ``cancelled``
        became true.
    """
    cache = cache or EngineCache()
    key = engine_key(model, distribution, gpu)
    with _building:
        engine = cache.read(key)
        if engine is not None:
            return engine
        onnx = model.read_bytes()
        cache.require_room(_ROOM_FACTOR * len(onnx))
        logger.info("%s %s compiles %s", distribution.label, distribution.version, model.name)
        timings = cache.read(timing_key(distribution, gpu)) or b""
        built = build_engine(
            distribution, onnx, gpu=gpu, timings=timings, progress=progress, cancelled=cancelled
        )
        try:
            cache.write(key, built.engine)
            if built.timings:
                cache.write(timing_key(distribution, gpu), built.timings)
        except BackendError as error:  # the engine is there: it only has to be built again
            logger.warning("%s", error)
        return built.engine


def _open_supported(distribution: TensorRtDistribution) -> Device:
    """The first GPU, if an engine can be built for it."""
    device = open_device(distribution)
    try:
        build_target(distribution, device.gpu)
    except BackendError:
        device.close()
        raise
    return device


class _opened:  # noqa: N801 - reads as a statement
    """A device for the length of a ``with``."""

    def __init__(self, distribution: TensorRtDistribution) -> None:
        self._device = _open_supported(distribution)

    def __enter__(self) -> Device:
        return self._device

    def __exit__(self, *_: object) -> None:
        self._device.close()


def _log_progress() -> ProgressCallback:
    """A callback that logs every tenth of the way."""
    shown = 0

    def log(fraction: float, phase: str) -> None:
        nonlocal shown
        if int(10 * fraction) > shown:
            shown = int(10 * fraction)
            logger.info("Compiling the network: %d %% (%s)", 10 * shown, phase)

    return log
