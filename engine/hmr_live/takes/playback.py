"""Playback state of a take: position, speed and range; driven by the caller's clock."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import RecordingError
from hmr_live.takes.take import Take

#: Available speeds; 1 is real time.
SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
#: The shortest range between in and out, seconds.
_MIN_RANGE_S: Final = 1e-3


def frame_times(take: Take) -> NDArray[np.float64]:
    """Times of all frames of a take, of people and video, ``(N,)`` ascending seconds.

    Raises
    ------
    RecordingError
        If there is nothing to play.
    """
    streams = [motion.times for motion in take.motions]
    if take.video is not None:
        streams.append(np.asarray(take.info.get("video_times", ()), np.float64))
    together = np.concatenate([np.zeros(0), *streams])
    moments = np.asarray(np.unique(together[np.isfinite(together)]), np.float64)
    if not len(moments):
        raise RecordingError(
            "Nobody was in sight in this take, so there is nothing to play: choose another one."
        )
    return moments


class Playback:
    """The transport of a take.  All times are seconds since its first frame.

    Parameters
    ----------
    moments
        ``(N,)`` ascending seconds of the frames, see :func:`frame_times`.

    Attributes
    ----------
    time
        Position, 0 to :attr:`duration`.
    playing, loop
        Whether it is playing, and whether it restarts at the out point.
    speed
        Seconds of the take per second of the clock.
    in_point, out_point
        The range that is played, and that a trim keeps.
    """

    def __init__(self, moments: NDArray[np.float64]) -> None:
        self.start = float(moments[0])
        self._times = moments - moments[0]
        self.duration = float(self._times[-1])
        self.time = 0.0
        self.playing = False
        self.loop = False
        self.speed = 1.0
        self.in_point, self.out_point = 0.0, self.duration

    @property
    def moment(self) -> float:
        """Seconds on the take's clock."""
        return self.start + self.time

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self._times)

    @property
    def index(self) -> int:
        """Index of the current frame."""
        return self.index_at(self.time)

    @property
    def trimmed(self) -> bool:
        """Whether the in and out points exclude anything."""
        return self.in_point > 0 or self.out_point < self.duration

    def index_at(self, time: float) -> int:
        """Index of the frame shown at this many seconds after the first one."""
        return max(int(np.searchsorted(self._times, time + 1e-6, side="right")) - 1, 0)

    def toggle(self) -> None:
        """Play or pause; restart at the in point if playback is at the end."""
        if not self.playing and not self.in_point <= self.time < self.out_point:
            self.time = self.in_point
        self.playing = not self.playing and self.duration > 0

    def advance(self, seconds: float) -> bool:
        """Advance by this much clock time, if playing; return whether it is still playing."""
        if not self.playing:
            return False
        time = self.time + seconds * self.speed
        if time >= self.out_point and self.time <= self.out_point:
            span = self.out_point - self.in_point
            if self.loop and span > 0:
                time = self.in_point + (time - self.in_point) % span
            else:
                time, self.playing = self.out_point, False
        self.time = min(time, self.duration)
        self.playing = self.playing and self.time < self.duration
        return self.playing

    def seek(self, time: float) -> None:
        """Go to a position, clamped to the take; playback continues if it was running."""
        self.time = min(max(time, 0.0), self.duration)

    def step(self, frames: int) -> None:
        """Pause, and step this many frames forwards (negative: backwards)."""
        self.playing = False
        target = min(max(self.index + frames, 0), self.frames - 1)
        self.time = float(self._times[target])

    def mark_in(self) -> None:
        """Set the in point here; an out point before it moves to the end."""
        self.in_point = min(self.time, self.duration - _MIN_RANGE_S)
        if self.out_point <= self.in_point:
            self.out_point = self.duration

    def mark_out(self) -> None:
        """Set the out point here; an in point behind it moves to the start."""
        self.out_point = max(self.time, _MIN_RANGE_S)
        if self.in_point >= self.out_point:
            self.in_point = 0.0

    def clear_range(self) -> None:
        """Play the whole take again."""
        self.in_point, self.out_point = 0.0, self.duration
