"""Human mesh recovery as a library: everything that a frame passes through, without Qt or torch.

from engine import Pipeline, read_image
pipeline = Pipeline.open()
bodies = pipeline.recover(read_image("photo.jpg"))

Each body is an :class:`engine.state.BodyState`; ``pipeline.vertices(bodies[0])`` is its mesh.
"""

from __future__ import annotations

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
