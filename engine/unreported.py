"""Imports of libraries that report their use to their makers, without the reports.

``import openvino`` alone sends an event to Google Analytics and leaves the client's number in the
home folder, and so does ``import nncf``.  No setting turns this off, short of a file in that same
folder.  Both do without the package that reports where it is missing, so it is made missing.
(ONNX Runtime has a setting, see :mod:`engine`, and Ray too, see :mod:`engine.archive.cluster`.)
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final, cast

#: What OpenVINO and NNCF report with.
_REPORTERS: Final = ("openvino_telemetry",)


def import_unreported(name: str) -> Any:  # noqa: ANN401  (a module)
    """Import a library of Intel's that then reports nothing, now or later.

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
    for reporter in _REPORTERS:
        modules.setdefault(reporter, None)  # Python then takes it for not installed
    return importlib.import_module(name)
