"""The two packages called TensorRT, and what differs between them."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from hmr_live.backends.base import BackendUnavailableError, Untyped, first_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TensorRtDistribution:
    """An imported TensorRT.

    Attributes
    ----------
    name
        The back end's name.
    label
        The product's name.
    trt
        The imported package.
    log
        The package's logger; one for the process, as TensorRT requires.
    devices
        Names of the CUDA bindings, the preferred one first.
    for_rtx
        TensorRT for RTX builds for a stated GPU without measuring on it, and finishes the kernels
        when the engine is loaded.
    """

    name: str
    label: str
    trt: Any
    log: Any
    devices: tuple[str, ...]
    for_rtx: bool

    @property
    def version(self) -> str:
        """Version of the package."""
        return str(self.trt.__version__)


#: Back end -> (package, product, CUDA bindings, for RTX).
_DISTRIBUTIONS: Final = {
    "tensorrt": ("tensorrt", "TensorRT", ("pycuda", "cuda-python"), False),
    "tensorrt-rtx": ("tensorrt_rtx", "TensorRT for RTX", ("cuda-python", "pycuda"), True),
}


@cache
def open_distribution(name: str) -> TensorRtDistribution:
    """Import the package of a distribution.

    Raises
    ------
    ImportError
        If it is not installed.
    BackendUnavailableError
        If it is installed but its libraries do not load.
    """
    package, label, devices, for_rtx = _DISTRIBUTIONS[name]
    try:
        trt = importlib.import_module(package)
    except ImportError:
        raise
    except Exception as error:  # a missing shared library ends in one of many errors
        raise BackendUnavailableError(f"{label} does not load ({first_line(error)})") from error
    return TensorRtDistribution(name, label, trt, _make_logger(trt), devices, for_rtx)


def _make_logger(trt: Untyped) -> Untyped:
    """Log TensorRT's messages through Python's logging, and keep the last error."""

    class Logger(trt.ILogger):  # type: ignore[misc]  # a class of a package without types
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last_error = ""

        def log(self, severity: Untyped, message: str) -> None:
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self.last_error = message
                logger.info("%s", message)
            else:
                logger.debug("%s", message)

    return Logger()
