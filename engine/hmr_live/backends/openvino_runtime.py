"""OpenVINO on the processor, in float32: the faster one of the two on most processors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hmr_live.backends.base import (
    FOCAL,
    Array,
    Untyped,
    first_line,
    image_input,
    image_input_shape,
    required_focal,
)
from hmr_live.backends.precision_variants import precision_label
from hmr_live.core.errors import BackendError
from hmr_live.core.telemetry import import_without_telemetry

openvino = import_without_telemetry("openvino")


class OpenVinoBackend:
    """A network compiled for a batch of one.

    With a free batch dimension the same network takes half as long again, and compiling for a
    second batch size would stall the video for a second: a batch runs one by one.
    """

    name = "openvino"

    def __init__(
        self, model: Path, compiled: Untyped, outputs: Sequence[str], threads: int
    ) -> None:
        self._threads = threads
        self._precision = precision_label(model)
        self._request = compiled.create_infer_request()
        self._outputs = outputs
        inputs = [each.get_any_name() for each in compiled.inputs]
        self._input = image_input(model, inputs)
        self.reads_focal = FOCAL in inputs
        shape = compiled.input(self._input).shape
        self.input_shape = image_input_shape(model, [int(d) for d in shape])

    def run(self, image: Array, focal: Array | None = None) -> dict[str, Array]:
        """See :meth:`hmr_live.backends.base.Backend.run`."""
        if self._request is None:
            raise BackendError(f"{self.name} is closed: open the network again.")
        given = {self._input: np.ascontiguousarray(image, np.float32)}
        if self.reads_focal:
            given[FOCAL] = required_focal(self, len(image), focal)
        rows: list[list[Array]] = []
        try:
            for i in range(len(image)):
                one = {name: values[i : i + 1] for name, values in given.items()}
                # The outputs are copies: the request's own memory changes with the next crop.
                answer = self._request.infer(one, share_inputs=True)
                rows.append(list(answer.to_tuple()))
        except Exception as error:  # the runtime raises plain RuntimeErrors and others
            raise BackendError(f"{self.name} stopped working ({first_line(error)})") from error
        if len(rows) == 1:
            return dict(zip(self._outputs, rows[0], strict=True))
        columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
        return dict(zip(self._outputs, columns, strict=True))

    def describe(self) -> str:
        """See :meth:`hmr_live.backends.base.Backend.describe`."""
        threads = f"{self._threads} thread{'s' if self._threads != 1 else ''}"
        return f"{version()}, CPU, {self._precision}, {threads}"

    def close(self) -> None:
        """See :meth:`hmr_live.backends.base.Backend.close`."""
        self._request = None


def load(model: Path, *, threads: int, name: str = "openvino") -> OpenVinoBackend:
    """Load an ``.onnx`` file.

    Raises
    ------
    BackendError
        If OpenVINO refuses the file.
    """
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        # Left alone, OpenVINO computes in bfloat16 where the processor can, and that moves the
        # joints of the shipped network by 48 mm in the mean, of others by up to 176 mm.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        # A pinned thread cannot make room for the window's thread on the same core.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        core = openvino.Core()
        network = core.read_model(str(model))
        # Compiling merges tensors, and a merged output answers to either name: ask before.
        outputs = [output.get_any_name() for output in network.outputs]
        inputs = [each.get_any_name() for each in network.inputs]
        image = image_input(model, inputs)
        shape = network.input(image).partial_shape
        sizes = [d.get_length() if d.is_static else -1 for d in shape]
        shapes = {image: [1, *image_input_shape(model, sizes)], FOCAL: [1, 1]}
        network.reshape({name: shapes[name] for name in inputs})
        compiled = core.compile_model(network, "CPU", settings)
    except BackendError:
        raise
    except Exception as error:  # the runtime raises plain RuntimeErrors and others
        raise BackendError(f"{name} cannot load {model.name} ({first_line(error)})") from error
    return OpenVinoBackend(model, compiled, outputs, threads)


def version(name: str = "openvino") -> str:
    """Version of OpenVINO without its build number."""
    return f"OpenVINO {str(openvino.__version__).split('-', maxsplit=1)[0]}"
