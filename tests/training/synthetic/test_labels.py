"""Synthetic samples: the labels lie on the picture, and every sample is the same every time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.synthetic import SyntheticConfig, SyntheticPeople
from hmr_live_training.synthetic.labels import HIDDEN, OUTSIDE, VISIBLE
from hmr_live_training.synthetic.picture.faces import hide_face
from hmr_live_training.synthetic.scene.crop_boxes import exact_crop_box
from tests.training.synthetic.synthetic_data import write_data

#: Nothing in the way and nobody else, so that the silhouette is the person's own.
ALONE = SyntheticConfig(negatives=0, occluder=0, company=0, desk=0, hidden_face=0, motion_blur=0)
NOSE = [landmark.vertex for landmark in BODY_LANDMARKS].index("nose")
FAR = replace(ALONE, webcam=0, distance=(6.5, 8.0), whole=1.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def alone(data):
    people = SyntheticPeople(data, "train", ALONE)
    yield [people.sample(k) for k in range(14)], people.body
    people.close()


@pytest.fixture(scope="module")
def far(data):
    people = SyntheticPeople(data, "train", FAR, exact_crop_box)
    yield [people.sample(k) for k in range(6)], people.body
    people.close()


def dilated(mask, pixels):
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2)) > 0


def at(mask, points):
    column, row = np.clip(np.floor(points).astype(int), 0, len(mask) - 1).T
    return mask[row, column]


def test_a_sample_is_a_crop_with_a_mask(alone):
    for sample in alone[0]:
        assert sample.image.shape == (256, 256, 3)
        assert sample.image.dtype == np.uint8
        assert sample.mask.shape == (256, 256)
        assert 0.01 < sample.mask.mean() < 0.9
        assert sample.labels.person == 1


def crop_camera_of(labels):
    crop_box = CropBox(*(float(v) for v in labels.crop_box))
    size = (int(labels.size[0]), int(labels.size[1]))
    return CropCamera.of(crop_box, size, float(labels.focal))


def test_visible_joints_lie_on_the_silhouette(alone):
    for sample in alone[0]:
        visible = sample.labels.joint_visibility == VISIBLE
        assert at(dilated(sample.mask, 2), sample.labels.joints_2d[visible]).all()


def test_the_body_fills_its_silhouette_and_nothing_beyond_clothes(alone):
    samples, body = alone
    for sample in samples:
        labels = sample.labels
        rotmats = np.concatenate([labels.orient_frame[None], labels.rotmats[1:]])
        vertices = body.forward(rotmats, labels.betas).vertices + labels.transl
        view = crop_camera_of(labels)
        pixels = (view.project(vertices @ view.rotation.T) + 1) * 128
        width, height = labels.size
        frame = vertices[:, :2] / vertices[:, 2:] * labels.focal + labels.size / 2
        inside = (frame > 0).all(axis=1) & (frame < (width, height)).all(axis=1)
        inside &= ((pixels > 0) & (pixels < 255)).all(axis=1) & (vertices[:, 2] > 0.1)
        assert at(dilated(sample.mask, 3), pixels[inside]).mean() > 0.98
        hull = np.zeros((256, 256), np.uint8)
        for triangle in pixels[body.faces]:
            if (np.abs(triangle) < 2000).all():
                cv2.fillConvexPoly(hull, np.round(triangle).astype(np.int32), 1)
        covered = (sample.mask & (hull > 0)).sum()
        assert covered / sample.mask.sum() > 0.55  # the rest is skirt, hair and loose cloth


def test_parameters_give_the_joints(alone):
    samples, body = alone
    for sample in samples:
        labels = sample.labels
        rotmats = np.concatenate([labels.orient_frame[None], labels.rotmats[1:]])
        joints = body.joints(rotmats, labels.betas) + labels.transl
        np.testing.assert_allclose(joints, labels.joints, atol=1e-4)


def test_the_crop_camera_projects_joints_and_landmarks(alone):
    for sample in alone[0]:
        labels = sample.labels
        for points, pixels, codes in (
            (labels.joints, labels.joints_2d, labels.joint_visibility),
            (labels.landmarks, labels.landmarks_2d, labels.landmark_visibility),
        ):
            view = crop_camera_of(labels)
            seen = (view.project(points @ view.rotation.T) + 1) * 128
            kept = codes > OUTSIDE
            np.testing.assert_allclose(seen[kept], pixels[kept], atol=0.02)


def test_parameters_and_camera_project_exactly_onto_the_joints(far):
    samples, body = far
    for sample in samples:
        labels = sample.labels
        (scale, x, y), focal = labels.camera, labels.crop_focal
        joints = body.joints(labels.rotmats, labels.betas) + np.array([x, y, focal / scale])
        seen = (joints[:, :2] / joints[:, 2:] * focal + 1) * 128
        np.testing.assert_allclose(seen, labels.joints_2d, atol=0.01)


def test_the_engine_puts_the_labelled_body_where_it_stood(far):
    samples, body = far
    for sample in samples:
        labels = sample.labels
        camera = crop_camera_of(labels)
        np.testing.assert_allclose(
            camera.rotation.T @ labels.rotmats[0], labels.orient_frame, atol=1e-5
        )
        transl = camera.translation_in_frame(labels.camera, body.rest_joints(labels.betas)[0])
        np.testing.assert_allclose(transl, labels.transl, atol=1e-3)


def test_a_sample_is_the_same_every_time(data, alone):
    again = SyntheticPeople(data, "train", ALONE)
    for index in (5, 2):
        first, second = alone[0][index], again.sample(index)
        assert (first.image == second.image).all()
        assert (first.mask == second.mask).all()
        arrays = second.labels.as_arrays()
        for name, values in first.labels.as_arrays().items():
            assert (values == arrays[name]).all(), name
    again.close()


def test_seed_split_and_index_change_the_sample(data, alone):
    first = alone[0][0].labels.rotmats
    other = SyntheticPeople(data, "train", replace(ALONE, seed=1))
    held_out = SyntheticPeople(data, "test", ALONE)
    for different in (alone[0][1], other.sample(0), held_out.sample(0)):
        assert not np.allclose(first, different.labels.rotmats, atol=1e-3)
    other.close()
    held_out.close()


def test_a_person_free_sample_has_no_person(data, monkeypatch):
    people = SyntheticPeople(data, "train", SyntheticConfig(negatives=1.0))

    def nobody_draws(*arguments):
        raise AssertionError("a person was drawn")

    monkeypatch.setattr(
        "hmr_live_training.synthetic.opengl.renderer.PeopleRenderer.draw", nobody_draws
    )
    for index in range(5):
        sample = people.sample(index)
        assert sample.labels.person == 0
        assert not sample.mask.any()
        assert (sample.labels.joint_visibility == OUTSIDE).all()
        assert sample.image.std() > 1
    people.close()


def test_occluders_hide_joints(data, alone):
    config = replace(ALONE, occluder=1.0)
    people = SyntheticPeople(data, "train", config)
    hidden = [
        (people.sample(k).labels.joint_visibility[[JOINT["head"], JOINT["spine3"]]] == HIDDEN).sum()
        for k in range(12)
    ]
    clear = [
        (s.labels.joint_visibility[[JOINT["head"], JOINT["spine3"]]] == HIDDEN).sum()
        for s in alone[0][:12]
    ]
    assert sum(hidden) > sum(clear)
    people.close()


def test_covered_faces_are_hidden_and_blurred_ones_are_seen(data, monkeypatch):
    def nose_codes(kind):
        monkeypatch.setattr(
            "hmr_live_training.synthetic.picture.painter.hide_face",
            lambda *arguments: hide_face(*arguments, kind=kind),
        )
        people = SyntheticPeople(data, "train", replace(ALONE, hidden_face=1.0))
        codes = [people.sample(k).labels.landmark_visibility[NOSE] for k in range(12)]
        people.close()
        return np.array(codes)

    seen, covered = nose_codes("blurred") == VISIBLE, nose_codes("covered")
    assert seen.sum() >= 3
    assert (covered[seen] == HIDDEN).mean() > 0.8


def test_people_at_a_desk_show_their_head_and_miss_their_feet(data):
    people = SyntheticPeople(data, "train", replace(ALONE, webcam=1.0))
    codes = np.stack([people.sample(k).labels.joint_visibility for k in range(12)])
    feet = [JOINT["left_foot"], JOINT["right_foot"]]
    assert (codes[:, JOINT["head"]] > OUTSIDE).mean() > 0.8
    assert (codes[:, feet] > OUTSIDE).mean() < 0.3
    people.close()


def test_every_direction_is_seen(data):
    people = SyntheticPeople(data, "train", replace(ALONE, webcam=0.0))
    forward = np.stack([people.sample(k).labels.rotmats[0][:, 2] for k in range(24)])
    assert (forward[:, 2] > 0.2).sum() >= 4  # backs
    assert (forward[:, 2] < -0.2).sum() >= 4  # faces
    people.close()


def test_landmarks_are_those_that_training_supervises(alone):
    assert alone[0][0].labels.landmarks.shape == (len(BODY_LANDMARKS), 3)


def test_missing_data_say_what_to_do(tmp_path):
    with pytest.raises(AssetError, match="--data"):
        SyntheticPeople(tmp_path, "train")
