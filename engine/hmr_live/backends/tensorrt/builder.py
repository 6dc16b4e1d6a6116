"""ONNX -> engine: the one place that talks to TensorRT's builder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hmr_live.backends.base import BackendUnavailableError, Untyped
from hmr_live.backends.tensorrt.device import GpuIdentity
from hmr_live.backends.tensorrt.distribution import TensorRtDistribution
from hmr_live.core.errors import BackendError

#: Largest batch of an engine; more crops go through in several batches.
MAX_BATCH: Final = 8
_WORKSPACE_BYTES = 1 << 30

#: Called with the fraction that is done, 0 to 1, and the name of the step at work, from any thread.
ProgressCallback = Callable[[float, str], None]


@dataclass(frozen=True)
class BuiltEngine:
    """What a build leaves: the engine, and measurements that speed up the next build."""

    engine: bytes
    timings: bytes


def build_engine(
    distribution: TensorRtDistribution,
    onnx: bytes,
    *,
    gpu: GpuIdentity,
    timings: bytes = b"",
    progress: ProgressCallback | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> BuiltEngine:
    """Compile a network for batches of 1 to :data:`MAX_BATCH`, best for 1.

    Parameters
    ----------
    distribution
        Which TensorRT.
    onnx
        Content of the file.  Its tensor types are kept as they are (a strongly typed network).
    gpu
        The GPU to build for.
    timings
        What an earlier build with the same TensorRT and GPU returned.
    progress, cancelled
        ``cancelled`` is asked between the steps of the builder; true ends the build.

    Raises
    ------
    BackendUnavailableError
        If this TensorRT does not support the GPU.
    BackendError
        If the network cannot be parsed or built, or the build was cancelled.
    """
    trt = distribution.trt
    builder = trt.Builder(distribution.log)
    if builder is None:
        raise BackendUnavailableError(
            f"{distribution.label} cannot start ({distribution.log.last_error})"
        )
    # TensorRT 10 must be asked for this; 11 and the RTX distribution always do it.
    strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(strongly_typed)
    parser = trt.OnnxParser(network, distribution.log)
    if not parser.parse(onnx):
        reason = parser.get_error(0).desc() if parser.num_errors else distribution.log.last_error
        raise BackendError(f"{distribution.label} cannot read the network ({reason})")
    config = builder.create_builder_config()
    _set_target(config, distribution, gpu)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    # TF32 keeps as few bits as float16: what the file calls float32 has to stay that.
    config.clear_flag(trt.BuilderFlag.TF32)
    _add_profile(builder, network, config)
    cache = None
    if not distribution.for_rtx:
        cache = config.create_timing_cache(timings)
        config.set_timing_cache(cache, ignore_mismatch=False)
    # Must outlive the build, hence the name.
    monitor = _make_monitor(trt, _Progress(progress), cancelled)
    config.progress_monitor = monitor
    serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        if cancelled is not None and cancelled():
            raise BackendError("The compilation was cancelled.")
        raise BackendError(
            f"{distribution.label} cannot compile the network ({distribution.log.last_error})"
        )
    kept = bytes(memoryview(config.get_timing_cache().serialize())) if cache is not None else b""
    return BuiltEngine(bytes(memoryview(serialized)), kept)


def build_target(distribution: TensorRtDistribution, gpu: GpuIdentity) -> Untyped:
    """TensorRT for RTX's name of a GPU; None for plain TensorRT, which builds where it runs.

    Raises
    ------
    BackendUnavailableError
        If TensorRT for RTX cannot build for the GPU.
    """
    if not distribution.for_rtx:
        return None
    name = "SM" + gpu.compute_capability.replace(".", "")
    target = getattr(distribution.trt.ComputeCapability, name, None)
    if target is None:
        raise BackendUnavailableError(
            f"{distribution.label} {distribution.version} does not support {gpu.name} "
            f"(compute capability {gpu.compute_capability})"
        )
    return target


def _set_target(config: Untyped, distribution: TensorRtDistribution, gpu: GpuIdentity) -> None:
    target = build_target(distribution, gpu)
    if target is None:
        return
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(target, 0):
        raise BackendError(
            f"{distribution.label} refuses to build for {gpu.name} ({distribution.log.last_error})"
        )


def _add_profile(builder: Untyped, network: Untyped, config: Untyped) -> None:
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        given = network.get_input(number)
        rest = tuple(given.shape)[1:]
        if any(size < 1 for size in rest):
            raise BackendError(f"The network's input {given.name} has no fixed size: {given.shape}")
        profile.set_shape(given.name, (1, *rest), (1, *rest), (MAX_BATCH, *rest))
    if config.add_optimization_profile(profile) < 0:
        raise BackendError("The network's batch is fixed: export it with a free one")


class _Progress:
    """Nested phases of the builder -> one fraction that only grows."""

    def __init__(self, callback: ProgressCallback | None) -> None:
        self._callback = callback
        # Phases report from several threads of the builder.
        self._lock = threading.Lock()
        self._phases: dict[str, tuple[str | None, int, int]] = {}
        self._reached = 0.0

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        with self._lock:
            self._phases[phase] = (parent, max(steps, 1), 0)

    def step(self, phase: str, step: int) -> None:
        with self._lock:
            parent, steps, _ = self._phases.get(phase, (None, 1, 0))
            self._phases[phase] = (parent, steps, step + 1)
            fraction = self._fraction(phase)
            if self._callback is None or fraction <= self._reached:
                return
            self._reached = fraction
        self._callback(fraction, phase)

    def finish(self, phase: str) -> None:
        with self._lock:
            self._phases.pop(phase, None)

    def _fraction(self, phase: str) -> float:
        """Fraction of the outermost phase, given what its parts have done."""
        inside = 0.0
        name: str | None = phase
        while name is not None and name in self._phases:
            parent, steps, done = self._phases[name]
            inside = min((done + inside) / steps, 1.0)
            name = parent
        return inside


def _make_monitor(
    trt: Untyped, progress: _Progress, cancelled: Callable[[], bool] | None
) -> Untyped:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # a package without types
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            progress.step(phase_name, step)
            return cancelled is None or not cancelled()

        def phase_finish(self, phase_name: str) -> None:
            progress.finish(phase_name)

    return Monitor()
