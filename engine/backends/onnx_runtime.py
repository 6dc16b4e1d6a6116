"""ONNX Runtime: on the processor, which is always there, and on what its wheel brings along.

``onnxruntime`` runs on the processor in float32.  ``onnxruntime-gpu`` adds CUDA and TensorRT,
``onnxruntime-directml`` DirectML on Windows; CoreML is in the wheel for macOS.  Of these only the
processor has been run by the authors: the options of the others follow the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from engine.backends.base import Array, BackendUnavailableError, first_line, image_input_shape
from engine.backends.variants import precision_label
from engine.errors import BackendError


@dataclass(frozen=True)
class Provider:
    """One of the runtime's execution providers.

    Attributes
    ----------
    key
        The runtime's name of it.
    label
        Where it runs, for people.
    options
        Chosen for float32 answers; speed comes second.
    """

    key: str
    label: str
    options: dict[str, str] = field(default_factory=dict)


CPU: Final = "CPUExecutionProvider"
PROVIDERS: Final = {
    "onnxruntime": Provider(CPU, "CPU"),
    # TF32 keeps 10 bits of the mantissa, as little as float16.  The exhaustive search for
    # algorithms would stall the first frame of every batch size.
    "onnxruntime-cuda": Provider(
        "CUDAExecutionProvider",
        "CUDA",
        {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
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


class OnnxRuntimeBackend:
    """A session of ONNX Runtime on one provider; what that cannot do runs on the processor."""

    def __init__(
        self, model: Path, session: onnxruntime.InferenceSession, name: str, threads: int
    ) -> None:
        self.name = name
        self._session: onnxruntime.InferenceSession | None = session
        self._threads = threads
        self._precision = precision_label(model)
        image = session.get_inputs()[0]
        self.input_shape = image_input_shape(model, image.shape)
        self._input = image.name
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, image: Array) -> dict[str, Array]:
        """See :meth:`engine.backends.base.Backend.run`."""
        if self._session is None:
            raise BackendError(f"{self.name} is closed: open the network again.")
        try:
            values = self._session.run(self._outputs, {self._input: np.asarray(image, np.float32)})
        except Exception as error:  # the runtime raises a family of its own, without a common base
            raise BackendError(f"{self.name} stopped working ({first_line(error)})") from error
        return dict(zip(self._outputs, values, strict=True))

    def describe(self) -> str:
        """See :meth:`engine.backends.base.Backend.describe`."""
        threads = f"{self._threads} thread{'s' if self._threads != 1 else ''}"
        where = f"{PROVIDERS[self.name].label}, {self._precision}"
        return f"ONNX Runtime {onnxruntime.__version__}, {where}, {threads}"

    def close(self) -> None:
        """See :meth:`engine.backends.base.Backend.close`."""
        self._session = None


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
    version(name)
    provider = PROVIDERS[name]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Within an inference waiting threads spin, which makes two threads a quarter faster; between
    # two of them they sleep, or they would take the core that the window draws with.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    if name == "onnxruntime-directml":
        options.enable_mem_pattern = False  # DirectML demands it
    if name in ("onnxruntime-cuda", "onnxruntime-tensorrt"):
        _load_cuda_libraries()
    providers: list[tuple[str, dict[str, str]]] = [(provider.key, provider.options)]
    if provider.key != CPU:
        providers.append((CPU, {}))
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=providers)
    except Exception as error:  # the runtime raises a family of its own, without a common base
        raise BackendError(f"{name} cannot load {model.name} ({first_line(error)})") from error
    # The runtime falls back to the processor without an error when a GPU's libraries are missing.
    if session.get_providers()[0] != provider.key:
        raise BackendUnavailableError(f"{name} finds no device, or its libraries are missing")
    return OnnxRuntimeBackend(model, session, name, threads)


def version(name: str = "onnxruntime") -> str:
    """Version of ONNX Runtime, if its wheel has the provider of this name.

    Raises
    ------
    ImportError
        If it has not: another wheel has.
    """
    if PROVIDERS[name].key not in onnxruntime.get_available_providers():
        raise ImportError(f"the installed ONNX Runtime has no {PROVIDERS[name].key}")
    return f"ONNX Runtime {onnxruntime.__version__}"


def _load_cuda_libraries() -> None:
    """Make the CUDA libraries of pip packages known; newer versions of the runtime offer it."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        preload()
