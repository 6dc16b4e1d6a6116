"""Quick figures on the development photos, for the reports and the manifest of a training run.

The photos (LSPET im08001 to im09000) are prepared once as the run's stage sees them: cropped by
the tracker's rule from their own joints, rotated upright, without augmentation.  The measures are
those of :mod:`.metrics`; ``python -m hmr_live_training.measure`` gives all figures of a checkpoint,
with intervals.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmr_live_training.checkpoints.build_network import restore_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint
from hmr_live_training.data.augment import exact_plan
from hmr_live_training.data.crops import crop_box_from_bounds, crop_matrix, encoder_input, warp
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.evaluation.metrics import (
    joint_distances,
    outside_limits,
    pck_hits,
    procrustes_aligned,
    swapped,
)
from hmr_live_training.evaluation.statistics import percent
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
from hmr_live_training.synthetic.body_poses import body_joint_limits

Array = NDArray[np.floating[Any]]
#: Teacher points of less confidence are no reference.
_REFERENCE_WEIGHT = 0.3


class DevelopmentPrediction(NamedTuple):
    """Bodies of N crops, and the landmarks of the backbone itself.

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
        ``(N, 27, 2)`` the landmarks of the backbone.
    """

    joints_2d: Array
    landmarks: Array
    landmarks_2d: Array
    rotmats: Array
    betas: Array
    own_2d: Array


@torch.no_grad()
def predict(
    network: BodyNetwork, samples: Samples, stage: Stage, batch: int = 32
) -> DevelopmentPrediction:
    """Run the part of the network behind ``stage`` on prepared inputs."""
    network.eval()
    rows, device = [], network.regressor.feature_mean.device
    for start in range(0, len(samples.lsp), batch):
        chosen = torch.arange(start, min(start + batch, len(samples.lsp)))
        part = samples.at(chosen).to(device)
        encoded = network.encode(part.inputs, stage, part.perspective)
        perspective = encoded.observed.perspective
        theta = unpack(network.thetas(encoded)[-1])
        joints, landmarks = network.regressor.body(theta.rotmats, theta.betas)
        rows.append(
            DevelopmentPrediction(
                *(
                    value.cpu().numpy()
                    for value in (
                        project(joints, theta.camera, perspective),
                        hip_centred(landmarks),
                        project(landmarks, theta.camera, perspective),
                        theta.rotmats,
                        theta.betas,
                        encoded.observed.points,
                    )
                )
            )
        )
    return DevelopmentPrediction(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def figures(
    prediction: DevelopmentPrediction, samples: Samples, limits: JointLimits
) -> dict[str, float]:
    """One row of figures, by the names under which checkpoints keep them.

    ``pck12`` is PCK12@0.2 of SMPL's joints, which is what users get; ``pck12_landmarks`` includes
    the learned correction from joints to clicked points; ``pck12_trunk`` is that of the backbone's
    landmarks, the regressor's input.  Errors in millimetres are to the teacher's 3D points, over
    the joints that it is confident of.
    """
    labels = samples.lsp.numpy()
    smpl = prediction.joints_2d[:, list(LSP_LIMBS_IN_SMPL)]
    clicked = prediction.landmarks_2d[:, NUM_BLAZEPOSE:][:, list(LSP_LIMBS)]
    own = prediction.own_2d[:, list(LSP_LIMBS_IN_LANDMARKS)]
    limbs = list(LIMBS)
    found, true = prediction.landmarks[:, limbs], samples.world[:, limbs, :3].numpy()
    confident = samples.world[:, limbs, 3].numpy() > _REFERENCE_WEIGHT
    whole = confident.all(axis=1)
    exchanged, judged = swapped(smpl, labels)
    row = {
        "photos": float(len(labels)),
        "pck12": _pck(smpl, labels),
        "pck12_landmarks": _pck(clicked, labels),
        "pck12_trunk": _pck(own, labels),
        "swapped_percent": 100 * float(exchanged[judged].mean()),
        "outside_limits_percent": 100 * float(outside_limits(prediction.rotmats, limits).mean()),
        "betas_std": float(prediction.betas.std()),
    }
    if whole.any():
        row["teacher_photos"] = float(whole.sum())
        errors = joint_distances(found, true)
        row["teacher_mpjpe_mm"] = float(errors[confident].mean() * 1000)
        aligned = procrustes_aligned(found[whole], true[whole])
        row["teacher_pa_mpjpe_mm"] = float(joint_distances(aligned, true[whole]).mean() * 1000)
        # 1 means that predicted poses vary as much as the teacher's, 0 that all are the mean.
        varied, reference = (x[whole].var(axis=0).sum() for x in (found, true))
        row["variance_ratio"] = float(varied / reference)
    return row


def _pck(points: Array, labels: Array) -> float:
    hits, counted = pck_hits(points, labels)
    return 100 * float(hits.sum()) / max(int(counted.sum()), 1)


def pck12(prediction: DevelopmentPrediction, samples: Samples) -> float:
    """PCK12@0.2 of SMPL's joints, percent."""
    return _pck(prediction.joints_2d[:, list(LSP_LIMBS_IN_SMPL)], samples.lsp.numpy())


def development_samples(
    data: Path,
    encoders: Path,
    cache: Path,
    config: RunConfig,
    network: BodyNetwork,
    *,
    plain_box: bool = False,
) -> Samples:
    """Prepare the development photos as inputs of the run's stage (10 ms a photo)."""
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
        inputs.append(encoder_input(crop, encoder, stage).astype(dtype, copy=False))
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
    """The figures of a checkpoint for the manifest of its export.

    Parameters
    ----------
    saved
        The checkpoint; its averaged weights are evaluated.
    data, encoders, cache, body
        Training data, BlazePose's files, the teacher's labels and converted encoders, SMPL body.
    """
    network = restore_network(saved, encoders=encoders, data=data, body=body)
    folders, stage = (data, encoders, cache, saved.config), saved.config.stage
    samples = development_samples(*folders, network)
    prediction = predict(network, samples, stage)
    row = figures(prediction, samples, body_joint_limits(data, body))
    boxed = development_samples(*folders, network, plain_box=True)
    row["pck12_plain_box"] = pck12(predict(network, boxed, stage), boxed)
    smpl = prediction.joints_2d[:, list(LSP_LIMBS_IN_SMPL)]
    pck = percent(*pck_hits(smpl, samples.lsp.numpy()))
    low, high = (0.0, 0.0) if pck is None else (pck.low, pck.high)
    return {
        "split": "LSPET im08001 to im09000, tracker's region from labels, rotated upright",
        **{name: round(value, 2) for name, value in row.items()},
        "pck12_interval_95": [round(low, 2), round(high, 2)],
    }
