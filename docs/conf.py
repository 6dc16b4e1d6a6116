"""Sphinx configuration of the documentation: ``make docs`` builds it, warnings are errors."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
for package in ("engine", "app", "training"):
    sys.path.insert(0, str(ROOT / package))
sys.path.insert(0, str(DOCS / "_ext"))

from hmr_live.core.version import __version__  # noqa: E402

project = "hmr-live"
author = "the hmr-live authors"
copyright = "2026, the hmr-live authors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpy_docstrings",
    "angle_table",
    "benchmark_plots",
    "api_pages",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "hmr-live"
html_static_path = ["_static"]
html_show_sourcelink = False

# Docstrings say shapes and units, signatures say types (``numpy_docstrings``).
napoleon_google_docstring = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autodoc_type_aliases = {"Array": "Array", "Image": "Image"}
# Built against a CUDA toolkit that is not needed to read the pages.
autodoc_mock_imports = ["pycuda"]
