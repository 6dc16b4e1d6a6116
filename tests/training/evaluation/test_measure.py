"""Evaluation on labelled people: perfect, shifted and rotated predictions; the command."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live.recovery.frame_camera import roll
from hmr_live.recovery.network import NetworkOutput
from hmr_live_training.data.readers.shards import write_shards
from hmr_live_training.evaluation.datasets.labelled_people import labelled_people_rows
from hmr_live_training.evaluation.estimators import BodyReader, NetworkEstimator
from hmr_live_training.landmarks import LSP_NAMES
from hmr_live_training.measure import main
from hmr_live_training.synthetic import SyntheticPeople
from hmr_live_training.synthetic.shards import save_shard
from tests.training.cases import write_lspet
from tests.training.paper.test_paper import posed_person
from tests.training.synthetic.synthetic_data import write_data

NETWORK = str(asset_path("networks", "full.onnx"))

SCALE = 180.0


class Network:
    """A network that is a function of an image and a crop box."""

    has_presence_score = True

    def __init__(self, function):
        self._function = function

    def run(self, image, crop_boxes, focal_length=None):
        return [self._function(image, crop_box) for crop_box in crop_boxes]


def figures_of(people, function, crop_geometry="upright"):
    estimator = NetworkEstimator("network", Network(function), BodyReader(BodyModel.default()))
    rows = labelled_people_rows(people, [estimator], "made", "test")
    (row,) = [row for row in rows if row.condition == crop_geometry]
    return row.figures


def perfect(person):
    """The network that knows: the person's pose as the camera of the crop sees it."""

    def run(image, crop_box):
        rotmats = matrix_from_axis_angle(person.pose)
        rotmats[0] = roll(-crop_box.angle) @ rotmats[0]
        joints = BodyModel.default().joints(rotmats, np.zeros(10, np.float32))
        scale = 2 * SCALE / crop_box.side
        # Where the labelled pelvis is in the crop, and what the camera must add to get there.
        offset = person.joints_2d[0, :2] - (crop_box.cx, crop_box.cy)
        cos, sin = math.cos(crop_box.angle), math.sin(crop_box.angle)
        pelvis = np.array([[cos, sin], [-sin, cos]]) @ offset * 2 / crop_box.side
        camera = np.array([scale, *(pelvis / scale - joints[0, :2])], np.float32)
        ones = np.ones(24, np.float32)
        return NetworkOutput(rotmats, np.zeros(10, np.float32), camera, 1.0, ones)

    return run


@pytest.mark.parametrize("crop_geometry", ["upright", "box"])
def test_a_network_that_knows_the_truth_makes_no_error(tmp_path, crop_geometry):
    person = posed_person(tmp_path)
    figures = figures_of([person], perfect(person), crop_geometry)
    assert figures["PCK12@0.2"].value == 100
    assert figures["MPJPE"].value < 0.5
    assert figures["PA-MPJPE"].value < 0.5
    assert (figures["PCK12@0.2"].count, figures["MPJPE"].count) == (1, 1)


def test_a_wrong_heading_costs_mpjpe_and_not_pa_mpjpe(tmp_path):
    person = posed_person(tmp_path)

    def turned(image, crop_box):
        output = perfect(person)(image, crop_box)
        output.rotmats[0] = output.rotmats[0] @ matrix_from_axis_angle(np.array([0, 1.0, 0]))
        return output

    figures = figures_of([person], turned)
    assert figures["MPJPE"].value > 80
    assert figures["PA-MPJPE"].value < 0.5


def test_a_wrong_camera_costs_pck_only(tmp_path):
    person = posed_person(tmp_path)

    def shifted(image, crop_box):
        output = perfect(person)(image, crop_box)
        output.camera[1] += 0.3
        return output

    figures = figures_of([person], shifted)
    assert figures["PCK12@0.2"].value == 0
    assert figures["MPJPE"].value < 0.5


def test_people_without_3d_labels_count_in_2d_only(tmp_path):
    person = posed_person(tmp_path)
    flat = posed_person(tmp_path, joints_3d=None)
    figures = figures_of([flat], perfect(person))
    assert (figures["PCK12@0.2"].count, figures["MPJPE"], figures["PA-MPJPE"]) == (1, None, None)
    with pytest.raises(AssetError, match="Nobody"):
        figures_of([], perfect(person))


def test_the_command_measures_labelled_shards(tmp_path, capsys):
    write_shards([posed_person(tmp_path)], tmp_path / "shards", prefix="a")
    figures = tmp_path / "figures.json"
    shards = f"made={tmp_path / 'shards'}"
    main([NETWORK, "--shards", shards, "--out", str(figures)])
    printed = capsys.readouterr().out
    assert "Labelled people: made" in printed
    assert "PCK12@0.2, %" in printed
    document = json.loads(figures.read_text())
    assert document["networks"][0]["name"] == "full.onnx"
    assert [row["condition"] for row in document["rows"]] == ["upright", "box"]
    assert document["rows"][0]["figures"]["MPJPE"]["count"] == 1


def test_one_command_measures_everything_that_is_given(tmp_path, capsys, demo_clip):
    data = write_data(tmp_path / "data")
    write_lspet(data, list(range(8001, 8009)), LSP_NAMES)
    people = SyntheticPeople(data, "test")
    save_shard(tmp_path / "test-00000.npz", (people.sample(k) for k in range(16)), range(16))
    people.close()
    figures = tmp_path / "figures.json"
    given = ["--data", str(data), "--synthetic", str(tmp_path), "--video", str(demo_clip)]
    main([NETWORK, *given, "--quick", "--threads", "1", "--markdown", "--out", str(figures)])
    printed = capsys.readouterr()
    document = json.loads(figures.read_text())
    assert document["sets"] == ["lspet", "synthetic", "empty", "sequences", "videos"]
    assert {row["data_set"] for row in document["rows"]} == {
        "LSPET",
        "synthetic people",
        "synthetic video sequences",
        "backgrounds_hdri_crops",
        "all folders",
        "LSPET and person-free pictures",
        "balancing.mp4",
    }
    assert "**Crops: LSPET, development im08001-im09000**" in printed.out
    assert "| full.onnx | live | 2 |" in printed.out
    assert "LSPET photos: 2 of 2" in printed.err
    shares = [row["figures"].get("joints outside limits") for row in document["rows"]]
    assert any(shares)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.onnx", "--video", "a.mp4"], "no network at"),
        ([], "nothing to evaluate on"),
        (["--video", "a.mp4"], "--baselines"),
        (["--baselines", "lite", "--video", "a.mp4"], "--encoders"),
        (["none.onnx", "--sets", "lspet", "--video", "a.mp4"], "--data"),
    ],
)
def test_errors_say_what_to_do(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no training data at their usual place
    with pytest.raises(SystemExit, match=message):
        main(arguments)
