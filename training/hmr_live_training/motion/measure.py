"""Measure motion on drawn films: as networks answer, as the window smooths, and as corrected.

``python -m hmr_live_training.motion.measure TEST.npz [--motion C.pt]``.  Films of
``hmr_live_training.motion.films --held-out`` have motion, clothes and backgrounds that were never
trained on.  Intervals resample half seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.recovery.smoothing import BodySmoother
from hmr_live_training.evaluation.datasets.videos import in_blocks
from hmr_live_training.evaluation.joint_angles import ANGLE_COLUMNS, angle_errors
from hmr_live_training.evaluation.metrics import (
    acceleration_errors,
    hip_centred,
    jitter,
    mpjpe,
    pa_mpjpe,
)
from hmr_live_training.evaluation.report import ResultRow, as_markdown
from hmr_live_training.evaluation.statistics import Figure, ratio
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL
from hmr_live_training.motion.films import RATE, Film, load_films
from hmr_live_training.motion.network import MotionNetwork, MotionOutput, blank_state
from hmr_live_training.motion.windows import FilmStretch, stretches

Array = NDArray[np.floating[Any]]

_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
_ANGLES: Final = ("knee flexion", "hip flexion", "elbow flexion")
#: A body that is turned further than this from the truth, degrees, faces the wrong way.
_WRONG_WAY: Final = 90.0
#: Shorter stretches say nothing about motion.
_FEWEST: Final = 8
_MM2: Final = "mm/frame^2"


class _Name(NamedTuple):
    """Of a figure."""

    name: str
    unit: str


class _Form(NamedTuple):
    """Rotations ``(T, 24, 3, 3)`` of one stretch, and what else the motion network says."""

    rotmats: Array
    believed: MotionOutput | None


def _forms(stretch: FilmStretch, network: MotionNetwork | None) -> dict[str, _Form]:
    """The stretch in every form, by name."""
    raw = stretch.frames.rotmats[0].numpy()
    forms = {"as answered": _Form(raw, None), "live filters": _Form(_filtered(raw), None)}
    if network is not None:
        with torch.no_grad():
            believed, _ = network(stretch.frames, blank_state(1))
        corrected = believed.rotmats[0].numpy()
        forms["corrected"] = _Form(corrected, believed)
        forms["corrected, live filters"] = _Form(_filtered(corrected), None)
    return forms


def _filtered(rotmats: Array) -> Array:
    smoother, place = BodySmoother(), np.array([0, 0, 3], np.float32)
    return np.stack([smoother(pose, place, k / RATE)[0] for k, pose in enumerate(rotmats)])


def motion_rows(
    films: Sequence[Film], network: MotionNetwork | None = None, *, data_set: str = "drawn films"
) -> list[ResultRow]:
    """Errors of position, motion, angles and heading, for every image network and form.

    Parameters
    ----------
    films
        With answers.
    network
        Corrects them, if given.
    data_set
        Name for the tables.
    """
    body = BodyModel.default()
    rows = []
    for name in sorted(films[0].answers):
        errors: dict[str, dict[_Name, list[tuple[Array, Array]]]] = {}
        for film in films:
            if np.isnan(film.answers[name].transl).all():
                continue
            shape = np.nanmedian(film.answers[name].betas, axis=0).astype(np.float32)
            for stretch in stretches(body, film, film.answers[name]):
                if len(stretch.true_rotmats) < _FEWEST:
                    continue
                true = _limbs(body, stretch.true_rotmats, film.betas)
                for form, found in _forms(stretch, network).items():
                    joints = _limbs(body, found.rotmats, shape)
                    for figure, values in _errors(found, stretch, joints, true):
                        errors.setdefault(form, {}).setdefault(figure, []).append(values)
        split = f"{len(films)} films at {RATE:g} frames a second"
        for form, by_figure in errors.items():
            figures = {figure.name: _pooled(figure, v) for figure, v in by_figure.items()}
            rows.append(ResultRow("Motion", data_set, split, form, name, figures))
    return rows


def _limbs(body: BodyModel, rotmats: Array, betas: Array) -> Array:
    joints = np.stack([body.joints(pose, betas) for pose in rotmats]).astype(np.float64)
    return hip_centred(joints[:, _LIMBS])


def _errors(
    found: _Form, stretch: FilmStretch, joints: Array, true: Array
) -> Iterator[tuple[_Name, tuple[Array, Array]]]:
    """Name and unit of a figure, and its sums and counts in blocks."""
    yield _Name("MPJPE", "mm"), in_blocks(mpjpe(joints, true))
    yield _Name("PA-MPJPE", "mm"), in_blocks(pa_mpjpe(joints, true))
    yield _Name("depth", "mm"), in_blocks(1000 * np.abs((joints - true)[..., 2]).mean(axis=1))
    yield _Name("acceleration error", _MM2), in_blocks(acceleration_errors(joints, true))
    yield _Name("jitter", _MM2), in_blocks(jitter(joints))
    angles = np.abs(angle_errors(found.rotmats, stretch.true_rotmats))
    for angle in ANGLE_COLUMNS:
        if angle.name in _ANGLES:
            with np.errstate(invalid="ignore"):
                yield _Name(angle.name, "deg"), in_blocks(angles[:, angle.columns].mean(axis=1))
    trace = np.einsum("tij,tij->t", found.rotmats[:, 0], stretch.true_rotmats[:, 0])
    turned = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    yield _Name("facing the wrong way", "%"), in_blocks(100.0 * (turned > _WRONG_WAY))
    if found.believed is not None:
        up = (found.believed.up[0].numpy() * stretch.up).sum(axis=1)
        yield _Name("gravity", "deg"), in_blocks(np.degrees(np.arccos(np.clip(up, -1, 1))))
        down, standing = found.believed.contacts[0].numpy() > 0, stretch.contacts
        both = 2.0 * (down & standing).sum(axis=1)
        # F1 = 2 hits / (found + true): a ratio of sums.
        hits, _ = in_blocks(both)
        all_, _ = in_blocks((down.sum(axis=1) + standing.sum(axis=1)).astype(float))
        yield _Name("contacts, F1", "%"), (100 * hits, all_)


def _pooled(figure: _Name, values: list[tuple[Array, Array]]) -> Figure | None:
    sums, numbers = zip(*values, strict=True)
    return ratio(np.concatenate(sums), np.concatenate(numbers), figure.unit)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("films", nargs="+", type=Path, help=".npz files of .films")
    parser.add_argument("--motion", type=Path, help="checkpoint of .train")
    chosen = parser.parse_args(arguments)
    network = None
    if chosen.motion is not None:
        network = MotionNetwork()
        network.load_state_dict(torch.load(chosen.motion, weights_only=True))
        network.eval()
    films = [film for path in chosen.films for film in load_films(path)]
    print(as_markdown(motion_rows(films, network)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
