"""Faces that somebody made unrecognisable."""

import numpy as np
import pytest

from hmr_live_training.synthetic.picture.faces import KINDS, hide_face

SIDE, RADIUS = 64, 10.0


@pytest.fixture
def canvas():
    return np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)


def places(middle=(32.0, 32.0)):
    centres = np.arange(SIDE) + 0.5
    return np.stack(np.meshgrid(centres, centres), axis=-1) - middle


@pytest.mark.parametrize("kind", KINDS)
def test_the_face_changes_and_the_rest_stays(canvas, kind):
    before = canvas.copy()
    hide_face(np.random.default_rng(1), canvas, places(), RADIUS, kind)
    changed = (canvas != before).any(axis=-1)
    distance = np.abs(places()).max(axis=-1)
    assert changed[distance < 4].mean() > 0.9
    assert not changed[distance > 1.5 * RADIUS + 1].any()


@pytest.mark.parametrize("kind", KINDS)
def test_only_covers_hide(canvas, kind):
    covered = hide_face(np.random.default_rng(1), canvas, places(), RADIUS, kind)
    assert (covered[32, 32] == 255) == (kind == "covered")


@pytest.mark.parametrize("kind", ["blurred", "pixelated"])
def test_detail_goes_and_colour_stays(canvas, kind):
    middle = np.s_[26:38, 26:38]
    before = canvas[middle].astype(float)
    hide_face(np.random.default_rng(1), canvas, places(), RADIUS, kind)
    after = canvas[middle].astype(float)
    assert after.std() < 0.5 * before.std()
    assert abs(after.mean() - before.mean()) < 10


def test_pixels_are_coarse(canvas):
    hide_face(np.random.default_rng(1), canvas, places(), RADIUS, "pixelated")
    assert len(np.unique(canvas[26:38, 26:38].reshape(-1, 3), axis=0)) <= 81


def test_a_face_beyond_the_picture_changes_nothing(canvas):
    before = canvas.copy()
    covered = hide_face(np.random.default_rng(1), canvas, places((500.0, 0.0)), RADIUS)
    assert not covered.any()
    assert (canvas == before).all()
