"""Which track plots, avatars and the 3D view follow when several people are in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hmr_live.recovery.tracking.track import Track

#: The largest person leads, but takes the lead only when larger by this factor (hysteresis).
_CLEARLY_LARGER: Final = 1.3


class Leader:
    """The track that leads: the locked one, else the largest, with hysteresis."""

    def __init__(self) -> None:
        #: Track id that leads as long as it is known; may be set from any thread.
        self.locked: int | None = None
        #: Track id that leads; None when there has been nobody yet.
        self.track_id: int | None = None
        #: Whether it leads because it is locked.
        self.is_locked = False

    def reset(self) -> None:
        """Forget everybody."""
        self.locked, self.track_id, self.is_locked = None, None, False

    def choose(self, active: Sequence[Track], lost: Sequence[Track]) -> None:
        """Choose among the active tracks; one that is only lost for a moment keeps the lead."""
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
