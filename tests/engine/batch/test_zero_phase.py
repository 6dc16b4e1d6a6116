"""Files are smoothed with the future at hand: no lag, less jitter, every frame in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmr_live.angles import joint_angles
from hmr_live.batch.offline import run_offline
from hmr_live.batch.zero_phase import CUTOFF, ZeroPhaseSmoother
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import SourceError
from hmr_live.core.state import BodyState, CropBox, Frame, FrameResult
from hmr_live.takes.container import read_take
from hmr_live.takes.smooth import smooth_values
from tests.engine.batch.archive.fakes import BlindPipeline

RATE = 30.0
PICTURE = np.zeros((4, 4, 3), np.uint8)


class Mover:
    """Moves a body without a body model."""

    def with_body(self, state, body, size):
        assert size == (4, 4)
        return replace(state, **body._asdict())


def body(turn, place, track_id=0, shape=0.0):
    pose = np.zeros((24, 3), np.float32)
    pose[5, 0] = turn
    points = np.zeros((24, 3), np.float32)
    return BodyState(
        rotmats=matrix_from_axis_angle(pose),
        betas=np.full(10, shape, np.float32),
        transl=np.array([place, 0, 3], np.float32),
        focal_length=500.0,
        camera=np.ones(3, np.float32),
        crop_box=CropBox(2, 2, 4),
        joints=points,
        joints_2d=points[:, :2],
        confidence=np.ones(24, np.float32),
        score=1.0,
        angles_of=joint_angles,
        track_id=track_id,
    )


def result(number, *bodies, time=None):
    time = number / RATE if time is None else time
    return FrameResult(Frame(PICTURE, time, number), tuple(bodies))


def through(results):
    ahead = ZeroPhaseSmoother(Mover())
    done = [part for one in results for part in ahead.add(one)]
    return done + ahead.flush()


def turns(results, track_id=0):
    found = [[b for b in r.bodies if b.track_id == track_id] for r in results]
    return np.array([np.arcsin(b[0].rotmats[5, 2, 1]) if b else np.nan for b in found])


def test_a_steady_movement_comes_through_without_lag():
    film = [result(k, body(0.02 * k, 0.1 * k)) for k in range(40)]
    smooth = through(film)
    assert [r.frame.index for r in smooth] == list(range(40))
    np.testing.assert_allclose(turns(smooth), 0.02 * np.arange(40), atol=1e-4)
    places = [r.bodies[0].transl[0] for r in smooth]
    np.testing.assert_allclose(places, 0.1 * np.arange(40), atol=1e-4)


def test_a_place_is_what_smoothing_of_the_whole_gives():
    rng = np.random.default_rng(0)
    places = rng.normal(0, 0.1, 50).astype(np.float32)
    smooth = through(result(k, body(0, places[k])) for k in range(50))
    expected = smooth_values(np.arange(50) / RATE, places[:, None].astype(float), CUTOFF)
    np.testing.assert_allclose([r.bodies[0].transl[0] for r in smooth], expected[:, 0], atol=1e-6)
    assert np.std(expected) < 0.8 * np.std(places)


def test_jitter_is_reduced():
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 0.05, 60)
    smooth = turns(through(result(k, body(raw[k], 0)) for k in range(60)))
    assert np.abs(np.diff(smooth, 2)).mean() < 0.2 * np.abs(np.diff(raw, 2)).mean()


def test_frames_wait_for_a_tenth_of_a_second_only():
    ahead = ZeroPhaseSmoother(Mover())
    assert [len(ahead.add(result(k, body(0, 0)))) for k in range(8)] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [r.frame.index for r in ahead.flush()] == [4, 5, 6, 7]
    assert ahead.flush() == []


def test_people_are_smoothed_apart_and_absence_is_not_filled():
    def film(k):
        one = body(0.0, 0.0, track_id=1, shape=1.0)
        other = body(0.5, 9.0, track_id=2, shape=-1.0)
        return result(k, *([other, one] if k % 10 < 6 else [one]))

    smooth = through(map(film, range(30)))
    assert [[b.track_id for b in r.bodies] for r in smooth] == [
        [2, 1] if k % 10 < 6 else [1] for k in range(30)
    ]
    np.testing.assert_allclose(turns(smooth, 1), 0, atol=1e-6)
    there = turns(smooth, 2)
    np.testing.assert_allclose(there[np.isfinite(there)], 0.5, atol=1e-4)
    assert all(b.betas[0] == (1 if b.track_id == 1 else -1) for r in smooth for b in r.bodies)


def test_a_half_turn_is_not_averaged_to_nothing():
    """Quaternions of both signs stand for one rotation."""
    film = [result(k, body(np.pi + 0.01 * (k - 15), 0)) for k in range(30)]
    found = np.stack([r.bodies[0].rotmats[5] for r in through(film)])
    wanted = np.stack([r.bodies[0].rotmats[5] for r in film])
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_clock_that_was_set_back_begins_anew():
    film = [result(k, body(0.0, 0.0)) for k in range(10)]
    film += [result(10 + k, body(1.0, 5.0), time=k / RATE) for k in range(10)]
    smooth = through(film)
    assert [r.frame.index for r in smooth] == list(range(20))
    np.testing.assert_allclose(turns(smooth), [0] * 10 + [1] * 10, atol=1e-3)


class Film:
    """A source of twelve frames; ``breaks`` makes it fail after them."""

    name, fps, size, live = "film", RATE, (4, 4), False

    def __init__(self, *, live=False, breaks=False):
        self.live = live
        self.closed = False
        self._left = list(range(12))
        self._breaks = breaks

    def read(self):
        if self._left:
            number = self._left.pop(0)
            return Frame(PICTURE, number / RATE, number)
        if self._breaks:
            raise SourceError("The film tore.")
        return None

    def close(self):
        self.closed = True


class Shaky(Mover):
    """A pipeline whose person jitters; tells whether it was asked to filter by itself."""

    def __init__(self, network):
        self.smoothing = self.filters = True
        self.asked = set()
        self.body, self.network = BodyModel.default(), network

    def reset(self):
        pass

    def process(self, frame):
        self.asked.add(self.smoothing and self.filters)
        return FrameResult(frame, (body(0.1 * (-1) ** frame.index, 0.0),))


@pytest.fixture
def shaky():
    return Shaky(BlindPipeline.network)


def recorded(folder):
    take = read_take(folder / "take.hmrtake")
    return take, take.motions[0].pose[:, 5, 0]


def test_a_run_over_a_file_looks_ahead(shaky, tmp_path):
    run_offline(Film(), shaky, tmp_path, overlay=False)
    take, pose = recorded(tmp_path)
    assert len(pose) == 12
    assert np.abs(pose[2:-2]).max() < 0.02
    assert take.info["smoothing"]["filter"] == "Gaussian, zero phase"
    assert shaky.asked == {False}
    assert shaky.smoothing
    assert shaky.filters, "the pipeline is left as it was"


def test_raw_poses_stay_raw(shaky, tmp_path):
    shaky.smoothing = False
    run_offline(Film(), shaky, tmp_path, overlay=False)
    take, pose = recorded(tmp_path)
    np.testing.assert_allclose(np.abs(pose), 0.1, atol=1e-5)
    assert take.info["smoothing"]["on"] is False


def test_a_camera_has_no_future(shaky, tmp_path):
    run_offline(Film(live=True), shaky, tmp_path, overlay=False)
    take, pose = recorded(tmp_path)
    np.testing.assert_allclose(np.abs(pose), 0.1, atol=1e-5)
    assert take.info["smoothing"]["filter"] == "One Euro"
    assert shaky.asked == {True}


def test_what_waits_is_written_when_the_source_breaks(shaky, tmp_path):
    source = Film(breaks=True)
    with pytest.raises(SourceError, match="tore"):
        run_offline(source, shaky, tmp_path, overlay=False)
    assert len(recorded(tmp_path)[1]) == 12
    assert source.closed
    assert shaky.smoothing
