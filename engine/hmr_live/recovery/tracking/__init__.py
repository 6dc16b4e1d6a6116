"""Who is who from frame to frame: tracks, their identities, and whom the program follows."""

from hmr_live.recovery.tracking.tracker import MAX_PEOPLE, Tracker, check_people

__all__ = ["MAX_PEOPLE", "Tracker", "check_people"]
