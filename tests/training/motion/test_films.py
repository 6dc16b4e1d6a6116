"""Films with exact truth: drawn, watched, written and read."""

from types import SimpleNamespace

import numpy as np
import pytest

from hmr_live.core.errors import AssetError
from hmr_live.core.state import FrameResult
from hmr_live_training.motion.films import FilmMaker, load_films, save_films, watch
from tests.training.motion.cases import FRAMES, film
from tests.training.synthetic.synthetic_data import write_data


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    maker = FilmMaker(write_data(tmp_path_factory.mktemp("data")), held_out=False)
    yield maker, maker.draw(0, 4)
    maker.close()


def test_the_person_is_where_the_truth_says(drawn):
    maker, (made, pictures) = drawn
    body = maker.studio.body
    assert len(pictures) == len(made.rotmats) == len(made.contacts)
    joints = body.joints(made.rotmats[0], made.betas) + made.transl[0]
    pixels = joints[:, :2] / joints[:, 2:] * made.focal + made.size / 2
    inside = ((pixels > 0) & (pixels < made.size)).all(axis=1)
    assert joints[:, 2].min() > 0.3
    assert inside.sum() >= 9
    assert np.linalg.norm(made.up) == pytest.approx(1)
    assert made.up[1] < -0.6


def test_a_film_is_the_same_every_time_and_others_differ(drawn):
    maker, (made, _) = drawn
    again, other = maker.draw(0, 4)[0], maker.draw(1, 4)[0]
    np.testing.assert_array_equal(made.rotmats, again.rotmats)
    assert made.focal != other.focal


def test_what_a_pipeline_answers_is_kept_frame_by_frame(drawn):
    _, (_, pictures) = drawn
    body = SimpleNamespace(
        rotmats=np.ones((24, 3, 3)),
        betas=np.ones(10),
        transl=np.ones(3),
        confidence=np.ones(24),
        measured=True,
    )

    def process(frame):
        return FrameResult(frame, () if frame.index == 1 else (body,))

    answers = watch(SimpleNamespace(reset=lambda: None, process=process), pictures)
    assert (
        np.isfinite(answers.transl).all(axis=1).tolist()
        == [True, False, True, True][: len(pictures)]
    )


def test_films_are_read_as_they_were_written(tmp_path):
    films = [film(0), film(1, lost=(3,))]
    save_films(tmp_path / "films.npz", films)
    for before, after in zip(films, load_films(tmp_path / "films.npz"), strict=True):
        assert after.activity == before.activity
        assert after.focal == before.focal
        assert len(after.contacts) == FRAMES
        for name in ("rotmats", "transl", "betas", "confidence"):
            pair = (getattr(f.answers["tiny"], name) for f in (before, after))
            np.testing.assert_array_equal(*pair)


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "films.npz", length=np.ones(3))
    with pytest.raises(AssetError, match="holds no films"):
        load_films(tmp_path / "films.npz")
