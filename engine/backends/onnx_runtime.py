"""ONNX Runtime on the processor: the back end that is always there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from engine.backends.base import Array
from engine.errors import BackendError


class OnnxRuntimeBackend:
    """A session of ONNX Runtime's CPU provider in float32."""

    name = "onnxruntime"

    def __init__(self, session: onnxruntime.InferenceSession, threads: int) -> None:
        self._session = session
        self._threads = threads
        self._input = session.get_inputs()[0].name
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, image: Array) -> dict[str, Array]:
        """See :meth:`engine.backends.base.Backend.run`."""
        values = self._session.run(self._outputs, {self._input: np.asarray(image, np.float32)})
        return dict(zip(self._outputs, values, strict=True))

    def describe(self) -> str:
        """See :meth:`engine.backends.base.Backend.describe`."""
        threads = f"{self._threads} thread{'s' if self._threads != 1 else ''}"
        return f"ONNX Runtime {onnxruntime.__version__}, CPU, float32, {threads}"


def load(model: Path, *, threads: int) -> OnnxRuntimeBackend:
    """Load an ``.onnx`` file.

    Raises
    ------
    BackendError
        If ONNX Runtime refuses the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads must sleep: spinning takes the core that the window draws with.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime raises a family of its own, without a common base
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise BackendError(f"ONNX Runtime cannot load {model.name} ({first_line})") from error
    return OnnxRuntimeBackend(session, threads)
