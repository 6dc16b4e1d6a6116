"""The last seconds before the record button: kept in memory, put in front of a recording."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from hmr_live.core.state import FrameResult
from hmr_live.takes.recorder import TakeRecorder
from hmr_live.takes.records import TakeFrame

PRE_ROLL_S: Final = 3


class PreRoll:
    """Stands between one source and the recorder; results go through it, also while none records.

    Parameters
    ----------
    live
        Whether the source's time is the monotonic clock.
    seconds
        How far back a recording begins before its start; 0 keeps nothing.

    Attributes
    ----------
    seconds
        May be changed; takes effect with the next result.
    """

    def __init__(self, *, live: bool, seconds: float = PRE_ROLL_S) -> None:
        self.live = live
        self.seconds = seconds
        self._frames: deque[TakeFrame] = deque()
        self._recorder: TakeRecorder | None = None
        # No frame may be lost or come twice while a recorder takes over what is kept here.
        self._lock = threading.Lock()

    def add(self, result: FrameResult) -> None:
        """Keep a result, and record it where a recorder is attached; takes microseconds."""
        frame = TakeFrame.of(result, live=self.live)
        with self._lock:
            self._frames.append(frame)
            while self._frames and frame.time - self._frames[0].time >= self.seconds:
                self._frames.popleft()
            if self._recorder is not None:
                self._recorder.add(frame, result.frame)

    def attach(self, recorder: TakeRecorder) -> None:
        """Give the recorder what is kept, and every result from now on."""
        with self._lock:
            recorder.add_earlier(tuple(self._frames))
            self._recorder = recorder

    def detach(self) -> None:
        """Stop recording."""
        with self._lock:
            self._recorder = None
