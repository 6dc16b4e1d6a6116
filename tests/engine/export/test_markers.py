"""Moments that were marked while recording, in every format that has a place for them."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace

import c3d
import numpy as np
import pyarrow.parquet
import pygltflib
import pytest
from pxr import Usd

from hmr_live.export.c3d import write_c3d
from hmr_live.export.clip import make_clip
from hmr_live.export.exporter import Exporter
from hmr_live.export.formats import FORMATS
from hmr_live.imports.motion_file import open_motion_file
from hmr_live.takes.take import Marker
from tests.engine.export.takes import cut, even_times, make_motion, make_take

LABELS = ["start", 'a "big", step', "and turn"]
#: Seconds since the first frame.
TIMES = [0.0, 0.5, 0.505]


@pytest.fixture(scope="module")
def take():
    """Two seconds with three markers, two of them in one frame, and two outside of it."""
    take = make_take(make_motion(even_times(60)))
    told = [(-0.2, "before"), *zip(TIMES, LABELS, strict=True), (2.2, "after")]
    return replace(take, markers=tuple(Marker(100 + time, label) for time, label in told))


@pytest.fixture(scope="module")
def marked(take, body):
    return make_clip(take, take.motions[0], body, name="walk")


def write(take, body, name, folder):
    (path,) = Exporter(take, "walk", body).write(FORMATS[name], folder)
    return path


def test_a_clip_has_the_markers_of_its_frames(marked):
    assert [marker.label for marker in marked.markers] == LABELS
    np.testing.assert_allclose([marker.time for marker in marked.markers], TIMES, atol=1e-9)


def test_tables_have_them_in_a_column(take, body, tmp_path):
    with write(take, body, "csv", tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {frame: row["marker"] for frame, row in enumerate(rows) if row["marker"]}
    assert found == {0: "start", 15: 'a "big", step; and turn'}
    assert float(rows[15]["pelvis_x_m"]) == pytest.approx(float(rows[14]["pelvis_x_m"]), abs=0.1)
    column = pyarrow.parquet.read_table(write(take, body, "parquet", tmp_path))["marker"]
    assert {k: value for k, value in enumerate(column.to_pylist()) if value} == found


def test_amass_has_them_and_they_come_back(take, body, tmp_path):
    again = open_motion_file(write(take, body, "npz", tmp_path), body)
    assert [marker.label for marker in again.markers] == LABELS
    moments = [marker.time - again.motions[0].times[0] for marker in again.markers]
    np.testing.assert_allclose(moments, TIMES, atol=1e-9)


def test_gltf_has_them_beside_the_animation(take, body, tmp_path):
    document = pygltflib.GLTF2().load_binary(str(write(take, body, "glb", tmp_path)))
    markers = document.animations[0].extras["markers"]
    assert [marker["label"] for marker in markers] == LABELS
    np.testing.assert_allclose([marker["time"] for marker in markers], TIMES, atol=1e-9)


def test_usd_has_them_beside_the_animation(take, body, tmp_path):
    stage = Usd.Stage.Open(str(write(take, body, "usd", tmp_path)))
    markers = stage.GetPrimAtPath("/person/motion").GetCustomData()["markers"]
    assert list(markers["labels"]) == LABELS
    np.testing.assert_allclose(list(markers["times"]), TIMES, atol=1e-9)


def events(path):
    """Labels and times of the group EVENT, by a reader that is not ezc3d."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are no analogue channels
        reader = c3d.Reader(file)
        labels = [label.strip() for label in reader.get("EVENT:LABELS").string_array]
        times = np.reshape(reader.get("EVENT:TIMES").float_array, (-1, 2))
        return reader.get("EVENT:USED").int16_value, labels, times @ [60, 1]


def test_c3d_has_them_as_events(take, body, tmp_path):
    used, labels, times = events(write(take, body, "c3d", tmp_path))
    assert (used, labels) == (3, LABELS)
    np.testing.assert_allclose(times, TIMES, atol=1e-4)


def test_c3d_tells_of_events_that_it_cannot_hold(marked, tmp_path, caplog):
    many = tuple(Marker(k / 300, f"marker {k}") for k in range(300))
    write_c3d(replace(marked, markers=many), tmp_path / "walk.c3d")
    used, labels, _ = events(tmp_path / "walk.c3d")
    assert (used, labels[-1]) == (255, "marker 254")
    assert "the 45 markers after them are left out" in caplog.text


def test_what_is_left_out_is_said(take, body):
    exporter = Exporter(take, "walk", body)
    assert exporter.notes([FORMATS["csv"], FORMATS["bvh"], FORMATS["pkl"]]) == [
        "Markers cannot be stored in bvh, pkl and are left out there.",
        "walk: 2 of 5 markers are outside its frames and left out.",
    ]
    assert len(exporter.notes([FORMATS["bvh"]])) == 1
    plain = replace(take, markers=())
    assert Exporter(plain, "walk", body).notes(list(FORMATS.values())) == []


def test_a_marker_while_the_person_is_out_of_sight_is_kept(body, tmp_path):
    times = even_times(121)
    motion = cut(make_motion(times), (times < 101) | (times > 103))
    take = replace(make_take(motion), markers=(Marker(102.0, "gone"),))
    with write(take, body, "csv", tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[60]["marker"], rows[60]["seen"], rows[60]["pelvis_x_m"]) == ("gone", "0", "")
