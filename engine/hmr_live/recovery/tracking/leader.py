"""Whom plots, avatars and the middle of the room follow when several people are in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hmr_live.recovery.tracking.track import Track

#: The largest person leads, but only somebody larger by this factor takes the lead from another.
_CLEARLY_LARGER: Final = 1.3


class Leader:
    """One identity: the locked person, else the largest, without going to and fro."""

    def __init__(self) -> None:
        #: Who is to lead as long as they are known; may be set from any thread.
        self.locked: int | None = None
        #: Who leads; None when there was nobody yet.
        self.track_id: int | None = None
        #: Whether that is because they are locked.
        self.is_locked = False

    def reset(self) -> None:
        """Forget everybody."""
        self.locked, self.track_id, self.is_locked = None, None, False

    def choose(self, active: Sequence[Track], lost: Sequence[Track]) -> None:
        """Choose among those in sight; who is lost for a moment only does not lose the lead."""
        known = {track.track_id: track for track in (*active, *lost)}
        locked = self.locked
        self.is_locked = locked is not None and locked in known
        if self.is_locked:
            self.track_id = locked
            return
        if not active:
            return
        largest = max(active, key=lambda track: track.crop_box.side)
        leading = None if self.track_id is None else known.get(self.track_id)
        if leading is None or largest.crop_box.side > _CLEARLY_LARGER * leading.crop_box.side:
            self.track_id = largest.track_id
