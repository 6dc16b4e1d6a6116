"""Who is followed: people come, are lost for a while, come back, leave, and pass each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from hmr_live.core.state import Array, Frame
from hmr_live.recovery.crop_to_camera import Sighting
from hmr_live.recovery.tracking.appearance import colour_histogram
from hmr_live.recovery.tracking.association import may_be_back, misfit, same_body
from hmr_live.recovery.tracking.crossings import Crossings
from hmr_live.recovery.tracking.leader import Leader
from hmr_live.recovery.tracking.limits import MAX_PEOPLE
from hmr_live.recovery.tracking.track import Track

#: While nobody is in sight, the detector runs on every third frame only: it is the dearest stage.
SEARCH_EVERY: Final = 3
#: While somebody is in sight and there is room for more, it runs after so many seconds only.
SEARCH_S: Final = 1.0
#: The same while somebody known is out of sight, or when somebody has just come.
SEARCH_SOON_S: Final = 0.3
#: Seconds for which somebody out of sight keeps their identity.
KEPT_S: Final = 1.2
#: Where somebody out of sight should be is looked at on every third frame.
PROBE_EVERY: Final = 3
#: Who comes or comes back must be seen clearly: the network's mean confidence in the joints.
#: Beside others that is not enough, for the detector takes parts of somebody half hidden for
#: people: they must be seen in so many frames.
CLEAR_CONFIDENCE: Final = 0.35
FRAMES_TO_CONFIRM: Final = 3
#: Two crops show the same body: whoever was out of sight must fit better by this much.
_POSSESSION: Final = 0.3

Seen = dict[Track, Sighting]


class Tracker:
    """The tracks of up to ``limit`` people.

    With a limit of one there is nobody to mix the person up with: whoever is followed has the
    identity of the one before, and nothing but the person's own crop is looked at.

    Parameters
    ----------
    limit
        How many are followed at once, 1 to :data:`hmr_live.recovery.tracking.MAX_PEOPLE`.
    """

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        self.leader = Leader()
        self.active: list[Track] = []
        self.lost: list[Track] = []
        #: Those who may be people; not shown yet.
        self.newcomers: list[Track] = []
        self._crossings = Crossings()
        self._next_person = 0
        self._frames_without = 0
        self._searched_at = 0.0
        self._somebody_came = False

    def reset(self) -> None:
        """Forget everybody, the lock too; identities begin anew."""
        self.active, self.lost, self.newcomers = [], [], []
        self.leader.reset()
        self._crossings.forget()
        self._next_person = self._frames_without = 0

    def begin(self, time: float) -> None:
        """Begin a frame at ``time`` seconds: those out of sight for too long are forgotten."""
        self.lost = [track for track in self.lost if 0 <= time - track.lost_at <= KEPT_S]
        if len(self.active) > self.limit:
            self.active = self.in_order()[: self.limit]
        if len(self.active) >= self.limit:
            self.newcomers = []
        self.leader.choose(self.active, self.lost)

    def in_order(self) -> list[Track]:
        """Everybody in sight: whom the program follows first, then the largest."""
        if len(self.active) < 2:
            return self.active
        return sorted(self.active, key=lambda t: (t.person != self.leader.person, -t.crop_box.side))

    def wants_search(self, time: float) -> bool:
        """Whether the detector is to look for people in this frame; to be asked once a frame."""
        if not self.active:
            self._frames_without += 1
            due = (self._frames_without - 1) % SEARCH_EVERY == 0
        elif len(self.active) + len(self.newcomers) < self.limit:
            interval = SEARCH_SOON_S if self.lost or self._somebody_came else SEARCH_S
            due = not 0 <= time - self._searched_at < interval
        else:
            return False
        if due:
            self._searched_at, self._somebody_came = time, False
        return due

    def probes(self) -> list[Track]:
        """Those out of sight whose place is worth a look in this frame."""
        if self.limit == 1 or len(self.active) >= self.limit:
            return []
        for track in self.lost:
            track.frames_lost += 1
        return [track for track in self.lost if track.frames_lost % PROBE_EVERY == 1]

    def admit(self, sightings: Sequence[Sighting], frame: Frame) -> None:
        """Follow those whom the detector has found, in their order, as long as there is room.

        Parameters
        ----------
        sightings
            Whom the network has confirmed; those who are followed already may be among them.
        frame
            The frame they were seen in.
        """
        if self.limit == 1:
            if sightings and not self.active:
                self.active = [Track(self.leader.person or 0, sightings[0])]
            return
        strangers: list[Sighting] = []
        followed = [track.last for track in self.active + self.newcomers]
        for sighting in filter(_is_clear, sightings):
            if not any(same_body(sighting, known) for known in followed + strangers):
                strangers.append(sighting)
        for track in list(self.lost):
            back = self._best_fit(track, strangers, frame)
            if back is not None:
                strangers.remove(back)
                self._come_back(track, back)
        # A place is kept for those who are out of sight only for a moment.
        room = self.limit - len(self.active) - len(self.lost) - len(self.newcomers)
        for stranger in strangers[: max(room, 0)]:
            if not self.active:
                self._welcome(Track(-1, stranger))
            else:
                self.newcomers.append(Track(-1, stranger))

    def settle(self, seen: Seen, frame: Frame) -> None:
        """Decide who is who of those whom the network saw in their own crops.

        Parameters
        ----------
        seen
            What was seen of the active ones, the newcomers and the probed ones.  Whoever turns
            out to be somebody else, or not there, is taken out of it.
        frame
            The frame.
        """
        if self.limit > 1:
            colours = {
                track: colour_histogram(frame.image, sighting.joints_2d)
                for track, sighting in seen.items()
            }
            self._part(seen, colours, frame.time)
            for track in [track for track in self.lost if track in seen]:
                if self._is_back(track, seen[track], colours[track], frame.time):
                    self._come_back(track, seen[track])
                else:
                    del seen[track]
            self._learn(colours)
            self._confirm(seen)
        for track in [track for track in self.active if track not in seen]:
            self._lose(track, frame.time)

    def lose(self, tracks: Sequence[Track], time: float) -> None:
        """The detector says that these are not there any more."""
        for track in tracks:
            self._lose(track, time)

    def _part(self, seen: Seen, colours: dict[Track, Array], time: float) -> None:
        """Leave a body that was seen in two crops to whom it fits better."""
        for pair in combinations(list(seen), 2):
            first, second = pair
            if first not in seen or second not in seen or not same_body(seen[first], seen[second]):
                continue
            if first not in self.newcomers and second not in self.newcomers:
                self._crossings.begin(first, second)
            loser = max(
                pair,
                key=lambda track: (
                    track in self.newcomers,
                    misfit(track, seen[track], colours[track], time)
                    + _POSSESSION * (track in self.lost),
                ),
            )
            del seen[loser]

    def _learn(self, colours: dict[Track, Array]) -> None:
        for first, second in self._crossings.follow(self.active, self.active + self.lost, colours):
            first.person, second.person = second.person, first.person
            first.appearance, second.appearance = second.appearance, first.appearance
        for track in self.active:
            if track in colours and not self._crossings.involve(track):
                track.appearance.learn(colours[track])

    def _confirm(self, seen: Seen) -> None:
        """Welcome the newcomers who were seen often enough, and forget those who were not."""
        self.newcomers = [track for track in self.newcomers if track in seen]
        for track in list(self.newcomers):
            track.last, track.crop_box = seen[track], seen[track].around
            track.frames_seen += 1
            if track.frames_seen >= FRAMES_TO_CONFIRM:
                self.newcomers.remove(track)
                self._welcome(track)

    def _welcome(self, track: Track) -> None:
        track.person = self._new_person()
        self.active.append(track)
        # Somebody clear may have kept the detector from seeing others.
        self._somebody_came = True

    def _is_back(self, track: Track, sighting: Sighting, colours: Array, time: float) -> bool:
        crossing = self._crossings.involve(track)
        back = may_be_back(track, sighting, colours, time, crossing=crossing)
        return back and _is_clear(sighting)

    def _best_fit(
        self, track: Track, strangers: Sequence[Sighting], frame: Frame
    ) -> Sighting | None:
        """Who of the strangers the lost person is."""
        colours = [colour_histogram(frame.image, s.joints_2d) for s in strangers]
        fits = [
            (misfit(track, sighting, histogram, frame.time), place)
            for place, (sighting, histogram) in enumerate(zip(strangers, colours, strict=True))
            if self._is_back(track, sighting, histogram, frame.time)
        ]
        return strangers[min(fits)[1]] if fits else None

    def _come_back(self, track: Track, sighting: Sighting) -> None:
        self.lost.remove(track)
        self.active.append(track)
        track.start_again(sighting.around)

    def _lose(self, track: Track, time: float) -> None:
        self.active.remove(track)
        if self.limit > 1:
            self.lost.append(track)
            track.lost_at, track.frames_lost = time, 0
        if not self.active:
            self._frames_without = 0

    def _new_person(self) -> int:
        """The next identity; those seen together differ modulo ``MAX_PEOPLE``, as tints do."""
        taken = {track.person % MAX_PEOPLE for track in self.active + self.lost}
        while self._next_person % MAX_PEOPLE in taken:
            self._next_person += 1
        self._next_person += 1
        return self._next_person - 1


def _is_clear(sighting: Sighting) -> bool:
    """Whether the network is sure enough of a body to take it for somebody new."""
    return float(sighting.output.confidence.mean()) > CLEAR_CONFIDENCE
