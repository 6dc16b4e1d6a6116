"""Inference back ends behind one small interface: one file each, imported only when chosen."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Final

from engine.backends.base import Backend
from engine.errors import BackendError

__all__ = ["BACKENDS", "Backend", "open_backend"]

logger = logging.getLogger(__name__)

#: Module of each back end, in the order in which ``auto`` tries them.
BACKENDS: Final = {"onnxruntime": "engine.backends.onnx_runtime"}


def open_backend(model: Path, *, name: str = "auto", threads: int = 1) -> Backend:
    """Load a network file into the named back end, or into the first that works.

    Parameters
    ----------
    model
        An ``.onnx`` file.
    name
        ``auto`` or a key of :data:`BACKENDS`.
    threads
        Threads that one inference may use.

    Raises
    ------
    BackendError
        If the name is unknown or no back end could load the network.
    """
    if name != "auto" and name not in BACKENDS:
        known = ", ".join(["auto", *BACKENDS])
        raise BackendError(f"There is no back end called {name!r}: choose one of {known}.")
    failures = []
    for candidate in BACKENDS if name == "auto" else [name]:
        try:
            module = importlib.import_module(BACKENDS[candidate])
            backend: Backend = module.load(model, threads=threads)
        except ImportError as error:
            failures.append(f"{candidate} is not installed ({error})")
        except BackendError as error:
            failures.append(str(error))
        else:
            logger.info("%s runs on %s", model.name, backend.describe())
            return backend
    raise BackendError(f"The network {model.name} cannot be run: {'; '.join(failures)}.")
