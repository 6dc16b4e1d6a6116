"""Pre-roll: the last seconds before a recording starts, kept in memory and prepended to it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from hmr_live.core.state import FrameResult
from hmr_live.takes.recorder import TakeRecorder
from hmr_live.takes.records import TakeFrame

PRE_ROLL_S: Final = 3


class PreRoll:
    """Passes results to a recorder, and keeps the latest ones while nothing is recorded.

    Parameters
    ----------
    live
        Whether the source's time is the monotonic clock.
    seconds
        Seconds to keep before the start of a recording; 0 keeps nothing.

    Attributes
    ----------
    seconds
        May be changed; takes effect on the next result.
    """

    def __init__(self, *, live: bool, seconds: float = PRE_ROLL_S) -> None:
        self.live = live
        self.seconds = seconds
        self._frames: deque[TakeFrame] = deque()
        self._recorder: TakeRecorder | None = None
        # No frame may be lost or recorded twice while a recorder is attached.
        self._lock = threading.Lock()

    def add(self, result: FrameResult) -> None:
        """Keep a result, and record it if a recorder is attached; takes microseconds."""
        frame = TakeFrame.of(result, live=self.live)
        with self._lock:
            self._frames.append(frame)
            while self._frames and frame.time - self._frames[0].time >= self.seconds:
                self._frames.popleft()
            if self._recorder is not None:
                self._recorder.add(frame, result.frame)

    def attach(self, recorder: TakeRecorder) -> None:
        """Pass the kept frames to the recorder, and every result from now on."""
        with self._lock:
            recorder.add_earlier(tuple(self._frames))
            self._recorder = recorder

    def detach(self) -> None:
        """Stop recording."""
        with self._lock:
            self._recorder = None
