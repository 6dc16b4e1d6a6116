"""Who is who from frame to frame: tracks, their identities, and whom the program follows."""

from hmr_live.recovery.tracking.limits import MAX_PEOPLE, check_people
from hmr_live.recovery.tracking.tracker import Tracker

__all__ = ["MAX_PEOPLE", "Tracker", "check_people"]
