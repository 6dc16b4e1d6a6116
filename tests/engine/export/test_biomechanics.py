"""TRC and C3D."""

from __future__ import annotations

import warnings
from pathlib import Path

import c3d
import numpy as np

from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.export.c3d import write_c3d
from hmr_live.export.trc import write_trc
from tests.engine.export.accuracy import assert_same_places


def read_trc(path):
    """Header and ``(T, 2 + 3 N)`` values, empty fields NaN."""
    lines = Path(path).read_text().split("\n")
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = [name for name in lines[3].split("\t")[2:] if name]
    rows = [[float(cell or "nan") for cell in line.split("\t")] for line in lines[6:] if line]
    return head, names, np.array(rows)


def test_trc_holds_the_joints_in_millimetres(clip, tmp_path):
    write_trc(clip, tmp_path / "walk.trc")
    head, names, values = read_trc(tmp_path / "walk.trc")
    assert names == list(JOINT_NAMES)
    assert (head["Units"], head["NumFrames"], head["DataRate"]) == ("mm", "60", "30")
    assert values[:, 0].tolist() == list(range(1, 61))
    np.testing.assert_allclose(values[:, 1], clip.times, atol=1e-6)
    places = values[:, 2:].reshape(60, 24, 3) / 1000
    assert_same_places(places, clip.joints)


def test_trc_leaves_gaps_empty(clip_with_gap, tmp_path):
    write_trc(clip_with_gap, tmp_path / "a.trc")
    _, _, values = read_trc(tmp_path / "a.trc")
    assert np.isnan(values[~clip_with_gap.seen, 2:]).all()
    assert np.isfinite(values[clip_with_gap.seen]).all()


def read_c3d(path):
    with path.open("rb") as file, warnings.catch_warnings():
        # There are no analogue channels, and ezc3d may leave an empty block at the end.
        warnings.simplefilter("ignore")
        reader = c3d.Reader(file)
        frames = np.array([points for _, points, _ in reader.read_frames()])
        labels = [label.strip() for label in reader.point_labels]
        units = reader.get("POINT:UNITS").string_value.strip()
        return reader.point_rate, labels, units, frames


def test_c3d_holds_the_joints_in_millimetres(clip, tmp_path):
    world = clip.turned("z")
    write_c3d(world, tmp_path / "walk.c3d")
    rate, labels, units, frames = read_c3d(tmp_path / "walk.c3d")
    assert (rate, units) == (30, "mm")
    assert labels == list(JOINT_NAMES)
    assert_same_places(frames[..., :3] / 1000, world.joints)


def test_c3d_marks_gaps_as_missing(clip_with_gap, tmp_path):
    write_c3d(clip_with_gap, tmp_path / "a.c3d")
    *_, frames = read_c3d(tmp_path / "a.c3d")
    assert (frames[~clip_with_gap.seen, :, 3] == -1).all()
    assert (frames[clip_with_gap.seen, :, 3] >= 0).all()
