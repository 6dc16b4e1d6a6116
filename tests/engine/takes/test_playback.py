from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.capture.sources import VideoFile
from hmr_live.core.errors import RecordingError
from hmr_live.takes.people import HOLD_S, Presence, adapt_to_body, body_state
from hmr_live.takes.picture_reader import TakePictureReader, picture_at
from hmr_live.takes.playback import Playback, frame_times
from hmr_live.takes.video import VideoFileWriter
from tests.engine.takes.streams import motion, take


def playback(frames=31, fps=10.0):
    return Playback(100 + np.arange(frames) / fps)


def test_moments_are_those_of_everybody_and_of_the_video(tmp_path):
    people = motion([1.0, 2.0]), motion([2.0, 3.0], track_id=1)
    np.testing.assert_array_equal(frame_times(take(*people)), [1, 2, 3])
    filmed = take(*people, video=tmp_path / "x.avi", video_times=[0.5, 2.0])
    np.testing.assert_array_equal(frame_times(filmed), [0.5, 1, 2, 3])


def test_a_take_without_anybody_cannot_be_played():
    with pytest.raises(RecordingError, match="Nobody was in sight"):
        frame_times(take())


@pytest.mark.parametrize("speed", [0.1, 1.0, 8.0])
def test_speed_is_seconds_of_the_take_for_a_second_of_the_clock(speed):
    player = playback()
    player.speed = speed
    player.advance(0.1)
    assert player.time == 0, "it is paused"
    player.toggle()
    player.advance(0.25)
    assert player.time == pytest.approx(0.25 * speed)


def test_playing_ends_at_the_last_frame_and_begins_again_from_there():
    player = playback()
    player.toggle()
    player.advance(5)
    assert (player.time, player.playing, player.index) == (3.0, False, 30)
    player.toggle()
    assert (player.time, player.playing) == (0.0, True)


def test_a_loop_goes_round_between_in_and_out():
    player = playback()
    player.loop = True
    player.seek(1.0)
    player.mark_in()
    player.seek(2.0)
    player.mark_out()
    assert player.trimmed
    player.toggle()
    assert player.time == 1.0, "it stood at the end of the range"
    player.advance(2.3)
    assert player.time == pytest.approx(1.3)
    assert player.playing
    player.clear_range()
    assert (player.in_point, player.out_point, player.trimmed) == (0.0, 3.0, False)


def test_out_before_in_keeps_a_range():
    player = playback()
    player.seek(2.0)
    player.mark_in()
    player.seek(1.0)
    player.mark_out()
    assert (player.in_point, player.out_point) == (0.0, 1.0)


def test_steps_pause_and_go_from_frame_to_frame_and_not_beyond():
    player = playback()
    player.toggle()
    player.seek(0.55)
    player.step(1)
    assert (player.time, player.playing) == (pytest.approx(0.6), False)
    player.step(-2)
    assert player.time == pytest.approx(0.4)
    player.step(-99)
    assert player.time == 0
    player.step(99)
    assert player.time == 3.0


def test_a_single_frame_stands_still():
    player = Playback(np.array([7.0]))
    player.toggle()
    player.advance(1)
    assert (player.time, player.playing, player.moment) == (0.0, False, 7.0)


def test_people_are_in_sight_from_their_first_frame_until_a_moment_after_their_last():
    times = np.arange(10) / 10
    presence = Presence(take(motion(times), motion(times[5:], track_id=1)))
    seen = [[m.track_id for m, _ in presence.at(moment)] for moment in (-0.01, 0.0, 0.5, 0.95, 1.5)]
    assert seen == [[], [0], [0, 1], [0, 1], []]
    assert [index for _, index in presence.at(0.75)] == [7, 2]
    assert [index for _, index in presence.at(0.9 + HOLD_S)] == [9, 4]


def test_a_frame_becomes_the_body_that_was_recorded():
    body = BodyModel.default()
    pose = np.random.default_rng(0).normal(0, 0.5, (1, 24, 3))
    rotmats = matrix_from_axis_angle(pose[0].astype(np.float32))
    joints = body.joints(rotmats, np.zeros(10)) + np.array([0.2, 0.1, 3])
    stream = motion([0.0], pose, joints=joints[None])
    stream.measured[0] = False
    state = body_state(stream, 0, (640, 480))
    assert not state.measured
    np.testing.assert_allclose(state.rotmats, rotmats, atol=1e-6)
    expected = joints[:, :2] * 500 / joints[:, 2:] + [320, 240]
    np.testing.assert_allclose(state.joints_2d, expected, atol=1e-3)
    assert np.isfinite(state.angles).all()


def test_a_take_of_another_body_keeps_poses_and_place_and_says_so():
    body = BodyModel.default()
    joints = np.random.default_rng(0).normal(size=(3, 24, 3)) + np.array([0, 0, 3])
    original = take(motion([0.0, 0.1, 0.2], joints=joints, track_id=1))
    shown, sentence = adapt_to_body(original, body)
    assert "test body" in sentence
    stream = shown.motions[0]
    np.testing.assert_array_equal(stream.pose, original.motions[0].pose)
    assert not stream.betas.any()
    np.testing.assert_allclose(stream.joints[:, 0], joints[:, 0], atol=1e-6)
    rotmats = matrix_from_axis_angle(stream.pose[2])
    np.testing.assert_allclose(
        body.joints(rotmats, stream.betas[2]) + stream.transl[2], stream.joints[2], atol=1e-5
    )
    assert shown.info["body"]["sha256"] == body.sha256
    assert adapt_to_body(shown, body) == (shown, "")


@pytest.fixture
def film(tmp_path):
    """A video with its pictures as they are read from the beginning to the end."""
    path = tmp_path / "noise.avi"
    noise = np.random.default_rng(0).integers(0, 40, (240, 320, 3), np.uint8)
    writer = VideoFileWriter(path, (320, 240), 25)
    for number in range(60):
        writer.add(noise + np.uint8(3 * number))
    writer.close()
    source = VideoFile(path)
    return path, [frame.image for _ in range(60) if (frame := source.read()) is not None]


def test_any_picture_of_a_video_is_found_in_any_order(film):
    path, pictures = film
    reader = TakePictureReader(path)
    for number in (0, 1, 2, 40, 41, 5, 59, 58, 0):
        np.testing.assert_array_equal(reader.read(number), pictures[number])
    assert reader.read(60) is None
    assert reader.read(3) is not None, "the end is no end for what lies before it"
    reader.close()


def test_pictures_of_a_video_that_was_cut_off_are_found_too(film):
    path, pictures = film
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    reader = TakePictureReader(path)
    for number in (12, 3, 20, 8):
        np.testing.assert_array_equal(reader.read(number), pictures[number])
    assert reader.read(55) is None
    np.testing.assert_array_equal(reader.read(2), pictures[2])
    reader.close()


def test_the_picture_on_show_is_the_last_one_taken():
    times = np.array([1.0, 1.1, 1.5])
    assert [picture_at(times, moment) for moment in (0.0, 1.0, 1.12, 1.499, 9)] == [0, 0, 1, 1, 2]
