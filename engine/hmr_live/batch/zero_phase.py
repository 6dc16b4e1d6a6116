"""Zero-phase smoothing of a video while it is processed: each frame waits for the next few.

A live stream cannot wait, so its filters (:mod:`.smoothing`) are causal and either jitter or lag.
For a file, every body is the Gaussian mean of its neighbours in time on both sides
(:mod:`hmr_live.takes.smooth`), a tenth of a second each.  On rendered films with exact ground truth
that halves the acceleration error and takes 2 % off the position error, compared with the live
filters.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np

from hmr_live.body.rotations import matrix_from_quaternion, quaternion_from_matrix
from hmr_live.core.state import Array, BodyState, FrameResult
from hmr_live.core.timing import StageTimer
from hmr_live.recovery.crop_to_camera import CameraSpaceBody
from hmr_live.recovery.person_shape import SHAPE_DESCRIPTION
from hmr_live.takes.smooth import REACH, kernel_width, one_hemisphere, smooth_at

#: Hz at which half of the power remains.  Down to 3 Hz, a lower cutoff removes more of the jitter
#: than of people's motion; but sports are faster than the films that this was measured on.
CUTOFF: Final = 4.0


class BodyMover(Protocol):
    """Gives a person another pose and position; see :meth:`.Pipeline.with_body`."""

    def with_body(
        self, state: BodyState, body: CameraSpaceBody, size: tuple[int, int]
    ) -> BodyState:
        """The same person with another body."""
        ...


class ZeroPhaseSmoother:
    """Smooths the bodies of frames that are added in order, and returns them later.

    Parameters
    ----------
    pipeline
        The pipeline that recovered them, with its own filters off.
    cutoff
        Hz at which half of the power remains.
    """

    def __init__(self, pipeline: BodyMover, cutoff: float = CUTOFF) -> None:
        self.cutoff = cutoff
        self._pipeline = pipeline
        self._reach = REACH * kernel_width(cutoff)
        self._waiting: deque[FrameResult] = deque()
        self._people: dict[int, _PersonHistory] = {}

    def describe(self) -> dict[str, Any]:
        """For a take's ``info``."""
        return {
            "on": True,
            "filter": "Gaussian, zero phase",
            "cutoff_hz": self.cutoff,
            "shape": SHAPE_DESCRIPTION,
        }

    def add(self, result: FrameResult) -> list[FrameResult]:
        """Add a frame; return those that are complete now, if any."""
        time = result.frame.time
        # Time running backwards starts another video.
        done = self.flush() if self._waiting and time <= self._waiting[-1].frame.time else []
        self._waiting.append(result)
        for body in result.bodies:
            self._people.setdefault(body.track_id, _PersonHistory()).add(time, body)
        while self._waiting and self._waiting[0].frame.time + self._reach <= time:
            done.append(self._smoothed(self._waiting.popleft()))
        return done

    def flush(self) -> list[FrameResult]:
        """The frames that still wait; what comes after them is another video."""
        done = [self._smoothed(result) for result in self._waiting]
        self._waiting.clear()
        self._people.clear()
        return done

    def _smoothed(self, result: FrameResult) -> FrameResult:
        frame, timer = result.frame, StageTimer()
        with timer("smooth"):
            bodies = tuple(
                self._pipeline.with_body(
                    body,
                    self._people[body.track_id].smoothed(frame.time, self._reach, self.cutoff),
                    frame.size,
                )
                for body in result.bodies
            )
            for track_id, history in list(self._people.items()):
                if history.forget(frame.time - self._reach):
                    del self._people[track_id]
        return replace(result, bodies=bodies, timings=result.timings | timer.milliseconds)


class _PersonHistory:
    """The history of one person around the frames that wait."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._values: deque[Array] = deque()
        self._shapes: deque[Array] = deque()

    def add(self, time: float, body: BodyState) -> None:
        quaternions = quaternion_from_matrix(body.rotmats).reshape(-1)
        self._times.append(time)
        self._values.append(np.concatenate([quaternions, body.transl]))
        self._shapes.append(body.betas)

    def smoothed(self, time: float, reach: float, cutoff: float) -> CameraSpaceBody:
        times = np.array(self._times)
        near = np.flatnonzero(np.abs(times - time) <= reach)
        values = np.stack([self._values[k] for k in near]).astype(np.float64)
        quaternions = one_hemisphere(values[:, :-3].reshape(len(near), -1, 4))
        values[:, :-3] = quaternions.reshape(len(near), -1)
        row = int(np.searchsorted(times[near], time))
        smooth = smooth_at(times[near], values, row, cutoff)
        rotmats = matrix_from_quaternion(smooth[:-3].reshape(-1, 4))
        return CameraSpaceBody(
            np.asarray(rotmats, np.float32),
            self._shapes[near[row]],
            np.asarray(smooth[-3:], np.float32),
        )

    def forget(self, time: float) -> bool:
        """Drop what lies before ``time``; True if nothing is left."""
        while self._times and self._times[0] < time:
            self._times.popleft()
            self._values.popleft()
            self._shapes.popleft()
        return not self._times
