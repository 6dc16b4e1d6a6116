"""The back ends by name, in the order of preference, with the reason for each one's place.

The order holds until the back ends are timed on this machine (:mod:`hmr_live.backends.timing`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from hmr_live.backends.base import BackendModule


@dataclass(frozen=True)
class Entry:
    """One back end.

    Attributes
    ----------
    name
        What ``--backend`` takes.
    module
        Imported only when this back end is tried.
    reason
        Why it stands where it stands.
    install
        What a user does to get it, as an imperative.
    automatic
        Whether ``auto`` tries it.
    nvidia
        Whether it needs an NVIDIA GPU.
    system
        The one ``sys.platform`` that has it; empty for all.
    stand_ins
        Precisions whose validated variant it prefers to the named network, best first.
    """

    name: str
    module: str
    reason: str
    install: str
    automatic: bool = True
    nvidia: bool = False
    system: str = ""
    precision_variants: tuple[str, ...] = ()

    @property
    def exists_here(self) -> bool:
        """Whether this operating system can have it at all."""
        return self.system in ("", sys.platform)


_ONNX_RUNTIME = "hmr_live.backends.onnx_runtime"
_TENSORRT = "hmr_live.backends.tensorrt"

#: In the order in which ``auto`` tries them before they are timed.
_ENTRIES = (
    Entry(
        "tensorrt",
        _TENSORRT,
        "compiled for the NVIDIA GPU of this machine, the fastest there",
        "install the CUDA toolkit and pip install 'hmr-live[tensorrt]'",
        nvidia=True,
        precision_variants=("fp16",),
    ),
    Entry(
        "tensorrt-rtx",
        _TENSORRT,
        "the same for GeForce and RTX cards, without the CUDA toolkit",
        "pip install 'hmr-live[tensorrt-rtx]'",
        nvidia=True,
        precision_variants=("fp16",),
    ),
    Entry(
        "onnxruntime-cuda",
        _ONNX_RUNTIME,
        "an NVIDIA GPU without compiling first",
        "pip install onnxruntime-gpu in place of onnxruntime",
        nvidia=True,
    ),
    Entry(
        "onnxruntime-directml",
        _ONNX_RUNTIME,
        "any GPU on Windows",
        "pip install onnxruntime-directml in place of onnxruntime (Windows)",
        system="win32",
    ),
    Entry(
        "onnxruntime-coreml",
        _ONNX_RUNTIME,
        "the GPU of a Mac",
        "use macOS, where onnxruntime has it",
        system="darwin",
    ),
    Entry(
        "openvino",
        "hmr_live.backends.openvino_runtime",
        "the processor, before ONNX Runtime where neither is timed",
        "pip install 'hmr-live[openvino]'",
        precision_variants=("int8",),
    ),
    Entry(
        "onnxruntime",
        _ONNX_RUNTIME,
        "it runs on any processor",
        "pip install onnxruntime",
        precision_variants=("int8",),
    ),
    Entry(
        "onnxruntime-tensorrt",
        _ONNX_RUNTIME,
        "only by name: it compiles for minutes at every start and rounds to TF32",
        "pip install onnxruntime-gpu and the TensorRT it was built with",
        automatic=False,
        nvidia=True,
    ),
)
BACKENDS: Final = {entry.name: entry for entry in _ENTRIES}


def candidates() -> Sequence[Entry]:
    """What ``auto`` tries, in the order of preference without measured times."""
    return [entry for entry in BACKENDS.values() if entry.automatic and entry.exists_here]


def import_module(entry: Entry) -> BackendModule:
    """Import the module of a back end.

    Raises
    ------
    ImportError
        If its package is not installed.
    """
    return cast(BackendModule, importlib.import_module(entry.module))
