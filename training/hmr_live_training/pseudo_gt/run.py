"""Fit a whole split in batches; a batch that is done is not fitted again."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live_training.data.lspet import Photos
from hmr_live_training.data.teacher import TeacherLabels
from hmr_live_training.models.body_landmarks import BodyLandmarks, learned_corrections
from hmr_live_training.models.smpl_layer import read_rest_body
from hmr_live_training.pseudo_gt.bank import PoseBank, turned_upright
from hmr_live_training.pseudo_gt.energy import FitEnergy
from hmr_live_training.pseudo_gt.fit_config import FitConfig
from hmr_live_training.pseudo_gt.fits_file import Fits, save_arrays, save_fits
from hmr_live_training.pseudo_gt.observations import Observations, observe
from hmr_live_training.pseudo_gt.prior import learn_prior
from hmr_live_training.pseudo_gt.quality import judge
from hmr_live_training.pseudo_gt.solver import Solver
from hmr_live_training.synthetic.body_poses import body_joint_limits
from hmr_live_training.synthetic.poses.sampler import PoseSampler
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Array = NDArray[np.floating[Any]]


def draw_poses(data: Path, body: Path, config: FitConfig) -> Array:
    """The pose bank ``(bank, 24, 3)``: captured, blended and made poses, axis-angle."""
    sampler = PoseSampler(data, "train", BodyModel.load(body), SyntheticConfig())
    rng = np.random.default_rng(config.seed)
    rotmats = np.stack([sampler.draw(rng) for _ in range(config.bank)])
    return axis_angle_from_matrix(rotmats).astype(np.float32)


def build_solver(data: Path, body: Path, config: FitConfig) -> Solver:
    """Bank, prior and limits from motion capture, and the body that is fitted.

    Raises
    ------
    AssetError
        When the motion capture or the body cannot be read.
    """
    landmarks = BodyLandmarks(read_rest_body(body), learned_corrections())
    limits = body_joint_limits(data, body)
    poses = draw_poses(data, body, config)
    prior = learn_prior(turned_upright(poses), config.components, config.seed)
    bank = PoseBank(poses, landmarks, config.searched, config.views)
    return Solver(FitEnergy(landmarks, prior, limits, config), bank, config)


def fit_split(
    photos: Photos,
    teacher: TeacherLabels,
    path: Path,
    make_solver: Callable[[], Solver],
    config: FitConfig,
    report: Callable[[str], None] = print,
) -> Fits:
    """Fit every photo of a split and write the file.

    Finished batches are kept in a folder beside the file until all are done, so an interrupted run
    resumes; other photos, labels or settings start over.

    Parameters
    ----------
    photos, teacher
        The evidence.
    path
        The file to write.
    make_solver
        Called when there is something left to fit.
    config
        Sizes of batches and of the calibration.
    report
        Called with a line about the progress.
    """
    seen = observe(photos, teacher)
    parts = path.with_suffix(".parts")
    _begin(parts, _fingerprint(seen, photos, config))
    solver: Solver | None = None
    began = time.perf_counter()
    starts = range(0, len(photos), config.batch)
    for number, first in enumerate(starts):
        part = parts / f"{number:04d}.npz"
        if part.exists():
            continue
        if solver is None:
            solver = make_solver()
            _calibrated(solver, seen, parts / "calibration.npz", config)
        batch = slice(first, first + config.batch)
        save_fits(part, _fit_batch(solver, photos.names[batch], seen.at(batch)))
        seconds = time.perf_counter() - began
        report(f"{min(first + config.batch, len(photos))} of {len(photos)} photos, {seconds:.0f} s")
    fits = _joined([parts / f"{number:04d}.npz" for number in range(len(starts))])
    save_fits(path, fits)
    shutil.rmtree(parts)
    return fits


def _begin(parts: Path, fingerprint: str) -> None:
    """Keep the parts of an interrupted run with the same inputs; delete any others."""
    mark = parts / "inputs.txt"
    if mark.exists() and mark.read_text() == fingerprint:
        return
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    mark.write_text(fingerprint)


def _fingerprint(seen: Observations, photos: Photos, config: FitConfig) -> str:
    digest = hashlib.sha256(repr((config, photos.names.tolist())).encode())
    for part in seen:
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()


def _calibrated(solver: Solver, seen: Observations, path: Path, config: FitConfig) -> None:
    """Learn the offsets of clicked points, from the photos with the best 3D evidence."""
    correction = solver.energy.body.correction
    if path.exists():
        with np.load(path) as file:
            correction.copy_(torch.from_numpy(file["correction"]))
        return
    best = seen.world[..., 3].sum(dim=1).topk(min(config.calibration, len(seen.world))).indices
    solver.calibrate(seen.at(best))
    save_arrays(path, correction=correction.detach().numpy())


def _fit_batch(solver: Solver, names: NDArray[np.str_], seen: Observations) -> Fits:
    bodies = solver.fit(seen)
    quality = judge(solver.energy, bodies, seen)
    body = solver.energy.body
    pelvis = body.tree.rest_joints(bodies.betas)[:, 0]
    correction = body.corrections()
    tensors = (*bodies, pelvis, *quality, correction)
    return Fits(names, *(tensor.detach().numpy().astype(np.float32) for tensor in tensors))


def _joined(paths: list[Path]) -> Fits:
    parts = []
    for path in paths:
        with np.load(path) as file:
            parts.append({field.name: file[field.name] for field in fields(Fits)})
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    arrays["correction"] = parts[0]["correction"]
    return Fits(**arrays)
