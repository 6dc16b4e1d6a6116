"""Inference back ends behind one small interface: one file each, imported only when chosen."""

from __future__ import annotations

import logging
from pathlib import Path

from hmr_live.backends.automatic import AutomaticBackend
from hmr_live.backends.base import Backend, BackendUnavailableError, check_outputs
from hmr_live.backends.choice import choices, network_for, split_choice
from hmr_live.backends.registry import BACKENDS, Entry, candidates, import_module
from hmr_live.backends.timing import Timings
from hmr_live.core.errors import BackendError

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendUnavailableError",
    "Entry",
    "choices",
    "open_backend",
    "split_choice",
]

logger = logging.getLogger(__name__)


def open_backend(
    model: Path, *, name: str = "auto", threads: int = 1, timings: Timings | None = None
) -> Backend:
    """Load a network file into the named back end, or into the best that works.

    Parameters
    ----------
    model
        An ``.onnx`` file.
    name
        ``auto`` or a key of :data:`BACKENDS`, with a precision if wanted (see
        :mod:`hmr_live.backends.choice`).  ``auto`` continues with the next one if a device is
        lost; a named back end is never replaced silently.
    threads
        Threads that one inference may use.
    timings
        Measured times, by which ``auto`` takes the fastest; without them it takes the first that
        works in the order of :data:`BACKENDS`.

    Raises
    ------
    BackendError
        If the name is unknown or no back end could load the network.
    """
    name, precision = split_choice(name)
    if name == "auto":
        entries = (timings or Timings()).in_order(candidates(), model.stem)
        backend: Backend = AutomaticBackend(model, entries, threads=threads, precision=precision)
    elif name in BACKENDS:
        entry = BACKENDS[name]
        backend = _open_named(network_for(model, entry, precision), entry, threads)
    else:
        known = ", ".join(["auto", *sorted(BACKENDS)])
        raise BackendError(f"There is no back end called {name!r}: choose one of {known}.")
    logger.info("%s runs on %s", model.name, backend.describe())
    return backend


def _open_named(model: Path, entry: Entry, threads: int) -> Backend:
    try:
        backend = import_module(entry).load(model, threads=threads, name=entry.name)
        check_outputs(backend, model)
    except ImportError as error:
        raise BackendError(
            f"{entry.name} is not installed ({error}): {entry.install}, or leave out --backend."
        ) from error
    except BackendUnavailableError as error:
        raise BackendError(
            f"{entry.name} cannot be used here ({error}): choose another or leave out --backend."
        ) from error
    except BackendError as error:
        raise BackendError(
            f"The network {model.name} cannot be run: {str(error).rstrip('.')}."
        ) from error
    return backend
