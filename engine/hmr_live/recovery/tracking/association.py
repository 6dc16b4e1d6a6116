"""Whether two sightings are one person, and how well a sighting fits somebody known."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from hmr_live.core.state import Array, CropBox
from hmr_live.recovery.crop_to_camera import CropEstimate
from hmr_live.recovery.tracking.appearance import similarity
from hmr_live.recovery.tracking.track import Track

#: Joints that lie apart by less than this share of the region's side, in the mean, are of one body:
#: about 0.2 m, less than people are wide.
SAME_BODY: Final = 0.08
#: People whose centres are nearer than this share of a region may be mistaken for each other.
CROWDED: Final = 0.3
#: Somebody lost is looked for within this share of a region, and so much farther each second.
_SEARCH_RADIUS: Final = 0.35
_RADIUS_A_SECOND: Final = 0.6
#: After a crossing they may also come out at the other side.
_CROSSING_RADIUS: Final = 1.2
#: Colours less alike than this are of two people.
_LEAST_ALIKE: Final = 0.4
#: What the colours say of somebody who shows none, or of whom none are known yet.
_UNKNOWN: Final = 0.7


def distance(first: CropBox, second: CropBox) -> float:
    """Between the centres, in sides of the smaller region."""
    apart = math.hypot(first.cx - second.cx, first.cy - second.cy)
    return apart / min(first.side, second.side)


def same_body(first: CropEstimate, second: CropEstimate) -> bool:
    """Whether the network saw one and the same body in two crops."""
    side = min(first.next_crop_box.side, second.next_crop_box.side)
    if distance(first.next_crop_box, second.next_crop_box) > CROWDED:
        return False
    apart = np.linalg.norm(first.joints_2d - second.joints_2d, axis=1).mean()
    return bool(apart < SAME_BODY * side)


def same_place(first: CropBox, second: CropBox) -> bool:
    """Whether two regions can hold the same person."""
    return distance(first, second) < 0.5 and 0.4 < first.side / second.side < 2.5


def association_cost(track: Track, estimate: CropEstimate, histogram: Array, time: float) -> float:
    """How badly a sighting fits to what is known of a person: place and colours, 0 is perfect."""
    alike = similarity(track.appearance.histogram, histogram)
    off = distance(track.predicted(time), estimate.next_crop_box)
    return off + (1 - (_UNKNOWN if alike is None else alike))


def is_same_person(
    track: Track, estimate: CropEstimate, histogram: Array, time: float, *, crossing: bool
) -> bool:
    """Whether somebody who was lost can be the one seen now.

    Parameters
    ----------
    track
        The lost person.
    sighting, histogram
        What is seen, and its colours.
    time
        Seconds, of the frame.
    crossing
        Whether they were lost beside somebody else: then the two may have been mistaken for each
        other, so neither place nor colours speak against it.
    """
    if not 0.5 < estimate.next_crop_box.side / track.crop_box.side < 2:
        return False
    off = distance(track.predicted(time), estimate.next_crop_box)
    if crossing:
        return off < _CROSSING_RADIUS
    alike = similarity(track.appearance.histogram, histogram)
    near = off < _SEARCH_RADIUS + _RADIUS_A_SECOND * max(time - track.lost_at, 0.0)
    return near and (alike is None or alike > _LEAST_ALIKE)
