"""Data association: whether two estimates show one person, and how well one fits a track."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from hmr_live.core.state import Array, CropBox
from hmr_live.recovery.crop_to_camera import CropEstimate
from hmr_live.recovery.tracking.appearance import similarity
from hmr_live.recovery.tracking.track import Track

#: Two estimates whose joints are, in the mean, closer than this share of the crop box's side show
#: one body: about 0.2 m, less than people are wide.
SAME_BODY_DISTANCE: Final = 0.08
#: People whose centres are closer than this share of a crop box may be confused with each other.
CROSSING_DISTANCE: Final = 0.3
#: A lost track is searched for within this share of its crop box, growing by so much a second.
_SEARCH_RADIUS: Final = 0.35
_SEARCH_GROWTH_PER_S: Final = 0.6
#: After a crossing they may also reappear on the other side.
_CROSSING_RADIUS: Final = 1.2
#: Appearances less similar than this belong to two people.
_MIN_SIMILARITY: Final = 0.4
#: Similarity assumed where there is no appearance to compare yet.
_DEFAULT_SIMILARITY: Final = 0.7


def distance(first: CropBox, second: CropBox) -> float:
    """Distance of the centres, in sides of the smaller crop box."""
    apart = math.hypot(first.cx - second.cx, first.cy - second.cy)
    return apart / min(first.side, second.side)


def same_body(first: CropEstimate, second: CropEstimate) -> bool:
    """Whether two estimates show the same body."""
    side = min(first.next_crop_box.side, second.next_crop_box.side)
    if distance(first.next_crop_box, second.next_crop_box) > CROSSING_DISTANCE:
        return False
    apart = np.linalg.norm(first.joints_2d - second.joints_2d, axis=1).mean()
    return bool(apart < SAME_BODY_DISTANCE * side)


def same_place(first: CropBox, second: CropBox) -> bool:
    """Whether two crop boxes can hold the same person."""
    return distance(first, second) < 0.5 and 0.4 < first.side / second.side < 2.5


def association_cost(track: Track, estimate: CropEstimate, histogram: Array, time: float) -> float:
    """How badly an estimate fits a track, in position and appearance; 0 is perfect."""
    similar = similarity(track.appearance.histogram, histogram)
    apart = distance(track.predicted(time), estimate.next_crop_box)
    return apart + (1 - (_DEFAULT_SIMILARITY if similar is None else similar))


def is_same_person(
    track: Track, estimate: CropEstimate, histogram: Array, time: float, *, crossing: bool
) -> bool:
    """Whether an estimate can show the person of a lost track.

    Parameters
    ----------
    track
        The lost track.
    estimate, histogram
        The estimate, and the appearance it shows.
    time
        Seconds, of the frame.
    crossing
        Whether the track was lost beside another one: then the two may have been confused, so
        appearance does not count against it and a larger distance is allowed.
    """
    if not 0.5 < estimate.next_crop_box.side / track.crop_box.side < 2:
        return False
    apart = distance(track.predicted(time), estimate.next_crop_box)
    if crossing:
        return apart < _CROSSING_RADIUS
    similar = similarity(track.appearance.histogram, histogram)
    is_near = apart < _SEARCH_RADIUS + _SEARCH_GROWTH_PER_S * max(time - track.lost_at, 0.0)
    return is_near and (similar is None or similar > _MIN_SIMILARITY)
