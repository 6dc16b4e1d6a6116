"""CSV and Parquet."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow.parquet
import pytest

from hmr_live.angles import ANGLE_INDEX, ANGLES, AnatomicalFrames, joint_angles
from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.export.tables import write_csv, write_parquet
from tests.engine.export.accuracy import assert_same_places


def test_csv_holds_angles_and_positions_with_their_units(clip, tmp_path, body):
    write_csv(clip, tmp_path / "walk.csv")
    with (tmp_path / "walk.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert float(rows[30]["time_s"]) == pytest.approx(1.0)
    assert float(rows[0]["unix_time_s"]) == pytest.approx(clip.start_unix, abs=1e-5)
    camera = np.array(clip.rotmats)
    camera[:, 0] = np.diag([1, -1, -1]) @ camera[:, 0]
    expected = joint_angles(camera, AnatomicalFrames.of(body))
    for frame, row in enumerate(rows):
        for angle in ANGLES:
            value = float(row[f"{angle.name.replace(' ', '_')}_deg"])
            assert value == pytest.approx(expected[frame, ANGLE_INDEX[angle.name]], abs=1e-3)
        for joint, name in enumerate(JOINT_NAMES):
            place = [float(row[f"{name}_{axis}_m"]) for axis in "xyz"]
            assert_same_places(place, clip.joints[frame, joint])


def test_angles_do_not_depend_on_the_up_axis(clip, tmp_path):
    for up in "yz":
        write_csv(clip.turned(up), tmp_path / f"{up}.csv")
    with (tmp_path / "y.csv").open() as first, (tmp_path / "z.csv").open() as second:
        one, other = next(csv.DictReader(first)), next(csv.DictReader(second))
    assert one["left_knee_flexion_deg"] == other["left_knee_flexion_deg"]
    assert one["pelvis_y_m"] == other["pelvis_z_m"]


def test_parquet_holds_the_same_table(clip, tmp_path):
    write_csv(clip, tmp_path / "walk.csv")
    write_parquet(clip, tmp_path / "walk.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "walk.parquet")
    with (tmp_path / "walk.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert table.column_names == rows[0]
    values = np.array([column.to_numpy().astype(float) for column in table.columns]).T
    np.testing.assert_allclose(values, np.array(rows[1:], float), atol=1e-3)
    assert table.schema.metadata[b"up"] == b"y"
    assert b"degrees" in table.schema.metadata[b"units"]


def test_frames_without_the_person_are_empty_in_tables(clip_with_gap, tmp_path):
    write_csv(clip_with_gap, tmp_path / "a.csv")
    write_parquet(clip_with_gap, tmp_path / "a.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    empty = [frame for frame, row in enumerate(rows) if row["pelvis_x_m"] == ""]
    assert empty == np.flatnonzero(~clip_with_gap.seen).tolist()
    assert {rows[frame]["seen"] for frame in empty} == {"0"}
    assert table["head_y_m"].null_count == len(empty) == 61
    assert table["time_s"].null_count == 0
