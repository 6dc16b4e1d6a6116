"""Detect and undo identity switches between people who cross.

Appearances are not updated while two people are close enough to be confused.  Once they are apart
again, their appearances are compared with those from before; if they fit better the other way
round, the ids were switched and are switched back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from hmr_live.core.state import Array
from hmr_live.recovery.tracking.appearance import Appearance, similarity
from hmr_live.recovery.tracking.association import CROSSING_DISTANCE, distance
from hmr_live.recovery.tracking.track import Track

#: Frames after a crossing over which the appearances are collected.
_FRAMES_TO_COMPARE: Final = 5
#: The swapped assignment must fit better by this (sum of two coefficients in [0, 1]).
_SWITCH_MARGIN: Final = 0.2


class IdSwitchDetector:
    """Watches the pairs of tracks that cross, or did until a moment ago."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[Track, Track], _AfterCrossing] = {}

    def reset(self) -> None:
        """Forget all crossings."""
        self._pairs.clear()

    def involves(self, track: Track, other: Track | None = None) -> bool:
        """Whether a track is in a crossing (with ``other``, if given)."""
        return any(track in pair and (other is None or other in pair) for pair in self._pairs)

    def begin(self, first: Track, second: Track) -> None:
        """A crossing begins: two tracks were estimated on the same body."""
        if not self.involves(first, second):
            self._pairs[first, second] = _AfterCrossing()

    def update(
        self, active: Sequence[Track], known: Sequence[Track], seen: Mapping[Track, Array]
    ) -> list[tuple[Track, Track]]:
        """Process a frame.

        Parameters
        ----------
        active
            The tracks in sight.
        known
            The same, and the lost ones that may come back.
        seen
            Appearance histograms of those in sight, where there are any.

        Returns
        -------
        Pairs whose ids were switched.
        """
        in_sight, kept = set(active), set(known)
        for first, second in combinations(active, 2):
            if distance(first.crop_box, second.crop_box) < CROSSING_DISTANCE:
                self.begin(first, second)
        switched = []
        for pair, after in list(self._pairs.items()):
            if not kept.issuperset(pair):
                del self._pairs[pair]
            elif (
                not in_sight.issuperset(pair)
                or distance(*(t.crop_box for t in pair)) < CROSSING_DISTANCE
            ):
                self._pairs[pair] = _AfterCrossing()
            elif after.add(*(seen.get(track) for track in pair)):
                del self._pairs[pair]
                if after.fits_better_swapped(*pair):
                    switched.append(pair)
        return switched


class _AfterCrossing:
    """The appearances of two people since their crossing."""

    def __init__(self) -> None:
        self._frames = 0
        self._appearances = Appearance(), Appearance()

    def add(self, first: Array | None, second: Array | None) -> bool:
        """Add a frame; whether it was the last one needed."""
        self._frames += 1
        for appearance, histogram in zip(self._appearances, (first, second), strict=True):
            if histogram is not None:
                appearance.update(histogram)
        return self._frames >= _FRAMES_TO_COMPARE

    def fits_better_swapped(self, first: Track, second: Track) -> bool:
        """Whether each of them looks like the other did before the crossing."""
        before = first.appearance.histogram, second.appearance.histogram
        now = self._appearances[0].histogram, self._appearances[1].histogram
        kept = [similarity(a, b) for a, b in zip(before, now, strict=True)]
        swapped = [similarity(a, b) for a, b in zip(before, reversed(now), strict=True)]
        if None in kept or None in swapped:
            return False
        return sum(filter(None, swapped)) > sum(filter(None, kept)) + _SWITCH_MARGIN
