"""Multi-person tracking: tracks, their ids across frames, and which of them leads."""

from hmr_live.recovery.tracking.tracker import MAX_PEOPLE, Tracker, check_people

__all__ = ["MAX_PEOPLE", "Tracker", "check_people"]
