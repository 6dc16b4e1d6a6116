"""ONNX Runtime: on the processor, which is always there, and on what its wheel brings along.

``onnxruntime`` runs on the processor in float32.  ``onnxruntime-gpu`` adds CUDA and TensorRT,
``onnxruntime-directml`` DirectML on Windows; CoreML is in the wheel for macOS.  Of these only the
processor and CUDA have been run by the authors: the options of the others follow the documentation.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from hmr_live.backends.base import (
    FOCAL,
    Array,
    BackendUnavailableError,
    first_line,
    image_input,
    image_input_shape,
    required_focal,
)
from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.backends.precision_variants import precision_label
from hmr_live.core.errors import BackendError

logger = logging.getLogger(__name__)

# For whoever imported it before the engine, which tells it so beforehand.
onnxruntime.disable_telemetry_events()


@dataclass(frozen=True)
class Provider:
    """One of the runtime's execution providers.

    Attributes
    ----------
    key
        The runtime's name of it.
    label
        Where it runs, for display.
    options
        Chosen for float32 answers; speed comes second.
    single
        Whether single images get a session of their own with a fixed batch size.
    steady
        Whether batches are filled up to sizes that were there before.
    """

    key: str
    label: str
    options: dict[str, str] = field(default_factory=dict)
    single: bool = False
    fixed_batch: bool = False


CPU: Final = "CPUExecutionProvider"
PROVIDERS: Final = {
    # With a fixed batch of one, the runtime can compute the shapes in advance and lay the
    # tensors out better: 4 to 10 % faster.  Most frames show one person.
    "onnxruntime": Provider(CPU, "CPU", single=True),
    # TF32 keeps 10 bits of the mantissa, as little as float16.  Algorithms are searched for at
    # every change of the batch's size, half a second to two and a half on an H200, back to a former
    # size too; even a batch of eight takes hardly longer than one image.
    "onnxruntime-cuda": Provider(
        "CUDAExecutionProvider",
        "CUDA",
        {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
        single=True,
        fixed_batch=True,
    ),
    # This provider has no switch for TF32, and it builds its engine at every start.
    "onnxruntime-tensorrt": Provider("TensorrtExecutionProvider", "TensorRT (TF32)"),
    # The neural engine computes in float16 only, so it is left out.
    "onnxruntime-coreml": Provider(
        "CoreMLExecutionProvider",
        "CoreML",
        {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU"},
    ),
    "onnxruntime-directml": Provider("DmlExecutionProvider", "DirectML"),
}
_NVIDIA: Final = ("onnxruntime-cuda", "onnxruntime-tensorrt")


class OnnxRuntimeBackend:
    """A network on one provider; what that cannot do runs on the processor.

    Parameters
    ----------
    model
        The file.
    session
        Takes batches of any size.
    single
        Runs single images, where that is worth a session of its own; else the same session.
    name, threads
        As in :func:`load`.
    """

    def __init__(
        self,
        model: Path,
        session: onnxruntime.InferenceSession,
        single: onnxruntime.InferenceSession,
        name: str,
        threads: int,
    ) -> None:
        self.name = name
        self._session: onnxruntime.InferenceSession | None = session
        self._single: onnxruntime.InferenceSession | None = single
        self._threads = threads
        self._fixed_batch = PROVIDERS[name].fixed_batch
        self._filled = 1
        self._precision = precision_label(model)
        inputs = {given.name: given for given in session.get_inputs()}
        self._input = image_input(model, list(inputs))
        self.input_shape = image_input_shape(model, inputs[self._input].shape)
        self.reads_focal = FOCAL in inputs
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, image: Array, focal: Array | None = None) -> dict[str, Array]:
        """See :meth:`hmr_live.backends.base.Backend.run`."""
        count = len(image)
        session = self._single if count == 1 else self._session
        if session is None:
            raise BackendError(f"{self.name} is closed: open the network again.")
        given = {self._input: np.asarray(image, np.float32)}
        if self.reads_focal:
            given[FOCAL] = required_focal(self, count, focal)
        if self._fixed_batch and count > 1:
            given = {name: self._padded(values) for name, values in given.items()}
        try:
            values = session.run(self._outputs, given)
        except Exception as error:  # the runtime raises a family of its own, without a common base
            raise BackendError(f"{self.name} stopped working ({first_line(error)})") from error
        return {name: value[:count] for name, value in zip(self._outputs, values, strict=True)}

    def _padded(self, values: Array) -> Array:
        """The batch repeated up to a power of two, or to the size of the largest one so far."""
        self._filled = max(self._filled, 1 << (len(values) - 1).bit_length())
        return np.resize(values, (self._filled, *values.shape[1:]))

    def describe(self) -> str:
        """See :meth:`hmr_live.backends.base.Backend.describe`."""
        threads = f"{self._threads} thread{'s' if self._threads != 1 else ''}"
        where = f"{PROVIDERS[self.name].label}, {self._precision}"
        return f"ONNX Runtime {onnxruntime.__version__}, {where}, {threads}"

    def close(self) -> None:
        """See :meth:`hmr_live.backends.base.Backend.close`."""
        self._session = self._single = None


def load(model: Path, *, threads: int, name: str = "onnxruntime") -> OnnxRuntimeBackend:
    """Load an ``.onnx`` file.

    Raises
    ------
    ImportError
        If the installed wheel lacks the provider.
    BackendUnavailableError
        If the provider finds no device, or its libraries are missing.
    BackendError
        If ONNX Runtime refuses the file.
    """
    provider = _provider(name)
    if name in _NVIDIA:
        _load_cuda_libraries()
    try:
        session = single = _session(model, name, threads)
        batch = session.get_inputs()[0].shape[0]
        if provider.single and isinstance(batch, str):
            single = _session(model, name, threads, fixed={batch: 1})
    except Exception as error:  # the runtime raises a family of its own, without a common base
        raise BackendError(f"{name} cannot load {model.name} ({first_line(error)})") from error
    # The runtime falls back to the processor without an error when a GPU's libraries are missing.
    if session.get_providers()[0] != provider.key:
        raise BackendUnavailableError(f"{name} finds no device, or its libraries are missing")
    return OnnxRuntimeBackend(model, session, single, name, threads)


def _session(
    model: Path, name: str, threads: int, fixed: Mapping[str, int] | None = None
) -> onnxruntime.InferenceSession:
    """Open a session; ``fixed`` gives free dimensions of the network their sizes."""
    provider = PROVIDERS[name]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Within an inference waiting threads spin, which makes two threads a quarter faster; between
    # two of them they sleep, or they would take the core that the window draws with.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    for dimension, size in (fixed or {}).items():
        options.add_free_dimension_override_by_name(dimension, size)
    if name == "onnxruntime-directml":
        options.enable_mem_pattern = False  # DirectML demands it
    providers: list[tuple[str, dict[str, str]]] = [(provider.key, provider.options)]
    if provider.key != CPU:
        providers.append((CPU, {}))
    return onnxruntime.InferenceSession(str(model), options, providers=providers)


def version(name: str = "onnxruntime") -> str:
    """Version of ONNX Runtime, if its wheel has the provider of this name.

    Raises
    ------
    ImportError
        If it has not: another wheel has.
    BackendUnavailableError
        If it needs an NVIDIA GPU and there is none.
    """
    _provider(name)
    if name in _NVIDIA and not nvidia_gpus():
        raise BackendUnavailableError("nvidia-smi lists no NVIDIA GPU")
    return f"ONNX Runtime {onnxruntime.__version__}"


def _provider(name: str) -> Provider:
    """The provider of this name, if the installed wheel has it."""
    provider = PROVIDERS[name]
    if provider.key not in onnxruntime.get_available_providers():
        raise ImportError(f"the installed ONNX Runtime has no {provider.key}")
    return provider


def _load_cuda_libraries() -> None:
    """Make the CUDA libraries of pip packages known; newer versions of the runtime offer it."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    # It prints what it misses, and standard output is for the program's own answers.
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        preload()
    for line in printed.getvalue().splitlines():
        logger.info("%s", line)
