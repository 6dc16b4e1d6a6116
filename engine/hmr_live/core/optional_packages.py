"""Packages that only some features need, and the message when one is missing."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

from hmr_live.core.errors import HmrLiveError


def require_package(
    module: str, package: str, feature: str, *, extra: str, error: type[HmrLiveError]
) -> None:
    """Check that a module can be found, without importing it.

    Parameters
    ----------
    module, package
        Name to import, and name to install.
    feature
        What needs it: the subject of the message.
    extra
        The extra of hmr-live that installs it.
    error
        What to raise.

    Raises
    ------
    HmrLiveError
        An ``error`` that says what to install, if the module is missing.
    """
    if find_spec(module) is None:
        raise error(_message(package, feature, extra))


def import_package(
    module: str, package: str, feature: str, *, extra: str, error: type[HmrLiveError]
) -> ModuleType:
    """Import a module.

    Parameters
    ----------
    module, package, feature, extra, error
        See :func:`require_package`.

    Raises
    ------
    HmrLiveError
        An ``error`` that says what to install, if the module is missing or broken.
    """
    try:
        return importlib.import_module(module)
    except ImportError as reason:
        raise error(f"{_message(package, feature, extra)} ({reason})") from reason


def _message(package: str, feature: str, extra: str) -> str:
    return (
        f"{feature} needs the package {package}: install it with pip install 'hmr-live[{extra}]'."
    )
