"""What travels through the pipeline: a frame, a person's crop box in it, the recovered body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One image and the time when it was taken.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8, BGR.  Whoever receives the frame must not write into it.
    time
        Seconds.  Live sources: the monotonic clock when it was grabbed.  Files: the
        presentation time in the file.
    index
        Running number at the source; for display only, never a measure of time.
    capture_ms
        Milliseconds that reading and decoding took, without the wait for the frame.
    """

    image: Image
    time: float
    index: int
    capture_ms: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True)
class CropBox:
    """The square, rotated part of the frame that the network sees.

    Attributes
    ----------
    cx, cy
        Centre in frame pixels.
    side
        Side length in frame pixels.
    angle
        Radians by which the person is turned clockwise in the frame (0 = upright); the crop
        shows them upright.
    """

    cx: float
    cy: float
    side: float
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class BodyState:
    """One person in one frame: SMPL parameters and what follows from them.

    Attributes
    ----------
    rotmats
        ``(24, 3, 3)`` rotation of each joint relative to its parent; joint 0 (global_orient)
        turns the body frame into the camera frame.
    betas
        ``(10,)`` shape coefficients of the body model in use.
    transl
        ``(3,)`` metres, camera frame; added to the posed body (see :mod:`hmr_live.body.skeleton`).
    focal_length
        Pixels of the full frame; the principal point is the frame's centre.
    camera
        ``(3,)`` the network's (s, tx, ty) of the crop at ``crop_box``
        (:mod:`hmr_live.recovery.crop_camera`).
    crop_box
        Where the crop that the network saw lies in the frame.
    joints
        ``(24, 3)`` metres, camera frame, transl included.
    joints_2d
        ``(24, 2)`` frame pixels, the projection of ``joints``.
    confidence
        ``(24,)`` in [0, 1]: how sure the network is that the joint is where it says.
    score
        Probability in [0, 1] that the crop holds a person.
    angles_of
        Joint angles of ``rotmats`` on this body; see :attr:`angles`.
    measured
        False when the pose is not the network's output for this frame: the output was implausible
        and this is the pose before it, or the frame was skipped and the pose is extrapolated.
    track_id
        Identity: the same number for the same person in every frame.
    """

    rotmats: Array
    betas: Array
    transl: Array
    focal_length: float
    camera: Array
    crop_box: CropBox
    joints: Array
    joints_2d: Array
    confidence: Array
    score: float
    angles_of: Callable[[Array], Array]
    measured: bool = True
    track_id: int = 0

    @property
    def angles(self) -> Array:
        """``(len(hmr_live.angles.ANGLES),)`` degrees, in the order of :data:`.ANGLES`.

        Worked out when asked for: most bodies are never asked.
        """
        return self.angles_of(self.rotmats)


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A processed frame.

    Attributes
    ----------
    frame
        The frame that was processed.
    bodies
        The people found, the leader first, then by size; empty when nobody is in sight.
    timings
        Milliseconds spent in each stage: capture, detect, network, body (a stage that did not
        run on this frame is absent).
    invalid_outputs
        Network outputs for this frame that held NaN or infinity and were dropped.
    started, finished
        Seconds on the monotonic clock when a live session started on the frame and when it was
        done; 0 outside a session.
    leader_id
        Track id of the person whom plots and avatars follow, who may be out of sight for a moment;
        None means the first body.
    locked
        Whether the user has locked the leader.
    """

    frame: Frame
    bodies: tuple[BodyState, ...]
    timings: dict[str, float] = field(default_factory=dict)
    invalid_outputs: int = 0
    started: float = 0.0
    finished: float = 0.0
    leader_id: int | None = None
    locked: bool = False

    @property
    def leader(self) -> BodyState | None:
        """The body that plots and avatars follow; None while it is out of sight."""
        for body in self.bodies:
            if self.leader_id is None or body.track_id == self.leader_id:
                return body
        return None
