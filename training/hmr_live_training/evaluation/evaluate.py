"""Figures on the development test set.

``python -m hmr_live_training.evaluation.evaluate --checkpoint RUN.pt``

The development photos (im08001 to im09000) are cropped by the tracker's rule from their own
joints, rotated upright, without augmentation.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hmr_live_training.data.augment import exact_plan
from hmr_live_training.data.crops import crop_box_from_bounds, crop_matrix, entered, warp
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import JointLimits, joint_limits
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.evaluation.metrics import (
    bootstrap_interval,
    mpjpe,
    pck_hits,
    procrustes_aligned,
    swapped_share,
)
from hmr_live_training.landmarks import (
    LIMBS,
    LSP_LIMBS,
    LSP_LIMBS_IN_LANDMARKS,
    LSP_LIMBS_IN_SMPL,
    NUM_BLAZEPOSE,
)
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.network import BodyNetwork, Stage
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import unpack
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.cached_features import encoder_file
from hmr_live_training.sampling.features import open_network
from hmr_live_training.sampling.prepare import backbone_file
from hmr_live_training.sampling.samples import Samples, photo_labels, place
from hmr_live_training.synthetic.body_poses import load_body_poses

Array = NDArray[np.floating[Any]]
#: Teacher points believed less than this are no reference.
_REFERENCE_WEIGHT = 0.3


class Prediction(NamedTuple):
    """Bodies of N crops, and what the backbone itself sees.

    Attributes
    ----------
    joints_2d
        ``(N, 24, 2)`` SMPL joints in [-1, 1] across the crop.
    landmarks
        ``(N, L, 3)`` hip-centred metres.
    landmarks_2d
        ``(N, L, 2)``.
    rotmats, betas
        ``(N, 24, 3, 3)`` and ``(N, 10)``.
    own_2d
        ``(N, 27, 2)`` the backbone's landmarks.
    """

    joints_2d: Array
    landmarks: Array
    landmarks_2d: Array
    rotmats: Array
    betas: Array
    own_2d: Array


@torch.no_grad()
def predict(network: BodyNetwork, samples: Samples, stage: Stage, batch: int = 32) -> Prediction:
    """Run what lies behind ``stage`` on stored inputs."""
    network.eval()
    rows, device = [], network.regressor.feature_mean.device
    for start in range(0, len(samples.lsp), batch):
        chosen = torch.arange(start, min(start + batch, len(samples.lsp)))
        part = samples.at(chosen).to(device)
        encoded = network.encode(part.inputs, stage)
        theta = unpack(network.thetas(encoded)[-1])
        joints, landmarks = network.regressor.body(theta.rotmats, theta.betas)
        rows.append(
            Prediction(
                *(
                    value.cpu().numpy()
                    for value in (
                        project(joints, theta.camera),
                        hip_centred(landmarks),
                        project(landmarks, theta.camera),
                        theta.rotmats,
                        theta.betas,
                        encoded.observed.points,
                    )
                )
            )
        )
    return Prediction(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def figures(prediction: Prediction, samples: Samples, limits: JointLimits) -> dict[str, float]:
    """One row of figures.

    ``pck12`` is of SMPL's own joints, which is what a user gets; ``pck12_landmarks`` has the
    learned correction between clicked points and joints; ``pck12_trunk`` is of the encoder's own
    landmarks, as the regressor gets them.
    """
    labels = samples.lsp.numpy()
    smpl = prediction.joints_2d[:, list(LSP_LIMBS_IN_SMPL)]
    clicked = prediction.landmarks_2d[:, NUM_BLAZEPOSE:][:, list(LSP_LIMBS)]
    own = prediction.own_2d[:, list(LSP_LIMBS_IN_LANDMARKS)]
    limbs = list(LIMBS)
    found, true = prediction.landmarks[:, limbs], samples.world[:, limbs, :3].numpy()
    believed = samples.world[:, limbs, 3].numpy() > _REFERENCE_WEIGHT
    whole = believed.all(axis=1)
    axis_angle = axis_angle_from_matrix(prediction.rotmats)
    row = {
        "photos": float(len(labels)),
        "pck12": _pck(smpl, labels),
        "pck12_landmarks": _pck(clicked, labels),
        "pck12_trunk": _pck(own, labels),
        "swapped_percent": 100 * swapped_share(smpl, labels),
        "outside_limits_percent": 100 * float(limits.outside(axis_angle).mean()),
        "betas_std": float(prediction.betas.std()),
    }
    if whole.any():
        row["teacher_photos"] = float(whole.sum())
        row["teacher_mpjpe_mm"] = mpjpe(found, true, believed)
        aligned = procrustes_aligned(found[whole], true[whole])
        row["teacher_pa_mpjpe_mm"] = mpjpe(aligned, true[whole], believed[whole])
        # 1 means that predicted poses vary as much as the teacher's, 0 that all are the mean.
        varied, reference = (x[whole].var(axis=0).sum() for x in (found, true))
        row["variance_ratio"] = float(varied / reference)
    return row


def _pck(points: Array, labels: Array) -> float:
    hits, counted = pck_hits(points, labels)
    return 100 * float(hits.sum()) / max(int(counted.sum()), 1)


def pck12(prediction: Prediction, samples: Samples) -> float:
    """PCK12@0.2 of SMPL's joints, percent."""
    return _pck(prediction.joints_2d[:, list(LSP_LIMBS_IN_SMPL)], samples.lsp.numpy())


def pck_interval(prediction: Prediction, samples: Samples) -> tuple[float, float]:
    """95 % interval of ``pck12``."""
    smpl = prediction.joints_2d[:, list(LSP_LIMBS_IN_SMPL)]
    return bootstrap_interval(*pck_hits(smpl, samples.lsp.numpy()))


def development_samples(
    data: Path,
    encoders: Path,
    cache: Path,
    config: RunConfig,
    network: BodyNetwork,
    *,
    plain_box: bool = False,
) -> Samples:
    """The development test set as the run's stage sees it, computed anew (10 ms a photo)."""
    stage = config.stage
    dtype = {"crop": np.uint8, "encoder_output": np.float32}.get(stage, np.float16)
    photos = load_lspet(data, "development")
    labels = photo_labels(photos, load_labels(teacher_path(cache, "heavy", "development")))
    encoder = None
    if config.has_own_encoder:
        encoder = open_network(encoder_file(network, cache, config))
    elif stage != "crop":
        encoder = open_network(backbone_file(encoders, cache, config.encoder))
    inputs, plans = [], []
    for index in range(len(photos)):
        keypoints = photos.keypoints[index]
        plan = exact_plan(keypoints)
        if plain_box:
            plan = replace(plan, matrix=crop_matrix(crop_box_from_bounds(keypoints)))
        crop = warp(photos.image(index), plan.matrix)
        inputs.append(entered(crop, encoder, stage).astype(dtype, copy=False))
        plans.append(plan)
    return place(
        labels,
        torch.from_numpy(np.stack(inputs)),
        np.stack([plan.matrix for plan in plans]),
        np.array([plan.visible for plan in plans]),
    )


def load_average(network: BodyNetwork, average: dict[str, Tensor]) -> BodyNetwork:
    """Put averaged weights into a network."""
    network.load_state_dict(average)
    return network


def development_figures(
    saved: Checkpoint, *, data: Path, encoders: Path, cache: Path, body: Path
) -> dict[str, Any]:
    """All figures of a checkpoint on the development photos, for its manifest.

    Parameters
    ----------
    saved
        The checkpoint.
    data, encoders, cache, body
        Training data, BlazePose's files, what is prepared once, and the body.
    """
    network = build_network(saved.config, encoders=encoders, data=data, body=body)
    load_average(network, saved.network)
    settings = (data, encoders, cache, saved.config)
    samples = development_samples(*settings, network)
    prediction = predict(network, samples, saved.config.stage)
    row = figures(prediction, samples, joint_limits(load_body_poses(data, body)))
    low, high = pck_interval(prediction, samples)
    boxed = development_samples(*settings, network, plain_box=True)
    row["pck12_plain_box"] = pck12(predict(network, boxed, saved.config.stage), boxed)
    return {
        "split": "LSPET im08001 to im09000, tracker's region from labels, rotated upright",
        **{name: round(value, 2) for name, value in row.items()},
        "pck12_interval_95": [round(low, 2), round(high, 2)],
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.evaluation.evaluate", description=__doc__
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    o = parser.parse_args(arguments)
    report = development_figures(
        load_checkpoint(o.checkpoint),
        data=o.data,
        encoders=o.encoders,
        cache=o.cache,
        body=o.body,
    )
    print(json.dumps(report, indent=2))
    if o.out:
        o.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
