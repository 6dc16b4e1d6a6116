from __future__ import annotations

import numpy as np
import pytest

from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import Photos, load_lspet
from hmr_live_training.data.mocap import joint_limits
from hmr_live_training.data.teacher import TeacherLabels
from hmr_live_training.landmarks import LSP_NAMES
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.pseudo_gt.__main__ import main
from hmr_live_training.pseudo_gt.fit_report import fit_figures, rotation_spread
from hmr_live_training.pseudo_gt.observations import observe
from hmr_live_training.pseudo_gt.run import fit_split
from hmr_live_training.pseudo_gt.sheet import COLUMNS, choose_photos, fit_sheet
from tests.training.cases import rest_body, write_lspet
from tests.training.pseudo_gt.people import people, quick_config, seen_of, solver, teacher_of


class StopHereError(Exception):
    pass


@pytest.fixture(scope="module")
def fitter():
    return solver(quick_config())


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Photos, TeacherLabels]:
    folder = tmp_path_factory.mktemp("data")
    write_lspet(folder, list(range(1, 21)), LSP_NAMES)
    photos = load_lspet(folder, "train")
    seen = seen_of(solver(quick_config()).energy.pose(people(len(photos))))
    photos.keypoints[:] = seen.labels.numpy()
    return photos, teacher_of(seen)


def fit(data, path, fitter, report=lambda line: None):
    made = []

    def make():
        made.append(1)
        return fitter

    return fit_split(*data, path, make, quick_config(), report), made


def test_every_photo_has_a_row_in_its_place(data, fitter, tmp_path):
    fits, _ = fit(data, tmp_path / "fits.npz", fitter)
    assert fits.names.tolist() == data[0].names.tolist()
    assert np.isfinite(fits.pose).all()
    assert [p.name for p in tmp_path.iterdir()] == ["fits.npz"]


def test_an_interrupted_run_resumes(data, fitter, tmp_path):
    whole, _ = fit(data, tmp_path / "whole.npz", fitter)

    def stop(line: str) -> None:
        raise StopHereError

    path = tmp_path / "fits.npz"
    with pytest.raises(StopHereError):
        fit(data, path, fitter, stop)
    assert not path.exists()
    first = tmp_path / "fits.parts" / "0000.npz"
    written = first.stat().st_mtime_ns
    seen_later = []
    fits, made = fit(data, path, fitter, lambda line: seen_later.append(first.stat().st_mtime_ns))
    assert made == [1]
    assert seen_later == [written, written]
    np.testing.assert_array_equal(fits.pose, whole.pose)


def test_other_labels_start_over(data, fitter, tmp_path):
    photos, teacher = data

    def stop(line: str) -> None:
        raise StopHereError

    with pytest.raises(StopHereError):
        fit(data, tmp_path / "fits.npz", fitter, stop)
    moved = TeacherLabels(**{**vars(teacher), "points": teacher.points + 3})
    lines: list[str] = []
    fit((photos, moved), tmp_path / "fits.npz", fitter, lines.append)
    assert [line.split()[0] for line in lines] == ["8", "16", "20"]


def test_labels_of_another_split_are_refused(data):
    photos, teacher = data
    half = TeacherLabels(*(part[:5] for part in vars(teacher).values()))
    with pytest.raises(AssetError, match="labelled 5 photos, but the train split has 20"):
        observe(photos, half)


def test_the_figures_say_what_was_kept_and_how_well_it_fits(data, fitter, tmp_path):
    photos, teacher = data
    fits, _ = fit(data, tmp_path / "fits.npz", fitter)
    limits = joint_limits(np.random.default_rng(0).normal(0, 1, (500, 24, 3)))
    figures = fit_figures(fits, photos, teacher, BodyLandmarks(rest_body()), limits)
    assert figures["photos"] == 20
    assert figures["kept"] == fits.kept.sum()
    assert figures["PCK12@0.2 of the kept, %"] > 90
    assert figures["PA-MPJPE to the teacher, mm"] < 60
    assert figures["joints outside limits, %"] == 0


def test_the_spread_of_equal_rotations_is_nothing():
    assert rotation_spread(np.tile(np.eye(3), (5, 21, 1, 1))) == pytest.approx(0, abs=1e-3)


def test_a_contact_sheet_shows_good_and_bad_fits(data, fitter, tmp_path):
    photos, _ = data
    fits, _ = fit(data, tmp_path / "fits.npz", fitter)
    fits.weight[[3, 8]] = 0
    chosen = choose_photos(fits, 9)
    assert len(set(chosen)) == len(chosen) == 9
    assert {3, 8} <= set(chosen.tolist())
    assert (np.diff(fits.weight[chosen]) <= 0).all()
    body = asset_path("body", "open_body.npz")
    sheet = fit_sheet(photos, fits, chosen[:2], body)
    assert sheet.shape == (288, COLUMNS * 2 * 288, 3)
    # The left half of a tile is the photo, the right half the body before an even ground.
    ground = (sheet[30:, 300:560] == 50).all(axis=-1).mean()
    assert 0.4 < ground < 0.99


def test_missing_inputs_end_with_a_message(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path)]) == 1
    assert "give the data folder with --data" in capsys.readouterr().err
    write_lspet(tmp_path, [1, 2], LSP_NAMES)
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path)]) == 1
    assert "run hmr_live_training.sampling.prepare" in capsys.readouterr().err
