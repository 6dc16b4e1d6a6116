"""Packages that only some formats need."""

from __future__ import annotations

import importlib
from types import ModuleType

from hmr_live.core.errors import ExportError


def require(module: str, package: str, purpose: str) -> ModuleType:
    """Import a module of an optional package.

    Parameters
    ----------
    module, package
        What is imported, and what pip calls it.
    purpose
        What needs it, for the sentence.

    Raises
    ------
    ExportError
        When it is not installed, or broken.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ExportError(
            f"{purpose} needs the package {package}, which is missing here ({error}): "
            "pip install 'hmr-live[export]'."
        ) from error
