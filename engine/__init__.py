"""Human mesh recovery as a library: everything that a frame passes through, without Qt or torch.

from engine import Pipeline, read_image
pipeline = Pipeline.open()
bodies = pipeline.recover(read_image("photo.jpg"))

Each body is an :class:`engine.state.BodyState`; ``pipeline.vertices(bodies[0])`` is its mesh.
"""

from __future__ import annotations

import os

# ONNX Runtime reports the machine and its work to Microsoft and keeps a number of the machine in
# the home folder, unless it is told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from engine.body import BodyModel
from engine.errors import HmrLiveError
from engine.live import LiveSession
from engine.pipeline import Pipeline
from engine.sources import open_source, read_image
from engine.state import BodyState, Frame, FrameResult, Region

__all__ = [
    "BodyModel",
    "BodyState",
    "Frame",
    "FrameResult",
    "HmrLiveError",
    "LiveSession",
    "Pipeline",
    "Region",
    "open_source",
    "read_image",
]
