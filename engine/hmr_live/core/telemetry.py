"""Imports of libraries that report their use to their makers, with the reports switched off.

``import openvino`` alone sends an event to Google Analytics and leaves a client identifier in the
home folder, and so does ``import nncf``.  No setting turns this off, short of a file in that same
folder.  Both work without the package that reports, so it is made to look as if not installed.
(ONNX Runtime has a setting, see :mod:`hmr_live`, and so has Ray, see
:mod:`hmr_live.batch.archive.cluster`.)
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final, cast

#: What OpenVINO and NNCF report with.
_TELEMETRY: Final = ("openvino_telemetry",)


def import_without_telemetry(name: str) -> Any:  # noqa: ANN401  (a module)
    """Import a library of Intel's so that it reports nothing, now or later.

    Parameters
    ----------
    name
        ``openvino`` or ``nncf``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    modules = cast("dict[str, object]", sys.modules)
    for package in _TELEMETRY:
        modules.setdefault(package, None)  # Python then takes it for not installed
    return importlib.import_module(name)
