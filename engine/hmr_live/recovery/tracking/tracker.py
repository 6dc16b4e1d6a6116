"""Multi-person tracking: people appear, are lost, come back, leave, and cross."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from hmr_live.core.errors import PeopleError
from hmr_live.core.state import Array, Frame
from hmr_live.recovery.crop_to_camera import CropEstimate
from hmr_live.recovery.tracking.appearance import colour_histogram
from hmr_live.recovery.tracking.association import association_cost, is_same_person, same_body
from hmr_live.recovery.tracking.id_switches import IdSwitchDetector
from hmr_live.recovery.tracking.leader import Leader
from hmr_live.recovery.tracking.track import Track

#: No back end's network takes more crops than this in one call.
MAX_PEOPLE: Final = 8
#: While nobody is in sight, the detector runs on every third frame only: it is the most expensive
#: stage.
SEARCH_EVERY: Final = 3
#: While somebody is in sight and more may be tracked, the detector runs at this interval.
SEARCH_S: Final = 1.0
#: The same while a track is lost, or when somebody has just appeared.
SEARCH_SOON_S: Final = 0.3
#: Seconds for which a lost track keeps its id.
MAX_LOST_S: Final = 1.2
#: The predicted crop of a lost track is inferred on every third frame.
PROBE_EVERY: Final = 3
#: Mean confidence in the joints from which an estimate may start or resume a track.  Beside others
#: that is not enough, since the detector takes parts of somebody half hidden for people: a
#: tentative track must be seen in so many frames before it is confirmed.
MIN_MEAN_CONFIDENCE: Final = 0.35
FRAMES_TO_CONFIRM: Final = 3
#: Where two tracks see the same body, a lost one must fit better by this much.
_LOST_PENALTY: Final = 0.3

Estimates = dict[Track, CropEstimate]


def check_people(count: int) -> None:
    """Refuse a number of people that cannot be tracked.

    Raises
    ------
    PeopleError
        If the number is not 1 to :data:`MAX_PEOPLE`.
    """
    if not 1 <= count <= MAX_PEOPLE:
        raise PeopleError(
            f"{count} people cannot be followed: choose a number from 1 to {MAX_PEOPLE}."
        )


class Tracker:
    """The tracks of up to ``limit`` people.

    With a limit of one there is nobody to confuse the person with: whoever is tracked takes over
    the id of the one before, and only that one crop is inferred.

    Parameters
    ----------
    limit
        How many people are tracked at once, 1 to :data:`hmr_live.recovery.tracking.MAX_PEOPLE`.
    """

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        self.leader = Leader()
        self.active: list[Track] = []
        self.lost: list[Track] = []
        #: Tracks that are not confirmed yet, and not shown.
        self.tentative: list[Track] = []
        self._id_switches = IdSwitchDetector()
        self._next_track_id = 0
        self._frames_empty = 0
        self._searched_at = 0.0
        self._somebody_appeared = False

    def reset(self) -> None:
        """Forget all tracks, and the lock; ids start again at 0."""
        self.active, self.lost, self.tentative = [], [], []
        self.leader.reset()
        self._id_switches.reset()
        self._next_track_id = self._frames_empty = 0

    def begin(self, time: float) -> None:
        """Begin a frame at ``time`` seconds: tracks lost for too long are dropped."""
        self.lost = [track for track in self.lost if 0 <= time - track.lost_at <= MAX_LOST_S]
        if len(self.active) > self.limit:
            self.active = self.in_order()[: self.limit]
        if len(self.active) >= self.limit:
            self.tentative = []
        self.leader.choose(self.active, self.lost)

    def in_order(self) -> list[Track]:
        """The active tracks, the leader first, then by size."""
        if len(self.active) < 2:
            return self.active
        return sorted(
            self.active, key=lambda t: (t.track_id != self.leader.track_id, -t.crop_box.side)
        )

    def wants_search(self, time: float) -> bool:
        """Whether the detector should run on this frame; call once a frame."""
        if not self.active:
            self._frames_empty += 1
            due = (self._frames_empty - 1) % SEARCH_EVERY == 0
        elif len(self.active) + len(self.tentative) < self.limit:
            interval = SEARCH_SOON_S if self.lost or self._somebody_appeared else SEARCH_S
            due = not 0 <= time - self._searched_at < interval
        else:
            return False
        if due:
            self._searched_at, self._somebody_appeared = time, False
        return due

    def probes(self) -> list[Track]:
        """The lost tracks whose predicted crop should be inferred in this frame."""
        if self.limit == 1 or len(self.active) >= self.limit:
            return []
        for track in self.lost:
            track.frames_lost += 1
        return [track for track in self.lost if track.frames_lost % PROBE_EVERY == 1]

    def add_detections(self, estimates: Sequence[CropEstimate], frame: Frame) -> None:
        """Start or resume tracks from detections, in their order, up to the limit.

        Parameters
        ----------
        estimates
            Detections that the network has confirmed; people already tracked may be among them.
        frame
            The frame that they were found in.
        """
        if self.limit == 1:
            if estimates and not self.active:
                self.active = [Track(self.leader.track_id or 0, estimates[0])]
            return
        unmatched: list[CropEstimate] = []
        followed = [track.last for track in self.active + self.tentative]
        for estimate in filter(_is_confident, estimates):
            if not any(same_body(estimate, known) for known in followed + unmatched):
                unmatched.append(estimate)
        for track in list(self.lost):
            back = self._best_fit(track, unmatched, frame)
            if back is not None:
                unmatched.remove(back)
                self._reidentify(track, back)
        # Lost tracks keep their places.
        room = self.limit - len(self.active) - len(self.lost) - len(self.tentative)
        for new in unmatched[: max(room, 0)]:
            if not self.active:
                self._confirm(Track(-1, new))
            else:
                self.tentative.append(Track(-1, new))

    def assign(self, seen: Estimates, frame: Frame) -> None:
        """Assign the estimates from the tracks' own crops.

        Parameters
        ----------
        seen
            Estimates of the active, the tentative and the probed tracks.  Those that show somebody
            else, or nobody, are removed.
        frame
            The frame.
        """
        if self.limit > 1:
            colours = {
                track: colour_histogram(frame.image, estimate.joints_2d)
                for track, estimate in seen.items()
            }
            self._resolve_duplicates(seen, colours, frame.time)
            for track in [track for track in self.lost if track in seen]:
                if self._is_reidentified(track, seen[track], colours[track], frame.time):
                    self._reidentify(track, seen[track])
                else:
                    del seen[track]
            self._update_appearances(colours)
            self._confirm_tentative(seen)
        for track in [track for track in self.active if track not in seen]:
            self._lose(track, frame.time)

    def lose(self, tracks: Sequence[Track], time: float) -> None:
        """Mark tracks as lost that the detector no longer finds."""
        for track in tracks:
            self._lose(track, time)

    def _resolve_duplicates(
        self, seen: Estimates, colours: dict[Track, Array], time: float
    ) -> None:
        """Leave a body seen in two crops to the track that it fits better."""
        for pair in combinations(list(seen), 2):
            first, second = pair
            if first not in seen or second not in seen or not same_body(seen[first], seen[second]):
                continue
            if first not in self.tentative and second not in self.tentative:
                self._id_switches.begin(first, second)
            loser = max(
                pair,
                key=lambda track: (
                    track in self.tentative,
                    association_cost(track, seen[track], colours[track], time)
                    + _LOST_PENALTY * (track in self.lost),
                ),
            )
            del seen[loser]

    def _update_appearances(self, colours: dict[Track, Array]) -> None:
        for first, second in self._id_switches.update(
            self.active, self.active + self.lost, colours
        ):
            first.track_id, second.track_id = second.track_id, first.track_id
            first.appearance, second.appearance = second.appearance, first.appearance
            first.shape, second.shape = second.shape, first.shape
        for track in self.active:
            if track in colours and not self._id_switches.involves(track):
                track.appearance.update(colours[track])

    def _confirm_tentative(self, seen: Estimates) -> None:
        """Confirm the tentative tracks seen often enough; drop those not seen."""
        self.tentative = [track for track in self.tentative if track in seen]
        for track in list(self.tentative):
            track.last, track.crop_box = seen[track], seen[track].next_crop_box
            track.frames_seen += 1
            if track.frames_seen >= FRAMES_TO_CONFIRM:
                self.tentative.remove(track)
                self._confirm(track)

    def _confirm(self, track: Track) -> None:
        track.track_id = self._new_track_id()
        self.active.append(track)
        # Somebody in plain view may have kept the detector from finding others.
        self._somebody_appeared = True

    def _is_reidentified(
        self, track: Track, estimate: CropEstimate, colours: Array, time: float
    ) -> bool:
        crossing = self._id_switches.involves(track)
        back = is_same_person(track, estimate, colours, time, crossing=crossing)
        return back and _is_confident(estimate)

    def _best_fit(
        self, track: Track, unmatched: Sequence[CropEstimate], frame: Frame
    ) -> CropEstimate | None:
        """The unmatched estimate that fits the lost track best."""
        colours = [colour_histogram(frame.image, s.joints_2d) for s in unmatched]
        fits = [
            (association_cost(track, estimate, histogram, frame.time), place)
            for place, (estimate, histogram) in enumerate(zip(unmatched, colours, strict=True))
            if self._is_reidentified(track, estimate, histogram, frame.time)
        ]
        return unmatched[min(fits)[1]] if fits else None

    def _reidentify(self, track: Track, estimate: CropEstimate) -> None:
        self.lost.remove(track)
        self.active.append(track)
        track.restart(estimate.next_crop_box)

    def _lose(self, track: Track, time: float) -> None:
        self.active.remove(track)
        if self.limit > 1:
            self.lost.append(track)
            track.lost_at, track.frames_lost = time, 0
        if not self.active:
            self._frames_empty = 0

    def _new_track_id(self) -> int:
        """The next id; ids in sight together differ modulo ``MAX_PEOPLE``, as colours do."""
        taken = {track.track_id % MAX_PEOPLE for track in self.active + self.lost}
        while self._next_track_id % MAX_PEOPLE in taken:
            self._next_track_id += 1
        self._next_track_id += 1
        return self._next_track_id - 1


def _is_confident(estimate: CropEstimate) -> bool:
    """Whether the network is confident enough of a body to start or resume a track."""
    return float(estimate.output.confidence.mean()) > MIN_MEAN_CONFIDENCE
