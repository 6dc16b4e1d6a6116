"""The command ``hmr-live export``, on real files."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.export.exporter import Exporter
from hmr_live.export.formats import FORMATS
from hmr_live_app.cli.main import main
from tests.engine.export.takes import even_times, make_motion, make_take
from tests.engine.imports.files import channels, write_bvh


@pytest.fixture
def motion_file(tmp_path):
    values = channels(20)
    values[:, 1] = 17
    return write_bvh(tmp_path / "walk.bvh", values)


def test_several_formats_are_written_into_a_folder(motion_file, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--to", "npz", "--to", "csv", "--to", "npz", "--out", str(out), "--floor"]
    assert main(["export", str(motion_file), *arguments, "--rate", "30", "--up", "z"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["walk.csv", "walk.npz"]
    assert capsys.readouterr().out.splitlines() == [str(out / "walk.npz"), str(out / "walk.csv")]
    assert np.load(out / "walk.npz")["mocap_framerate"] == 30


def test_all_leaves_out_what_cannot_be_done_and_says_why(motion_file, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["export", str(motion_file), "--to", "all", "--out", str(out), "--time"]) == 0
    assert {path.suffix for path in out.iterdir()} == {
        format_.suffix for format_ in FORMATS.values() if format_.name != "mp4"
    }
    said = capsys.readouterr().out
    assert "mp4: skipped. The overlay needs the video" in said
    assert said.count("x real time") == len(FORMATS)


def test_the_export_lies_beside_the_take_by_default(motion_file, tmp_path):
    assert main(["export", str(motion_file), "--to", "trc"]) == 0
    assert (tmp_path / "walk.trc").is_file()


def test_gaps_are_told_at_the_end(tmp_path, body, capsys):
    times = np.concatenate([even_times(10), even_times(10, start=102.0)])
    Exporter(make_take(make_motion(times)), "a", body).write(FORMATS["npz"], tmp_path)
    assert main(["export", str(tmp_path / "a.npz"), "--to", "bvh"]) == 0
    assert "out of sight 1 time" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.hmrtake", "--to", "bvh"], "There is no take"),
        (["FILE", "--to", "fbx"], "no export format 'fbx'"),
        (["FILE", "--to", "bvh"], "exists already"),
        (["FILE", "--to", "mp4"], "none was recorded beside it"),
        (["FILE", "--to", "csv", "--person", "3"], "There is no person 3"),
        (["FILE", "--to", "csv", "--rate", "0"], "is not a frame rate"),
        (["FILE", "--to", "csv", "--to", "trc", "--out", "FILE"], "walk.bvh cannot be created"),
    ],
)
def test_bad_input_ends_with_one_sentence(arguments, words, motion_file, capsys):
    filled = [str(motion_file) if word == "FILE" else word for word in arguments]
    assert main(["export", *filled]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
