"""Human mesh recovery as a library: everything that a frame passes through, without Qt or torch.

::

    from hmr_live import Pipeline, read_image
    pipeline = Pipeline.open()
    bodies = pipeline.recover(read_image("photo.jpg"))

Each body is an :class:`.BodyState`; ``pipeline.vertices(bodies[0])`` is its mesh.
"""

from __future__ import annotations

import os

# ONNX Runtime reports the machine and its work to Microsoft and keeps an identifier of the machine
# in the home folder, unless it is told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import open_source, read_image
from hmr_live.core.errors import HmrLiveError
from hmr_live.core.state import BodyState, CropBox, Frame, FrameResult
from hmr_live.core.version import __version__
from hmr_live.live.session import LiveSession
from hmr_live.recovery.pipeline import Pipeline

__all__ = [
    "BodyModel",
    "BodyState",
    "CropBox",
    "Frame",
    "FrameResult",
    "HmrLiveError",
    "LiveSession",
    "Pipeline",
    "__version__",
    "open_source",
    "read_image",
]
