"""Who is who from frame to frame: tracks, their identities, and whom the program follows."""

from engine.tracking.limits import MAX_PEOPLE, check_people
from engine.tracking.tracker import Tracker

__all__ = ["MAX_PEOPLE", "Tracker", "check_people"]
