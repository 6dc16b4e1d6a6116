"""Who is followed, with sightings that are made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.core.state import Frame
from hmr_live.recovery.crop import crop_box_from_joints
from hmr_live.recovery.crop_to_camera import CameraSpaceBody, CropEstimate
from hmr_live.recovery.network import NetworkOutput
from hmr_live.recovery.tracking import MAX_PEOPLE, Tracker
from hmr_live.recovery.tracking.tracker import (
    FRAMES_TO_CONFIRM,
    MAX_LOST_S,
    PROBE_EVERY,
    SEARCH_S,
    SEARCH_SOON_S,
)

SKELETON = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32) * [0.12, 0.25]
SIZE = (1200, 1000)


def estimate(x, height=300.0, confidence=0.9):
    """Somebody whose middle is at ``x`` pixels."""
    joints = np.asarray([x, SIZE[1] / 2] + SKELETON * height, np.float32)
    crop_box = crop_box_from_joints(joints, SIZE)
    rotmats = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    output = NetworkOutput(
        rotmats, np.zeros(10), np.ones(3), 0.95, np.full(24, confidence, np.float32)
    )
    return CropEstimate(
        crop_box, output, CameraSpaceBody(rotmats, np.zeros(10), np.ones(3)), joints, crop_box
    )


def frame(time, clothes=()):
    """A picture in which the people at these places (x, level of grey) wear what they wear."""
    image = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    for x, level in clothes:
        image[:, max(int(x) - 80, 0) : int(x) + 80] = level
    return Frame(image, time, round(time * 30))


class Stage:
    """Drives a tracker as the pipeline does, with people at known places."""

    def __init__(self, limit):
        self.tracker = Tracker(limit)
        self.time = 0.0
        self.searches = []

    def step(self, places, *, hidden=(), clothes=(), elapsed=1 / 30):
        """One frame: identity -> where that person is, as ``places`` (name -> sighting) has it."""
        tracker, self.time = self.tracker, self.time + elapsed
        now = frame(self.time, clothes)
        tracker.begin(now.time)
        visible = [seen for name, seen in places.items() if name not in hidden]
        if tracker.wants_search(now.time):
            self.searches.append(now.time)
            tracker.add_detections(visible, now)
        looks = tracker.active + tracker.tentative + tracker.probes()
        seen = {}
        for track in looks:
            crop_box = track.predicted(now.time)
            near = [
                s for s in visible if abs(s.next_crop_box.cx - crop_box.cx) < 0.25 * crop_box.side
            ]
            if near:
                seen[track] = min(near, key=lambda s: abs(s.next_crop_box.cx - crop_box.cx))
        tracker.assign(seen, now)
        for track in tracker.active:
            track.update(seen[track], now.time)
        return {track.track_id: round(track.crop_box.cx) for track in tracker.in_order()}

    def run(self, places, seconds, **how):
        for _ in range(round(seconds * 30)):
            shown = self.step(places, **how)
        return shown


#: As the detector finds them: the larger one first.
PAIR = {"right": estimate(800, 330), "left": estimate(300)}


def test_people_get_identities_in_the_order_they_are_found():
    stage = Stage(4)
    shown = stage.run(PAIR, 0.5)
    assert sorted(shown) == [0, 1]


def test_one_of_several_is_enough_for_a_limit_of_one_and_nobody_is_searched_for_then():
    stage = Stage(1)
    assert list(stage.run(PAIR, 3)) == [0]
    assert len(stage.searches) == 1


def test_whoever_is_followed_alone_has_one_identity_however_often_they_are_lost():
    stage = Stage(1)
    stage.run(PAIR, 0.5)
    assert stage.run(PAIR, 3 * MAX_LOST_S, hidden=PAIR) == {}
    assert list(stage.run(PAIR, 0.5)) == [0]


def test_the_detector_rests_when_everybody_is_found_and_else_looks_once_in_a_while():
    full, room = Stage(2), Stage(3)
    for stage in (full, room):
        stage.run(PAIR, 1.5)
        stage.searches.clear()
        stage.run(PAIR, 4 * SEARCH_S)
    assert not full.searches
    assert 3 <= len(room.searches) <= 4


def test_the_detector_looks_sooner_for_somebody_who_was_just_there():
    stage = Stage(2)
    stage.run(PAIR, 1.5)
    stage.searches.clear()
    stage.run(PAIR, 1.0, hidden=["left"])
    assert 1 / SEARCH_SOON_S - 1 <= len(stage.searches) <= 1 / SEARCH_SOON_S + 1


def test_somebody_lost_is_known_again_within_about_a_second_and_not_later():
    stage = Stage(2)
    before = stage.run(PAIR, 0.5)
    stage.run(PAIR, MAX_LOST_S - 0.3, hidden=["left"])
    assert stage.run(PAIR, 0.3) == before
    stage.run(PAIR, 2 * MAX_LOST_S, hidden=["left"])
    later = stage.run(PAIR, 1.5)
    assert len(later) == 2
    assert set(later) - set(before) == {2}


def test_a_place_is_kept_for_somebody_out_of_sight_for_a_moment():
    stage = Stage(2)
    before = stage.run(PAIR, 0.5)
    crowd = {**PAIR, "newcomer": estimate(1100, 250)}
    assert set(stage.run(crowd, 0.7, hidden=["left"])) < set(before)
    assert stage.run(crowd, 0.5) == before


def test_the_place_of_somebody_lost_is_probed_on_every_third_frame():
    stage = Stage(2)
    stage.run(PAIR, 0.5)
    looked = []
    for _ in range(9):
        stage.step(PAIR, hidden=["left"])
        looked.append(bool(stage.tracker.probes()))
    assert PROBE_EVERY == 3
    assert any(looked)
    assert not all(looked)


def test_what_is_unclear_is_not_taken_for_somebody_else():
    stage = Stage(3)
    stage.run({**PAIR, "shadow": estimate(1100, confidence=0.2)}, 3)
    assert len(stage.tracker.active) == 2


def test_somebody_new_beside_others_must_be_seen_several_times():
    stage = Stage(2)
    stage.run({"left": PAIR["left"]}, 1.5)
    while not stage.tracker.tentative:
        stage.step(PAIR)
    for _ in range(FRAMES_TO_CONFIRM - 2):
        assert len(stage.step(PAIR)) == 1
    assert len(stage.step(PAIR)) == 2


def test_a_body_seen_in_two_crops_is_one_person():
    stage = Stage(2)
    stage.run(PAIR, 0.5)
    left, right = sorted(stage.tracker.active, key=lambda track: track.crop_box.cx)
    now = frame(stage.time + 1 / 30)
    stage.tracker.begin(now.time)
    stage.tracker.assign({left: PAIR["right"], right: PAIR["right"]}, now)
    assert stage.tracker.active == [right]
    assert stage.tracker.lost == [left]


def test_identities_mixed_up_in_a_crossing_go_back_to_who_wears_the_clothes():
    stage = Stage(2)
    places = {"dark": estimate(300), "bright": estimate(800)}
    before = stage.run(places, 1.0, clothes=[(300, 20), (800, 240)])
    dark = next(track_id for track_id, x in before.items() if x < 500)
    together = {"dark": estimate(540), "bright": estimate(600)}
    first, second = stage.tracker.active
    now = frame(stage.time + 1 / 30)
    # Both were in one place, and came out of it with the other one's crop.
    stage.tracker.begin(now.time)
    stage.tracker.assign({first: together["dark"], second: together["bright"]}, now)
    first.update(together["dark"], now.time)
    second.update(together["bright"], now.time)
    stage.step(together)
    swapped = {first: estimate(800), second: estimate(300)}
    if first.crop_box.cx > second.crop_box.cx or before[first.track_id] > 500:
        swapped = {first: estimate(300), second: estimate(800)}
    for track, seen in swapped.items():
        track.crop_box = seen.next_crop_box
    apart = {"one": estimate(300), "other": estimate(800)}
    after = stage.run(apart, 1.0, clothes=[(300, 20), (800, 240)])
    assert after[dark] == before[dark]


def test_the_largest_leads_and_a_little_growth_of_another_changes_nothing():
    stage = Stage(2)
    assert next(iter(stage.run(PAIR, 0.5).values())) == round(PAIR["right"].next_crop_box.cx)
    leader = stage.tracker.leader.track_id
    stage.run({"left": estimate(300, 350), "right": PAIR["right"]}, 0.5)
    assert stage.tracker.leader.track_id == leader
    stage.run({"left": estimate(300, 480), "right": PAIR["right"]}, 0.5)
    assert stage.tracker.leader.track_id != leader


def test_the_locked_person_leads_until_they_are_gone():
    stage = Stage(2)
    order = list(stage.run(PAIR, 0.5))
    stage.tracker.leader.locked = order[1]
    assert list(stage.run(PAIR, 0.2)) == order[::-1]
    assert stage.tracker.leader.is_locked
    stage.run(PAIR, 0.5, hidden=["left"])
    assert stage.tracker.leader.track_id == order[1], "out of sight for a moment"
    stage.run(PAIR, MAX_LOST_S, hidden=["left"])
    assert stage.tracker.leader.track_id == order[0]
    assert not stage.tracker.leader.is_locked


def test_identities_of_people_seen_together_have_different_colours():
    stage = Stage(2)
    stage.run(PAIR, 0.5)
    for _ in range(MAX_PEOPLE + 2):
        stage.run(PAIR, 2 * MAX_LOST_S, hidden=["left"], elapsed=0.2)
        shown = list(stage.run(PAIR, 2, elapsed=0.1))
        assert len(shown) == 2
        assert shown[0] % MAX_PEOPLE != shown[1] % MAX_PEOPLE


def test_a_new_source_begins_with_nobody():
    stage = Stage(2)
    stage.run(PAIR, 0.5)
    stage.tracker.leader.locked = 1
    stage.tracker.reset()
    assert stage.tracker.active == []
    assert stage.tracker.leader.locked is None
    assert sorted(stage.run(PAIR, 0.5)) == [0, 1]


@pytest.mark.parametrize("level", [0, 255])
def test_colours_are_learnt_only_of_what_is_inside_the_picture(level):
    stage = Stage(2)
    stage.run({"left": estimate(-200), "right": PAIR["right"]}, 0.5, clothes=[(0, level)])
    outside = min(stage.tracker.active, key=lambda track: track.crop_box.cx)
    assert not outside.appearance.histogram.any()
