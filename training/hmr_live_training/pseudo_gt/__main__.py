"""Fit SMPL parameters to the photos of a split.

``python -m hmr_live_training.pseudo_gt --split train``

The labels of the teacher must be in the cache (``python -m hmr_live_training.sampling.prepare
teacher``).  An interrupted run resumes; a finished one only prints its figures again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.models.body_landmarks import BodyLandmarks, learned_corrections
from hmr_live_training.models.smpl_layer import read_rest_body
from hmr_live_training.pseudo_gt.fit_config import FitConfig
from hmr_live_training.pseudo_gt.fit_report import fit_figures
from hmr_live_training.pseudo_gt.fits_file import load_fits, save_arrays, world_poses
from hmr_live_training.pseudo_gt.run import build_solver, fit_split
from hmr_live_training.pseudo_gt.sheet import choose_photos, fit_sheet
from hmr_live_training.synthetic.body_poses import body_joint_limits


def run(given: argparse.Namespace) -> None:
    """Fit the split unless it is done, print the figures, and write what the options ask for."""
    config = FitConfig(seed=given.seed)
    body = given.body or asset_path("body", "open_body.npz")
    photos = load_lspet(given.data, given.split)
    teacher = load_labels(teacher_path(given.cache, "heavy", given.split))
    path = given.out or given.cache / f"fits_{given.split}.npz"
    if path.exists():
        fits = load_fits(path, photos)
    else:
        fits = fit_split(
            photos, teacher, path, lambda: build_solver(given.data, body, config), config
        )
    limits = body_joint_limits(given.data, body)
    landmarks = BodyLandmarks(read_rest_body(body), learned_corrections())
    for name, value in fit_figures(fits, photos, teacher, landmarks, limits).items():
        print(f"{name:<36} {value:8.2f}" if isinstance(value, float) else f"{name:<36} {value:8}")
    if given.poses is not None:
        save_arrays(given.poses, pose=world_poses(fits))
    if given.sheet is not None and not cv2.imwrite(
        str(given.sheet), fit_sheet(photos, fits, choose_photos(fits), body)
    ):
        raise AssetError(f"Cannot write {given.sheet}; choose a .png in a folder that exists.")


def main(arguments: list[str] | None = None) -> int:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.pseudo_gt", description=__doc__
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the training data"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("cache"), help="folder with the labels of the teacher"
    )
    parser.add_argument("--split", choices=["train", "development"], default="train")
    parser.add_argument(
        "--out", type=Path, help="file of the fits (default: fits_SPLIT.npz in the cache)"
    )
    parser.add_argument(
        "--sheet", type=Path, help="contact sheet of good and bad fits to write (.png)"
    )
    parser.add_argument(
        "--poses", type=Path, help="file of the kept poses for synthetic people to write (.npz)"
    )
    parser.add_argument("--body", type=Path, help="SMPL body file (default: the open body)")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    given = parser.parse_args(arguments)
    try:
        run(given)
    except HmrLiveError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
