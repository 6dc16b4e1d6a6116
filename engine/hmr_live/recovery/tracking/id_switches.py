"""Two people so near to each other that they may come out of it with each other's identity.

What they wear is not learnt anew while they are that near.  When both are seen apart again, their
colours are compared with what was learnt before, and identities that were mixed up go back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from hmr_live.core.state import Array
from hmr_live.recovery.tracking.appearance import Appearance, similarity
from hmr_live.recovery.tracking.association import CROWDED, distance
from hmr_live.recovery.tracking.track import Track

#: Frames apart over which the colours are looked at.
_FRAMES_APART: Final = 5
#: So much better the colours must fit the other way round (the sum of two coefficients in [0, 1]).
_CLEARLY: Final = 0.2


class IdSwitchDetector:
    """The pairs that are near each other, or were until a moment ago."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[Track, Track], _Apart] = {}

    def forget(self) -> None:
        """Nobody is there any more."""
        self._pairs.clear()

    def involves(self, track: Track, other: Track | None = None) -> bool:
        """Whether a person is in a crossing (with ``other``)."""
        return any(track in pair and (other is None or other in pair) for pair in self._pairs)

    def begin(self, first: Track, second: Track) -> None:
        """Two people were taken for one."""
        if not self.involves(first, second):
            self._pairs[first, second] = _Apart()

    def follow(
        self, active: Sequence[Track], known: Sequence[Track], seen: Mapping[Track, Array]
    ) -> list[tuple[Track, Track]]:
        """Take note of a frame.

        Parameters
        ----------
        active
            Everybody in sight.
        known
            The same, and those who may come back.
        seen
            The colours of those in sight, as far as they could be looked at.

        Returns
        -------
        Pairs whose identities were mixed up.
        """
        here, kept = set(active), set(known)
        for first, second in combinations(active, 2):
            if distance(first.crop_box, second.crop_box) < CROWDED:
                self.begin(first, second)
        mixed_up = []
        for pair, apart in list(self._pairs.items()):
            if not kept.issuperset(pair):
                del self._pairs[pair]
            elif not here.issuperset(pair) or distance(*(t.crop_box for t in pair)) < CROWDED:
                self._pairs[pair] = _Apart()
            elif apart.look(*(seen.get(track) for track in pair)):
                del self._pairs[pair]
                if apart.fits_better_swapped(*pair):
                    mixed_up.append(pair)
        return mixed_up


class _Apart:
    """The colours of two people since they are apart again."""

    def __init__(self) -> None:
        self._frames = 0
        self._colours = Appearance(), Appearance()

    def look(self, first: Array | None, second: Array | None) -> bool:
        """Take in a frame; whether that was the last one needed."""
        self._frames += 1
        for colours, histogram in zip(self._colours, (first, second), strict=True):
            if histogram is not None:
                colours.learn(histogram)
        return self._frames >= _FRAMES_APART

    def fits_better_swapped(self, first: Track, second: Track) -> bool:
        """Whether each of them looks like the other one did."""
        before = first.appearance.histogram, second.appearance.histogram
        now = self._colours[0].histogram, self._colours[1].histogram
        kept = [similarity(a, b) for a, b in zip(before, now, strict=True)]
        swapped = [similarity(a, b) for a, b in zip(before, reversed(now), strict=True)]
        if None in kept or None in swapped:
            return False
        return sum(filter(None, swapped)) > sum(filter(None, kept)) + _CLEARLY
