"""One frame of a take, in memory and as the bytes of a frame chunk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS
from hmr_live.core.state import BodyState, FrameResult

Records = NDArray[np.void]

#: Record at the beginning of every frame chunk.
FRAME_DTYPE: Final = np.dtype(
    [("number", "<u4"), ("frame_index", "<i8"), ("time", "<f8"), ("unix_time", "<f8")]
)

#: Record of each person; see :class:`hmr_live.takes.take.Motion` for units and frames.
BODY_DTYPE: Final = np.dtype(
    [
        ("person", "<i4"),
        ("measured", "?"),
        ("pose", "<f4", (NUM_JOINTS, 3)),
        ("betas", "<f4", (NUM_BETAS,)),
        ("transl", "<f4", (3,)),
        ("focal_length", "<f4"),
        ("camera", "<f4", (3,)),
        ("region", "<f4", (4,)),
        ("joints", "<f4", (NUM_JOINTS, 3)),
        ("confidence", "<f4", (NUM_JOINTS,)),
        ("score", "<f4"),
    ]
)

#: Fields of :data:`BODY_DTYPE` that have another name in :class:`~hmr_live.takes.take.Motion`.
#: Their names in the file stay, so that takes of earlier versions open.
ATTRIBUTES: Final = {"person": "track_id", "region": "crop_box"}

#: Payload of a video chunk: number and time of a frame of the video.
VIDEO_DTYPE: Final = np.dtype([("number", "<u4"), ("time", "<f8")])


@dataclass(frozen=True, slots=True)
class TakeFrame:
    """A processed frame without its image, as the recorder keeps it.

    Attributes
    ----------
    time, unix_time
        When it was grabbed: seconds on the take's clock, and on the wall clock since 1970.
    frame_index
        Index of the frame at its source.
    bodies
        The people in it.
    """

    time: float
    unix_time: float
    frame_index: int
    bodies: tuple[BodyState, ...]

    @classmethod
    def of(cls, result: FrameResult, *, live: bool) -> TakeFrame:
        """Make it from a result.

        Parameters
        ----------
        result
            The pipeline's result.
        live
            Whether its time is on the monotonic clock; if not, the wall clock of this call is used.
        """
        frame = result.frame
        age = time.monotonic() - frame.time if live else 0.0
        return cls(frame.time, time.time() - age, frame.index, result.bodies)


def body_records(bodies: tuple[BodyState, ...]) -> Records:
    """Records ``(n,)`` of :data:`BODY_DTYPE` for the people of one frame."""
    records = np.zeros(len(bodies), BODY_DTYPE)
    for place, body in enumerate(bodies):
        crop_box = body.crop_box
        values: dict[str, Any] = {
            "person": body.track_id,
            "measured": body.measured,
            "pose": axis_angle_from_matrix(body.rotmats),
            "betas": body.betas,
            "transl": body.transl,
            "focal_length": body.focal_length,
            "camera": body.camera,
            "region": (crop_box.cx, crop_box.cy, crop_box.side, crop_box.angle),
            "joints": body.joints,
            "confidence": body.confidence,
            "score": body.score,
        }
        for name, value in values.items():
            records[name][place] = value
    return records
