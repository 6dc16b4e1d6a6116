"""Posture of drawn people: who knows makes no error, and who crouches is found out."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.network import NetworkOutput
from hmr_live_training.data.lspet import load_lspet, photo_number
from hmr_live_training.evaluation.datasets import posture_figures
from hmr_live_training.evaluation.datasets.posture import (
    DESK_VIEWS,
    STANDING_VIEWS,
    Viewpoint,
    draw_people,
    sitting,
    squatting,
    standing,
)
from hmr_live_training.evaluation.datasets.posture_figures import (
    SCENES,
    drawn_posture_rows,
    knee_bends,
    picture_of,
    trunk_pitch,
)
from hmr_live_training.evaluation.datasets.posture_seen import (
    CROUCHING,
    STANDING,
    chosen_photos,
)
from hmr_live_training.evaluation.datasets.studio import Studio
from hmr_live_training.evaluation.estimators import BodyReader, NetworkEstimator
from hmr_live_training.landmarks import LSP_NAMES
from tests.training.cases import write_lspet
from tests.training.synthetic.synthetic_data import write_data

VIEW = Viewpoint(2.6, 1.8, 20)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def studio(data):
    made = Studio(data)
    yield made
    made.close()


def test_people_stand_straight_before_every_camera(studio):
    for view in STANDING_VIEWS:
        for person in draw_people(studio, view, standing, 3):
            assert knee_bends(person.joints).max() < 2
            pixels = person.camera.project(person.joints)
            assert ((pixels > 0) & (pixels < 400)).all()
            assert 1.4 < person.stature < 2.1


def test_a_camera_that_looks_down_sees_upright_people_lean_towards_it(studio):
    (person,) = draw_people(studio, VIEW, standing, 1)
    (level,) = draw_people(studio, STANDING_VIEWS[0], standing, 1)
    assert trunk_pitch(person.joints) - trunk_pitch(level.joints) == pytest.approx(-20, abs=0.5)


def test_sitting_and_squatting_people_bend_their_knees(studio):
    for pose in (sitting, squatting):
        (person,) = draw_people(studio, VIEW, pose, 1)
        assert (knee_bends(person.joints) > 75).all()


class Knowing:
    """A network that answers with the truth of whoever it is shown, or with bent knees."""

    def __init__(self, people, bend=0.0):
        self._people = iter(people)
        self._bend = bend

    def run(self, image, crop_boxes, focal_length=None):
        person, rotmats, betas, transl = next(self._people)
        camera = CropCamera.of(crop_boxes[0], person.camera.size, focal_length)
        rotmats = rotmats.copy()
        rotmats[[JOINT["left_knee"], JOINT["right_knee"]]] @= matrix_from_axis_angle(
            np.array([self._bend, 0, 0])
        )
        place, pelvis = transl
        rotmats[0] = camera.rotation @ rotmats[0]
        moved = camera.rotation @ (pelvis + place) - pelvis
        ones = np.ones(24, np.float32)
        return [NetworkOutput(rotmats, betas, camera.camera(moved), 1.0, ones, camera.focal)]


@pytest.mark.parametrize(("bend", "expected"), [(0.0, 0.0), (0.5, np.degrees(0.5))])
def test_the_truth_has_no_error_and_a_crouch_has_its_own(data, studio, monkeypatch, bend, expected):
    known = []
    dressed = Studio.dressed

    def watched(self, looks, rotmats, betas, transl):
        person = dressed(self, looks, rotmats, betas, transl)
        known.append((rotmats, betas, (transl, self.body.rest_joints(betas)[0])))
        return person

    monkeypatch.setattr(Studio, "dressed", watched)
    people = list(draw_people(studio, VIEW, standing, 4))
    answers = [(p, *k) for p, k in zip(people, known, strict=True)]
    estimator = NetworkEstimator("one", Knowing(answers, bend), BodyReader(studio.body))
    scene = SCENES[0]._replace(views=(VIEW,))
    monkeypatch.setattr(posture_figures, "SCENES", (scene,))
    rows = drawn_posture_rows(data, [estimator], step=6)
    (row,) = [r for r in rows if r.condition == "standing, all 1 cameras"]
    assert row.figures["knees, mean error"].value == pytest.approx(expected, abs=0.5)
    assert row.figures["hips, mean error"].value < 0.1
    assert row.figures["trunk pitch, mean error"].value < 0.1
    assert row.count == 4
    recovered, measured = [r.figures for r in rows if r.section.startswith("Stature")]
    assert recovered["correlation"].value == pytest.approx(1, abs=1e-3)
    assert recovered["mean error"].value < 0.1  # cm
    if not bend:
        assert measured["correlation"].value > 0.99
        assert measured["mean error"].value < 3


def test_statures_are_spread_and_the_same_before_every_camera(studio):
    statures = [p.stature for p in draw_people(studio, VIEW, standing, 4)]
    np.testing.assert_allclose(sorted(statures), np.linspace(1.45, 2, 4), atol=1e-3)
    others = [p.stature for p in draw_people(studio, STANDING_VIEWS[0], standing, 4)]
    assert statures == others


def test_a_cut_picture_shows_nothing_below_the_hips(studio):
    (person,) = draw_people(studio, DESK_VIEWS[0], standing, 1, cut=True)
    image, flat = picture_of(person, cut=True)
    hips = person.camera.project(person.joints)[[JOINT["left_hip"], JOINT["right_hip"]]]
    end = int(flat[:, 1].max()) + 1
    assert hips[:, 1].mean() <= end < 400
    below = image[end + 40 :]
    assert (below == below[0]).all()
    np.testing.assert_array_equal(image[: int(hips[0, 1])], person.image[: int(hips[0, 1])])
    whole, joints = picture_of(person, cut=False)
    assert whole is person.image
    np.testing.assert_allclose(joints, person.camera.project(person.joints), atol=1e-3)


def test_photos_are_chosen_by_their_numbers(tmp_path):
    write_lspet(tmp_path, [8001, STANDING[2], 8063], LSP_NAMES)
    photos = load_lspet(tmp_path, "development")
    numbers = [photo_number(photos.names[k]) for k in chosen_photos(photos, STANDING)]
    assert sorted(numbers) == sorted({STANDING[2], 8063})
    assert not len(chosen_photos(photos, [9999]))
    assert not set(STANDING) & set(CROUCHING)
