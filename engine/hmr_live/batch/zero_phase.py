"""Smoothing of a video while it is processed: without lag, because frames wait for the next few.

A live picture cannot wait, so its filters (:mod:`.smoothing`) only know the past and either
tremble or lag.  A file has no such hurry: every body is the Gaussian mean of its neighbours in time
on both sides (:mod:`hmr_live.takes.smooth`), a tenth of a second each.  On drawn films with exact
truth that halves the error of acceleration and takes 2 % off the error of place, compared with the
live filters.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, replace
from typing import Any, Final, Protocol

import numpy as np

from hmr_live.body.rotations import matrix_from_quaternion, quaternion_from_matrix
from hmr_live.core.state import Array, BodyState, FrameResult
from hmr_live.core.timing import StageTimer
from hmr_live.recovery.crop_to_camera import CameraSpaceBody
from hmr_live.recovery.smoothing import SHAPE_SETTINGS, OneEuroVector
from hmr_live.takes.smooth import REACH, kernel_width, one_hemisphere, smooth_at

#: Hz at which half of the power remains.  Lower takes away more of the network's trembling than of
#: people's movement down to 3 Hz; sports are faster than the films on which that was measured.
CUTOFF: Final = 4.0


class BodyMover(Protocol):
    """Gives a person another pose and place; see :meth:`.moved`."""

    def with_body(
        self, state: BodyState, body: CameraSpaceBody, size: tuple[int, int]
    ) -> BodyState:
        """The same person elsewhere."""
        ...


class ZeroPhaseSmoother:
    """Smooths the bodies of frames that are handed in, in order, and hands them out later.

    Parameters
    ----------
    placer
        The pipeline that they come from, with its own filters off.
    cutoff
        Hz at which half of the power remains.
    """

    def __init__(self, placer: BodyMover, cutoff: float = CUTOFF) -> None:
        self.cutoff = cutoff
        self._placer = placer
        self._reach = REACH * kernel_width(cutoff)
        self._waiting: deque[FrameResult] = deque()
        self._people: dict[int, _Person] = {}

    def describe(self) -> dict[str, Any]:
        """For a take's ``info``."""
        return {
            "on": True,
            "filter": "Gaussian, zero phase",
            "cutoff_hz": self.cutoff,
            "shape": asdict(SHAPE_SETTINGS),
        }

    def add(self, result: FrameResult) -> list[FrameResult]:
        """Take a frame; return those that are complete now, which may be none."""
        time = result.frame.time
        # A clock that was set back begins another film.
        done = self.flush() if self._waiting and time <= self._waiting[-1].frame.time else []
        self._waiting.append(result)
        for body in result.bodies:
            self._people.setdefault(body.track_id, _Person()).add(time, body)
        while self._waiting and self._waiting[0].frame.time + self._reach <= time:
            done.append(self._smoothed(self._waiting.popleft()))
        return done

    def flush(self) -> list[FrameResult]:
        """The frames that still wait; what comes after them is another film."""
        done = [self._smoothed(result) for result in self._waiting]
        self._waiting.clear()
        self._people.clear()
        return done

    def _smoothed(self, result: FrameResult) -> FrameResult:
        frame, timer = result.frame, StageTimer()
        with timer("smooth"):
            bodies = tuple(
                self._placer.with_body(
                    body,
                    self._people[body.track_id].body(frame.time, self._reach, self.cutoff),
                    frame.size,
                )
                for body in result.bodies
            )
            for number, person in list(self._people.items()):
                if person.forget(frame.time - self._reach):
                    del self._people[number]
        return replace(result, bodies=bodies, timings=result.timings | timer.milliseconds)


class _Person:
    """What is known of one person around the frames that wait."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._moves: deque[Array] = deque()
        self._shapes: deque[Array] = deque()
        self._shape = OneEuroVector(SHAPE_SETTINGS)

    def add(self, time: float, body: BodyState) -> None:
        quaternions = quaternion_from_matrix(body.rotmats).reshape(-1)
        dt = time - self._times[-1] if self._times else 1.0
        self._times.append(time)
        self._moves.append(np.concatenate([quaternions, body.transl]))
        self._shapes.append(self._shape(body.betas, dt))

    def body(self, time: float, reach: float, cutoff: float) -> CameraSpaceBody:
        times = np.array(self._times)
        near = np.flatnonzero(np.abs(times - time) <= reach)
        moves = np.stack([self._moves[k] for k in near]).astype(np.float64)
        quaternions = one_hemisphere(moves[:, :-3].reshape(len(near), -1, 4))
        moves[:, :-3] = quaternions.reshape(len(near), -1)
        row = int(np.searchsorted(times[near], time))
        smooth = smooth_at(times[near], moves, row, cutoff)
        rotmats = matrix_from_quaternion(smooth[:-3].reshape(-1, 4))
        return CameraSpaceBody(
            np.asarray(rotmats, np.float32),
            self._shapes[near[row]],
            np.asarray(smooth[-3:], np.float32),
        )

    def forget(self, time: float) -> bool:
        """Drop what lies before ``time``; True when nothing is left."""
        while self._times and self._times[0] < time:
            self._times.popleft()
            self._moves.popleft()
            self._shapes.popleft()
        return not self._times
