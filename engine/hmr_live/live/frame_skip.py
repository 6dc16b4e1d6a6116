"""Inference on every second frame only, with extrapolated bodies in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import angle_between, slerp
from hmr_live.core.state import BodyState, Frame, FrameResult
from hmr_live.core.timing import StageTimer
from hmr_live.recovery.frame_camera import project

#: Motion is extrapolated no further than this (s), and only from frames no further apart than the
#: second: on a slower machine every frame is inferred.
_MAX_EXTRAPOLATION_S: Final = 0.1
_MAX_STEP_S: Final = 0.2
#: A joint that turned further than this (radians) between two frames is not extrapolated: one of
#: the two poses was wrong.
_MAX_STEP_ANGLE: Final = 1.0


class BodyProcessor(Protocol):
    """What recovers the bodies; see :class:`hmr_live.live.session.FrameProcessor`."""

    @property
    def body(self) -> BodyModel:
        """The body model of its answers."""
        ...

    def process(self, frame: Frame) -> FrameResult:
        """Recover the people in a frame."""
        ...

    def reset(self) -> None:
        """Forget all tracks."""
        ...


class FrameSkipExtrapolator:
    """Wraps a pipeline and, when :attr:`on`, runs it on every second frame only.

    The bodies of the frames in between are extrapolated at the velocity of the last two measured
    frames, and marked (``measured`` is False).  A frame is measured while that velocity is not
    known, and after a pause.

    Parameters
    ----------
    pipeline
        Recovers the bodies of the frames that are measured.

    Attributes
    ----------
    on
        May be set at any time, from any thread.
    """

    def __init__(self, pipeline: BodyProcessor) -> None:
        self.on = False
        self._pipeline = pipeline
        #: The last two measured frames.
        self._before: FrameResult | None = None
        self._last: FrameResult | None = None
        self._extrapolated = False

    def reset(self) -> None:
        """Forget all tracks."""
        self._pipeline.reset()
        self._before = self._last = None
        self._extrapolated = False

    def process(self, frame: Frame) -> FrameResult:
        """Recover the people in a frame, or extrapolate them."""
        before, last = self._before, self._last
        if (
            self.on
            and not self._extrapolated
            and before is not None
            and last is not None
            and _can_extrapolate(before, last, frame)
        ):
            self._extrapolated = True
            return self._extrapolate(before, last, frame)
        self._extrapolated = False
        result = self._pipeline.process(frame)
        self._before, self._last = last, result
        return result

    def _extrapolate(self, before: FrameResult, last: FrameResult, frame: Frame) -> FrameResult:
        timer = StageTimer()
        timer.milliseconds["capture"] = frame.capture_ms
        with timer("body"):
            ahead = frame.time - last.frame.time
            fraction = min(ahead / (last.frame.time - before.frame.time), 1.0)
            earlier = {body.track_id: body for body in before.bodies}
            bodies = tuple(
                self._move(earlier.get(body.track_id), body, fraction, frame)
                for body in last.bodies
            )
        timings = timer.milliseconds
        return replace(last, frame=frame, bodies=bodies, timings=timings, invalid_outputs=0)

    def _move(
        self, before: BodyState | None, last: BodyState, fraction: float, frame: Frame
    ) -> BodyState:
        """The body ``fraction`` of a step after ``last``; unmoved if no velocity is known."""
        if before is None or not (before.measured and last.measured):
            return replace(last, measured=False)
        turned = angle_between(before.rotmats, last.rotmats)
        one_step_on = last.rotmats @ np.swapaxes(before.rotmats, -1, -2) @ last.rotmats
        weight = np.where(turned < _MAX_STEP_ANGLE, fraction, 0).astype(np.float32)
        rotmats = np.asarray(slerp(last.rotmats, one_step_on, weight), np.float32)
        transl = np.asarray(last.transl + fraction * (last.transl - before.transl), np.float32)
        transl[2] = max(transl[2], last.transl[2] / 2)  # nobody passes through the camera
        joints = self._pipeline.body.joints(rotmats, last.betas) + transl
        return replace(
            last,
            rotmats=rotmats,
            transl=transl,
            joints=joints,
            joints_2d=project(joints, last.focal_length, frame.size),
            measured=False,
        )


def _can_extrapolate(before: FrameResult, last: FrameResult, frame: Frame) -> bool:
    """Whether motion can be extrapolated from the two measured frames to this one."""
    step = last.frame.time - before.frame.time
    ahead = frame.time - last.frame.time
    in_range = 0 < step <= _MAX_STEP_S and 0 < ahead <= _MAX_EXTRAPOLATION_S
    return in_range and bool(before.bodies) and bool(last.bodies)
