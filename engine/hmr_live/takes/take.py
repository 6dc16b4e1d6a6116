"""A take in memory: the SMPL parameters of each person over time, with markers.

The conventions (joint order, frames, units, time) are those of :mod:`hmr_live.body.skeleton`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """One person's motion: T frames in the order of time.

    Attributes
    ----------
    track_id
        Identity within the take; 0 is the first.
    times
        ``(T,)`` float64: when each frame was grabbed, seconds on the monotonic clock of the
        recording machine (files: media time).
    unix_times
        ``(T,)`` float64: the same on the wall clock, seconds since 1970.
    frame_index
        ``(T,)`` int64: index of the frame in its source.
    pose
        ``(T, 24, 3)`` float32: axis-angle, radians, SMPL's joint order; joint 0 is
        ``global_orient``, into the camera frame (x right, y down, z forward).
    betas
        ``(T, 10)`` float32: shape.
    transl
        ``(T, 3)`` float32: metres, camera frame, added to the posed body.
    focal_length
        ``(T,)`` float32: pixels of the full frame; the principal point is the frame's middle.
    camera
        ``(T, 3)`` float32: the network's (s, tx, ty) of the crop
        (:mod:`hmr_live.recovery.crop_camera`).
    crop_box
        ``(T, 4)`` float32: the crop's centre x, centre y and side in pixels of the frame, and its
        angle in radians.
    joints
        ``(T, 24, 3)`` float32: metres, camera frame.
    confidence
        ``(T, 24)`` float32: of each joint, 0 to 1.
    score
        ``(T,)`` float32: probability that somebody is there, 0 to 1.
    measured
        ``(T,)`` bool: False where the body was extrapolated, not inferred.
    """

    track_id: int
    times: NDArray[np.float64]
    unix_times: NDArray[np.float64]
    frame_index: NDArray[np.int64]
    pose: Floats
    betas: Floats
    transl: Floats
    focal_length: Floats
    camera: Floats
    crop_box: Floats
    joints: Floats
    confidence: Floats
    score: Floats
    measured: NDArray[np.bool_]


@dataclass(frozen=True)
class Marker:
    """A moment marked while recording.

    Attributes
    ----------
    time
        Seconds on the clock of :attr:`Motion.times`.
    label
        Its text.
    """

    time: float
    label: str


@dataclass(frozen=True)
class Take:
    """The content of a recording.

    Attributes
    ----------
    info
        Metadata, as JSON values: ``format``, ``version``,
        ``started_unix``, ``started_monotonic``, ``source``, ``frame_size`` ``[w, h]``, body and
        network with name and SHA-256, smoothing, versions.
    motions
        One for each person, by :attr:`Motion.track_id`; empty if nobody was in sight.
    markers
        In the order of time.
    video
        The video recorded beside the take, if there is one.
    """

    info: Mapping[str, Any]
    motions: tuple[Motion, ...]
    markers: tuple[Marker, ...]
    video: Path | None
