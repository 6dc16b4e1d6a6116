"""Person-free pictures, and tables as text, Markdown and JSON."""

from __future__ import annotations

import json

import numpy as np

from hmr_live.core.state import CropBox
from hmr_live_training.evaluation.datasets.empty_scenes import (
    empty_scene_rows,
    run_empty_scenes,
    whole_picture,
)
from hmr_live_training.evaluation.estimators import Estimate
from hmr_live_training.evaluation.report import ResultRow, as_json, as_markdown, as_text
from hmr_live_training.evaluation.statistics import Figure, reliability
from hmr_live_training.synthetic.materials import Materials
from tests.training.evaluation.datasets.test_lspet import Detections
from tests.training.synthetic.synthetic_data import write_data

ROWS = [
    ResultRow(
        "Crops",
        "LSPET",
        "development",
        "upright",
        "full",
        {"PCK": Figure(62.94, 60.8, 65.1, 977, "%"), "ratio": Figure(1, 0.5, 2, 40)},
    ),
    ResultRow("Crops", "LSPET", "development", "box", "full", {"PCK": None}),
]


def test_tables_name_data_and_split_and_align_their_columns():
    lines = as_text(ROWS).splitlines()
    assert lines[0] == "Crops: LSPET, development"
    assert lines[1].split() == ["estimator", "condition", "N", "PCK,", "%", "ratio"]
    assert "977  62.9 [60.8, 65.1]  1.00 [0.50, 2.00] n=40" in lines[2]
    assert lines[3].index("-") == lines[2].index("62.9")
    assert as_markdown(ROWS).count("| full |") == 2
    assert "| estimator | condition | N |" in as_markdown(ROWS)


def test_json_holds_everything():
    bins, error = reliability(np.array([0.95, 0.15]), np.array([True, False]))
    row = ResultRow("Calibration", "a", "b", "c", "d", {"ECE": error}, {"score": bins})
    document = json.loads(json.dumps(as_json([*ROWS, row])))
    assert document[0]["figures"]["PCK"]["low"] == 60.8
    assert document[1]["figures"]["PCK"] is None
    assert document[2]["reliability"]["score"][9] == {
        "low": 0.9,
        "high": 1.0,
        "count": 1,
        "stated": 0.95,
        "happened": 1.0,
    }
    assert "100 (1)" in as_text([row])
    assert "10-20" in as_text([row])


class Brightness:
    """Takes bright pictures for people."""

    name = "brightness"

    def estimate(self, image, crop_boxes):
        nowhere = np.zeros((27, 2))
        score = float(image.mean() > 128)
        return [
            Estimate(nowhere[:12], np.zeros((12, 3)), nowhere, score, np.ones(12))
            for _ in crop_boxes
        ]


def test_person_free_pictures_are_reported_by_split(tmp_path):
    data = write_data(tmp_path)
    run = run_empty_scenes(data, [Brightness()], Detections())
    held_out = [path.name for path in Materials(data, "test").backgrounds]
    assert (run.split == "test").sum() == len(held_out) == len(run.held_out("brightness"))
    assert len(run.split) == 20
    rows = {(row.data_set, row.split): row for row in empty_scene_rows(run)}
    expected = 100 * run.score["brightness"][run.split == "train"].mean()
    row = rows["backgrounds_hdri_crops", "seen in training"]
    assert row.figures["called a person at 0.5"].value == expected
    assert rows["all folders", "held out"].count == len(held_out)


def test_the_whole_picture_is_looked_at():
    assert whole_picture(np.zeros((40, 60, 3), np.uint8)) == CropBox(30, 20, 60)
