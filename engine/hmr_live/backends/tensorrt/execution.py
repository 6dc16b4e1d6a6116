"""Run a compiled engine: fixed buffers, one stream, a CUDA graph where there are graphs.

Never run by the authors on a GPU; the buffer handling is tested on a stand-in for its memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.backends.base import (
    FOCAL,
    Array,
    Untyped,
    image_input,
    image_input_shape,
    required_focal,
)
from hmr_live.backends.precision_variants import precision_label
from hmr_live.backends.tensorrt.builder import MAX_BATCH
from hmr_live.backends.tensorrt.device import CudaGraph, Device
from hmr_live.backends.tensorrt.distribution import TensorRtDistribution
from hmr_live.core.errors import BackendError

#: Batches of one size in a row after which their work is recorded as a graph.
_RUNS_BEFORE_CAPTURE: Final = 3


@dataclass(frozen=True)
class _Tensor:
    """An input or output: its page-locked array, as large as the largest batch, and its address."""

    name: str
    host: NDArray[np.float32]
    address: int


class TensorRtBackend:
    """An engine on the GPU.  Nothing is allocated for a frame but the arrays that are returned.

    Raises
    ------
    BackendError
        If TensorRT refuses the engine or the GPU has too little memory.
    """

    def __init__(
        self, model: Path, engine: bytes, distribution: TensorRtDistribution, device: Device
    ) -> None:
        self.name = distribution.name
        self._distribution = distribution
        self._device = device
        self._precision = precision_label(model)
        self._batch = 0
        self._steady = 0
        self._graph: CudaGraph | None = None
        self._graphs_allowed = not distribution.for_rtx
        with device.current():
            self._runtime = distribution.trt.Runtime(distribution.log)
            self._engine = self._runtime.deserialize_cuda_engine(engine)
            if self._engine is None:
                raise BackendError(
                    f"{distribution.label} cannot load the compiled {model.name} "
                    f"({distribution.log.last_error})"
                )
            self._context = self._make_context()
            self._allocate(model)

    def _make_context(self) -> Untyped:
        if self._distribution.for_rtx:
            # It compiles better kernels behind a frame's back and knows when they are in place,
            # so it records its own graphs; one of ours would keep the first kernels.
            config = self._engine.create_runtime_config()
            strategy = self._distribution.trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            config.cuda_graph_strategy = strategy
            context = self._engine.create_execution_context(config)
        else:
            context = self._engine.create_execution_context()
        if context is None:
            raise BackendError(
                f"The GPU's memory does not suffice ({self._distribution.log.last_error})"
            )
        return context

    def _allocate(self, model: Path) -> None:
        trt, engine, context = self._distribution.trt, self._engine, self._context
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        outputs = [n for n in names if n not in inputs]
        for name in names:
            if engine.get_tensor_dtype(name) != trt.DataType.FLOAT:
                raise BackendError(f"{model.name} does not give {name} as float32")
        image = image_input(model, inputs)
        self.input_shape = image_input_shape(model, list(engine.get_tensor_shape(image)))
        self.reads_focal = FOCAL in inputs
        shapes = {image: self.input_shape} | ({FOCAL: (1,)} if self.reads_focal else {})
        self._inputs = [self._tensor(n, (MAX_BATCH, *shape)) for n, shape in shapes.items()]
        self._set_batch(MAX_BATCH)
        self._outputs = [self._tensor(n, tuple(context.get_tensor_shape(n))) for n in outputs]

    def _tensor(self, name: str, shape: tuple[int, ...]) -> _Tensor:
        host = self._device.pinned(shape)
        tensor = _Tensor(name, host, self._device.allocate(host.nbytes))
        if not self._context.set_tensor_address(name, tensor.address):
            raise BackendError(
                f"{self._distribution.label} refuses the memory for {name} "
                f"({self._distribution.log.last_error})"
            )
        return tensor

    def run(self, image: Array, focal: Array | None = None) -> dict[str, Array]:
        """See :meth:`hmr_live.backends.base.Backend.run`; larger batches run in parts."""
        given = [image]
        if self.reads_focal:
            given.append(required_focal(self, len(image), focal))
        starts = range(0, len(image), MAX_BATCH)
        with self._device.current():
            answers = [self._run_part([g[i : i + MAX_BATCH] for g in given]) for i in starts]
        if len(answers) == 1:
            return answers[0]
        return {name: np.concatenate([a[name] for a in answers]) for name in answers[0]}

    def _run_part(self, given: Sequence[Array]) -> dict[str, Array]:
        n = len(given[0])
        if n != self._batch:
            self._drop_graph()
            self._set_batch(n)
            self._batch, self._steady = n, 0
        for tensor, values in zip(self._inputs, given, strict=True):
            tensor.host[:n] = values
        if self._graph is None and self._graphs_allowed and self._steady == _RUNS_BEFORE_CAPTURE:
            self._record()
        if self._graph is not None:
            self._graph.launch()
        else:
            self._queue()
        self._device.synchronize()
        self._steady += 1
        return {tensor.name: tensor.host[:n].copy() for tensor in self._outputs}

    def _queue(self) -> None:
        """Queue one batch: copy in, run, copy out."""
        n = self._batch
        for tensor in self._inputs:
            self._device.upload(tensor.address, tensor.host[:n])
        if not self._context.execute_async_v3(self._device.stream):
            raise BackendError(
                f"{self._distribution.label} failed ({self._distribution.log.last_error})"
            )
        for tensor in self._outputs:
            self._device.download(tensor.host[:n], tensor.address)

    def _record(self) -> None:
        """Try to record the work as a graph; what cannot be recorded is queued as before."""
        try:
            self._graph = self._device.record(self._queue)
        except BackendError:
            self._graph = None
        self._graphs_allowed = self._graph is not None

    def _set_batch(self, n: int) -> None:
        for tensor in self._inputs:
            if not self._context.set_input_shape(tensor.name, (n, *tensor.host.shape[1:])):
                raise BackendError(f"{self._distribution.label} refuses a batch of {n}")

    def _drop_graph(self) -> None:
        if self._graph is not None:
            self._graph.close()
        self._graph = None

    def describe(self) -> str:
        """See :meth:`hmr_live.backends.base.Backend.describe`."""
        distribution = f"{self._distribution.label} {self._distribution.version}"
        return f"{distribution}, {self._device.gpu.name}, {self._precision}"

    def close(self) -> None:
        """See :meth:`hmr_live.backends.base.Backend.close`."""
        # A lost GPU has nothing left to give back.
        with contextlib.suppress(BackendError), self._device.current():
            self._drop_graph()
            self._context = self._engine = self._runtime = None
            del self._inputs, self._outputs  # page-locked memory is freed in its context
        self._device.close()
