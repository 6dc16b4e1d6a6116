"""The optional packages of the streams."""

from __future__ import annotations

from importlib.util import find_spec

from hmr_live.core.errors import StreamError


def require_package(module: str, package: str) -> None:
    """Raise :class:`StreamError`, naming what to install, where a module is missing.

    Parameters
    ----------
    module
        Name to import.
    package
        Name to install.
    """
    if find_spec(module) is None:
        raise StreamError(
            f"This stream needs the package {package}: install it with "
            "pip install 'hmr-live[streaming]'."
        )
