"""Measuring a network on labelled people: perfect, shifted and turned answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.assets import asset_path
from engine.body import BodyModel
from engine.camera import roll
from engine.errors import AssetError
from engine.network import NetworkOutput
from engine.rotations import matrix_from_axis_angle
from tests.training.test_paper import posed_person
from training.data.readers.shards import write_shards
from training.measure import main, measure

SCALE = 180.0


def perfect(person):
    """The network that knows: the person's pose as the region's camera sees it."""

    def run(image, region):
        rotmats = matrix_from_axis_angle(person.pose)
        rotmats[0] = roll(-region.angle) @ rotmats[0]
        joints = BodyModel.default().joints(rotmats, np.zeros(10, np.float32))
        scale = 2 * SCALE / region.side
        # Where the labelled pelvis is in the crop, and what the camera must add to get there.
        offset = person.joints_2d[0, :2] - (region.cx, region.cy)
        cos, sin = math.cos(region.angle), math.sin(region.angle)
        pelvis = np.array([[cos, sin], [-sin, cos]]) @ offset * 2 / region.side
        camera = np.array([scale, *(pelvis / scale - joints[0, :2])], np.float32)
        ones = np.ones(24, np.float32)
        return NetworkOutput(rotmats, np.zeros(10, np.float32), camera, 1.0, ones)

    return run


@pytest.mark.parametrize("plain_box", [False, True])
def test_a_network_that_knows_the_truth_makes_no_error(tmp_path, plain_box):
    person = posed_person(tmp_path)
    figures = measure([person], perfect(person), BodyModel.default(), plain_box=plain_box)
    assert figures.pck[0] == 100
    assert figures.mpjpe[0] < 0.5
    assert figures.pa_mpjpe[0] < 0.5
    assert (figures.people, figures.people_3d) == (1, 1)
    assert "PCK12@0.2 100.0" in figures.row()


def test_a_wrong_heading_costs_mpjpe_and_not_pa_mpjpe(tmp_path):
    person = posed_person(tmp_path)

    def turned(image, region):
        output = perfect(person)(image, region)
        output.rotmats[0] = output.rotmats[0] @ matrix_from_axis_angle(np.array([0, 1.0, 0]))
        return output

    figures = measure([person], turned, BodyModel.default())
    assert figures.mpjpe[0] > 80
    assert figures.pa_mpjpe[0] < 0.5


def test_a_wrong_camera_costs_pck_only(tmp_path):
    person = posed_person(tmp_path)

    def shifted(image, region):
        output = perfect(person)(image, region)
        output.camera[1] += 0.3
        return output

    figures = measure([person], shifted, BodyModel.default())
    assert figures.pck[0] == 0
    assert figures.mpjpe[0] < 0.5


def test_people_without_3d_labels_count_in_2d_only(tmp_path):
    person = posed_person(tmp_path)
    flat = posed_person(tmp_path, joints_3d=None)
    figures = measure([flat], perfect(person), BodyModel.default())
    assert (figures.people, figures.people_3d, figures.mpjpe) == (1, 0, None)
    assert "MPJPE" not in figures.row()
    with pytest.raises(AssetError, match="Nobody"):
        measure([], perfect(person), BodyModel.default())


def test_the_command_measures_the_shipped_network(tmp_path, capsys):
    write_shards([posed_person(tmp_path)], tmp_path / "shards", prefix="a")
    main([str(asset_path("networks", "full.onnx")), "--shards", str(tmp_path / "shards")])
    assert "full.onnx: PCK12@0.2" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no network at"):
        main([str(tmp_path / "none.onnx"), "--shards", str(tmp_path / "shards")])
