"""Several people through the shipped networks: found, told apart, and known again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from hmr_live.batch.offline import run_offline
from hmr_live.capture.sources import VideoFile, open_source
from hmr_live.core.errors import PeopleError
from hmr_live.core.state import Frame
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.takes.container import read_take
from tests.engine.recovery.tracking.scenes import FPS, SIZE, Actor, picture, who_is_who


@pytest.fixture(scope="module")
def shared() -> Iterator[Pipeline]:
    pipeline = Pipeline.open(threads=2, people=4)
    yield pipeline
    pipeline.close()


@pytest.fixture
def pipeline(shared: Pipeline) -> Pipeline:
    shared.reset()
    shared.people = 4
    return shared


def played(pipeline, story, frames):
    """Identity of each actor in each frame, as :func:`who_is_who` tells it."""
    told = []
    for number in frames:
        actors = story(number)
        result = pipeline.process(picture(actors, number))
        people = [body.track_id for body in result.bodies]
        assert len(set(people)) == len(people), "two bodies with one identity"
        told.append(who_is_who(result.bodies, actors))
    return told


def test_four_people_are_found_within_a_second_and_recovered_in_one_batch(pipeline, monkeypatch):
    calls = []
    run = pipeline.network.run
    monkeypatch.setattr(
        pipeline.network, "run", lambda image, r, f: calls.append(len(r)) or run(image, r, f)
    )
    four = [Actor("red", 130, 380), Actor("blue", 360), Actor("green", 600), Actor("violet", 830)]
    told = played(pipeline, lambda _: four, range(15))
    assert set(told[-1]) == {"red", "blue", "green", "violet"}
    assert len(set(told[-1].values())) == 4
    calls.clear()
    result = pipeline.process(picture(four, 15))
    assert calls == [4]
    assert "detect" not in result.timings


def crossed(pipeline, other, speed):
    """Whether two people who walked through each other are still who they were."""

    def story(number):
        return [Actor(other, 780 - speed * number), Actor("red", 180 + speed * number)]

    pipeline.reset()
    told = played(pipeline, story, range(560 // speed))
    assert set(told[10]) == {"red", other}
    return told[-1] == told[10]


def test_two_people_who_cross_keep_their_identities(pipeline):
    assert crossed(pipeline, "blue", 14)


def test_identical_twins_who_cross_mostly_keep_their_identities(pipeline):
    """Where one covers the other for good, nothing but their movement tells them apart."""
    assert sum(crossed(pipeline, "twin", speed) for speed in (12, 14, 16, 18)) >= 3


def test_somebody_hidden_for_half_a_second_comes_back_as_themselves(pipeline):
    def story(number):
        both = [Actor("red", 250), Actor("blue", 700)]
        return both[1:] if 10 <= number < 17 else both

    told = played(pipeline, story, range(24))
    assert set(told[9]) == {"red", "blue"}
    assert told[14] == {"blue": told[9]["blue"]}
    assert told[-1] == told[9]


def test_one_person_is_followed_as_ever_beside_others(pipeline):
    pipeline.people = 1
    actors = [Actor("red", 250), Actor("blue", 700)]
    results = [pipeline.process(picture(actors, number)) for number in range(4)]
    assert [[body.track_id for body in result.bodies] for result in results] == [[0]] * 4
    assert all("detect" not in result.timings for result in results[1:])


def test_fewer_people_from_now_on_leaves_the_locked_one(pipeline):
    actors = [Actor("red", 250), Actor("blue", 700)]
    told = played(pipeline, lambda _: actors, range(9))[-1]
    pipeline.locked = told["blue"]
    pipeline.process(picture(actors, 9))
    pipeline.people = 1
    result = pipeline.process(picture(actors, 10))
    assert who_is_who(result.bodies, actors) == {"blue": told["blue"]}
    np.testing.assert_equal(result.bodies[0].measured, True)


@pytest.mark.parametrize("count", [0, 9])
def test_a_number_of_people_that_cannot_be_followed_is_told(pipeline, count):
    with pytest.raises(PeopleError, match="from 1 to 8"):
        pipeline.people = count


def test_a_run_records_everybody_under_their_identity(pipeline, tmp_path):
    actors = [Actor("red", 250), Actor("blue", 700)]
    video = tmp_path / "two.mp4"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
    for number in range(12):
        writer.write(picture(actors, number).image)
    writer.release()
    pipeline.people = 2
    run_offline(VideoFile(video), pipeline, tmp_path / "out", overlay=False)
    motions = read_take(tmp_path / "out" / "take.hmrtake").motions
    assert [motion.track_id for motion in motions] == [0, 1]
    assert all(len(motion.times) > 3 for motion in motions)
    apart = abs(motions[0].joints[-1, 0, 0] - motions[1].joints[-1, 0, 0])
    assert apart > 0.5, "metres between their hips"
    for name, motion in zip(("", "_2"), motions, strict=True):
        with np.load(tmp_path / "out" / f"smpl_parameters{name}.npz") as parameters:
            limbs = motion.pose.reshape(-1, 72)[0, 3:66]
            np.testing.assert_allclose(parameters["poses"][0, 3:66], limbs, atol=1e-4)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["files"]["parameters_2"] == "smpl_parameters_2.npz"


def test_in_one_picture_nobody_hides_their_neighbours(pipeline):
    shown = picture([Actor("red", 150), Actor("green", 480), Actor("blue", 800)], 0).image
    alone = len(pipeline.detector.detect(shown))
    bodies = pipeline.recover(shown)
    places = sorted(body.joints_2d[0, 0] for body in bodies)
    assert len(bodies) == 3 > alone
    assert min(np.diff(places)) > 150
    sides = [body.crop_box.side for body in bodies]
    assert sides == sorted(sides, reverse=True)
    pipeline.people = 2
    still = pipeline.process_still(Frame(shown, 0.0, 0))
    assert [body.crop_box for body in still.bodies] == [body.crop_box for body in bodies[:2]]


def test_people_of_an_earlier_run_do_not_stay_in_the_folder(pipeline, tmp_path):
    (tmp_path / "smpl_parameters_3.npz").write_bytes(b"old")
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    run_offline(open_source(tmp_path / "wall.png"), pipeline, tmp_path, overlay=False)
    assert not (tmp_path / "smpl_parameters_3.npz").exists()
