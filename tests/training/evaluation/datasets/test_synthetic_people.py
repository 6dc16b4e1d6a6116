"""Synthetic people: the truth makes no error, and every kind of error is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmr_live.angles import AnatomicalFrames
from hmr_live.angles.splits import ROWS
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, MIRROR
from hmr_live.core.errors import AssetError
from hmr_live.recovery.network import NetworkOutput
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.evaluation.datasets.synthetic_angles import (
    EVERYONE,
    IN_PICTURE,
    synthetic_angle_rows,
)
from hmr_live_training.evaluation.datasets.synthetic_figures import synthetic_rows
from hmr_live_training.evaluation.datasets.synthetic_people import run_synthetic
from hmr_live_training.evaluation.estimators import BodyReader, NetworkEstimator
from hmr_live_training.synthetic import SyntheticConfig, SyntheticPeople, load_shard
from hmr_live_training.synthetic.scene.crop_boxes import exact_crop_box
from hmr_live_training.synthetic.shards import save_shard
from tests.training.synthetic.synthetic_data import write_data

COUNT = 14
LIMITS = JointLimits(np.full((21, 3), -np.pi), np.full((21, 3), np.pi))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """People far enough away that perspective is weak, and some pictures without anybody."""
    data = write_data(tmp_path_factory.mktemp("data"))
    config = SyntheticConfig(
        webcam=0, distance=(4, 8), whole=1, company=0, occluder=0, negatives=0.25
    )
    people = SyntheticPeople(data, "test", config, exact_crop_box)
    folder = tmp_path_factory.mktemp("shards")
    save_shard(folder / "test-00000.npz", (people.sample(k) for k in range(COUNT)), range(COUNT))
    people.close()
    return folder


@pytest.fixture(scope="module")
def reader():
    return BodyReader(BodyModel.default())


class Truthful:
    """Predicts the labels, picture after picture; ``change`` spoils them."""

    def __init__(self, shards, change=None):
        self._labels = load_shard(shards / "test-00000.npz").labels
        self._change = change or (lambda rotmats, camera: (rotmats, camera))
        self._next = 0

    def run(self, image, crop_boxes, focal_length=None):
        k, self._next = self._next, self._next + 1
        rotmats = self._labels["rotmats"][k].copy()
        rotmats, camera = self._change(rotmats, self._labels["camera"][k].copy())
        score = 0.9 if self._labels["person"][k] > 0 else 0.1
        ones = np.ones(24, np.float32)
        focal = float(self._labels["crop_focal"][k])
        return [NetworkOutput(rotmats, self._labels["betas"][k], camera, score, ones, focal)]


def figures_of(shards, reader, change=None):
    estimator = NetworkEstimator("one", Truthful(shards, change), reader)
    run = run_synthetic(shards, [estimator], BodyModel.default())
    rows = synthetic_rows(run, LIMITS, "test")

    def get(section, condition="everyone", name="one"):
        (row,) = [
            r
            for r in rows
            if r.section.startswith(section) and (r.condition, r.estimator) == (condition, name)
        ]
        return row.figures

    return get


@pytest.fixture(scope="module")
def truth(shards, reader):
    return figures_of(shards, reader)


def test_the_truth_makes_no_error(truth):
    figures = truth("3D")
    assert figures["MPJPE"].value == pytest.approx(0, abs=0.01)
    assert figures["PA-MPJPE"].value == pytest.approx(0, abs=0.01)
    assert figures["PVE"].value == pytest.approx(0, abs=0.01)
    assert figures["depth, predicted / true"].value == pytest.approx(1, abs=1e-4)
    assert figures["PCK visible"].value > 98
    assert figures["IoU body"].value > 80  # a weak-perspective camera against the true one
    assert figures["MPJPE"].count + 1 < COUNT


def test_clothes_and_hair_part_the_mask_from_the_body(truth):
    own = truth("3D", name="truth")
    assert 50 < own["IoU mask"].value < 100
    assert own["IoU body"].value == 100
    assert truth("3D")["IoU mask"].value == pytest.approx(own["IoU mask"].value, abs=12)


def test_the_truth_does_not_regress_to_the_mean_and_keeps_within_wide_limits(truth):
    lean = truth("Regression")
    assert {round(figure.value, 3) for figure in lean.values()} == {1.0}
    assert truth("Joint limits")["joints outside limits"].value == 0


def test_presence_is_of_people_and_of_pictures_without(truth):
    presence = truth("Presence", "people and person-free crops")
    assert presence["missed at 0.5"].value == 0
    assert presence["called a person at 0.5"].value == 0
    person_free = presence["called a person at 0.5"].count
    assert 0 < person_free < COUNT
    score = truth("Calibration of the score", "people and person-free crops")
    assert score["ECE"].value == pytest.approx(10, abs=0.01)
    assert score["people"].value == pytest.approx(100 * (COUNT - person_free) / COUNT)


def test_the_truth_has_no_error_of_joint_angles(truth):
    for condition in ("knee flexion", "shoulder plane", "trunk rotation", "pelvis rotation"):
        for section in (IN_PICTURE, EVERYONE):
            figures = truth(section, condition)
            assert figures["mean absolute error"].value == pytest.approx(0, abs=0.01)
            assert figures["mean absolute error"].unit == "deg"


def test_knees_that_are_bent_by_10_degrees_too_much_have_an_error_of_10(shards, reader):
    def bent(rotmats, camera):
        frames = AnatomicalFrames.of(reader.body)
        for name in ("left_knee", "right_knee"):
            before = frames.before[ROWS.index(name)]
            more = matrix_from_axis_angle(np.radians([10.0, 0, 0]))
            rotmats[JOINT[name]] = before.T @ more @ before @ rotmats[JOINT[name]]
        return rotmats, camera

    get = figures_of(shards, reader, bent)
    knee = get(EVERYONE, "knee flexion")
    assert [knee[name].value for name in ("mean absolute error", "median", "bias")] == (
        pytest.approx([10.0] * 3, abs=0.01)
    )
    assert knee["bias"].count == get("3D")["MPJPE"].count
    for other in ("knee varus", "knee rotation", "hip flexion", "ankle dorsiflexion"):
        assert get(EVERYONE, other)["mean absolute error"].value == pytest.approx(0, abs=0.01)


def test_angles_count_in_the_picture_when_both_segments_are(shards, reader):
    run = run_synthetic(
        shards, [NetworkEstimator("one", Truthful(shards), reader)], BodyModel.default()
    )
    in_picture = np.ones_like(run.truth.in_picture)
    in_picture[:, JOINT["left_ankle"]] = False
    in_picture[0, JOINT["right_hip"]] = False
    run = replace(run, truth=replace(run.truth, in_picture=in_picture))
    rows = {
        (row.section, row.condition): row for row in synthetic_angle_rows(run, "people", "test")
    }
    people = len(in_picture)
    assert rows[IN_PICTURE, "knee flexion"].count == people - 1
    assert rows[IN_PICTURE, "elbow flexion"].count == people
    assert rows[EVERYONE, "knee flexion"].count == people


def test_swapped_sides_are_counted(shards, reader):
    def exchanged(rotmats, camera):
        """The mirror image of the pose, in the same place."""
        flip = np.diag([-1.0, 1, 1]).astype(np.float32)
        return flip @ rotmats[list(MIRROR)] @ flip, camera

    get = figures_of(shards, reader, exchanged)
    assert get("3D")["PA-MPJPE"].value > 40
    assert get("3D")["PCK visible"].value < 60


def test_a_person_turned_round_keeps_pa_mpjpe_and_is_counted(shards, reader):
    def turned(rotmats, camera):
        rotmats[0] = rotmats[0] @ np.diag([-1.0, 1, -1]).astype(np.float32)
        return rotmats, camera

    get = figures_of(shards, reader, turned)
    assert get("3D")["PA-MPJPE"].value == pytest.approx(0, abs=0.01)
    assert get("3D")["MPJPE"].value > 60
    views = [get("Left and right", view) for view in ("front", "back", "side")]
    turned_round = [v["turned by over 90 deg"] for v in views]
    assert {f.value for f in turned_round if f} == {100.0}
    assert any(v["swapped"] and v["swapped"].value > 50 for v in views)


def test_a_flat_body_with_the_right_projection_is_noticed(shards, reader):
    def mean_pose(rotmats, camera):
        rest = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
        rest[0] = np.diag([1.0, -1, -1])
        return rest, camera

    get = figures_of(shards, reader, mean_pose)
    assert get("Regression")["rotations: wrists"].value == pytest.approx(0, abs=1e-6)
    assert get("Regression")["joints"].value < 0.05
    assert get("3D")["depth, predicted / true"].value < 0.5


def test_exchanged_axes_are_noticed(shards, reader):
    def upside_down(rotmats, camera):
        rotmats[0] = np.diag([1.0, -1, -1]).astype(np.float32) @ rotmats[0]
        return rotmats, camera

    get = figures_of(shards, reader, upside_down)
    assert get("3D")["MPJPE"].value > 200
    assert get("3D")["PCK visible"].value < 30
    assert get("3D")["IoU body"].value < 50


def test_a_folder_without_shards_says_what_to_do(tmp_path):
    with pytest.raises(AssetError, match=r"hmr_live_training\.synthetic"):
        run_synthetic(tmp_path, [], BodyModel.default())
