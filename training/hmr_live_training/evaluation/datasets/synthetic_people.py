"""Shards of synthetic people: exact ground truth of joints, vertices and silhouettes.

The ground truth is in the frame of the crop's camera, the only one that a crop determines; its 2D
is the exact perspective projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live_training.data.crops import CROP_SIZE
from hmr_live_training.evaluation.datasets.silhouettes import shrink, silhouette
from hmr_live_training.evaluation.estimators import Estimate, Estimator, NetworkEstimator
from hmr_live_training.evaluation.metrics import hip_centred, intersection_over_union, mpjpe
from hmr_live_training.evaluation.predictions import Predictions, stack_estimates
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL
from hmr_live_training.synthetic.labels import OUTSIDE
from hmr_live_training.synthetic.shards import SyntheticShard, load_shard, shard_paths

Array = NDArray[np.floating[Any]]
Labels = dict[str, NDArray[Any]]

SPLIT: Final = "test"
#: Not an estimator: the figures of the true parameters.
TRUTH: Final = "truth"
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
_LEFT_SHOULDER, _RIGHT_HIP = _LIMBS[9], _LIMBS[2]
#: Metres in front of the camera; nearer vertices are not projected.
_NEAREST: Final = 0.1


@dataclass(frozen=True)
class GroundTruth:
    """Ground truth of N people.

    Attributes
    ----------
    labels
        ``(N, 14, 3)`` LSP joints in [-1, 1], then 2 for visible in the crop, 1 for hidden in the
        crop, 0 for outside; neck and head top have no label.
    torso
        ``(N,)`` torso lengths, the unit of PCK.
    joints
        ``(N, 12, 3)`` limb joints, metres, hip-centred.
    rotmats
        ``(N, 24, 3, 3)`` relative rotations.
    in_picture
        ``(N, 24)`` whether each SMPL joint is in the picture, visible or hidden.
    """

    labels: Array
    torso: Array
    joints: Array
    rotmats: Array
    in_picture: NDArray[np.bool_]


@dataclass(frozen=True)
class SurfaceErrors:
    """How well the surfaces of N bodies agree.

    Attributes
    ----------
    vertices
        ``(N,)`` PVE in millimetres, hip-centred; NaN when the body model is another one.
    outline
        ``(N,)`` IoU with the silhouette of the true body.
    mask
        ``(N,)`` IoU with the visible part of the person, clothes and hair included.
    """

    vertices: Array
    outline: Array
    mask: Array


@dataclass(frozen=True)
class SyntheticRun:
    """Predictions, surface errors, and scores of person-free crops, each by estimator."""

    truth: GroundTruth
    predictions: dict[str, Predictions]
    surfaces: dict[str, SurfaceErrors]
    person_free: dict[str, Array]


def run_synthetic(
    folder: Path,
    estimators: Sequence[Estimator],
    body: BodyModel,
    *,
    split: str = SPLIT,
    step: int = 1,
) -> SyntheticRun:
    """Run all estimators over every ``step``-th sample of a split's shards.

    Parameters
    ----------
    folder
        Of the shards of :mod:`hmr_live_training.synthetic`.
    estimators
        Networks and baselines.
    body
        Model that the images were rendered with.
    split
        Split of the shards.
    step
        Evaluate every ``step``-th sample.

    Raises
    ------
    AssetError
        When there are no shards of this split, or no people in them.
    """
    paths = shard_paths(folder, split)
    if not paths:
        raise AssetError(
            f"There are no {split} shards in {folder}; render some with "
            "hmr_live_training.synthetic."
        )
    people, found = _EstimateCollector(body, estimators), []
    for path in paths:
        shard = load_shard(path)
        numbers = range(0, len(shard), step)
        progress = ProgressLog(f"synthetic, {path.name}", len(numbers))
        for number in numbers:
            if people.add(shard, number):
                found.append({name: values[number] for name, values in shard.labels.items()})
            progress.step()
    if not found:
        raise AssetError(f"There are no people in the shards of {folder}; render more samples.")
    return people.finish(found)


class _EstimateCollector:
    """Collects estimates and surface errors, image by image."""

    def __init__(self, body: BodyModel, estimators: Sequence[Estimator]) -> None:
        self._body = body
        self._estimators = estimators
        self._crop_box = CropBox(CROP_SIZE / 2, CROP_SIZE / 2, CROP_SIZE)
        self._estimates: dict[str, list[Estimate | None]] = {e.name: [] for e in estimators}
        self._person_free: dict[str, list[float]] = {e.name: [] for e in estimators}
        with_body = [e.name for e in estimators if isinstance(e, NetworkEstimator)]
        self._surfaces: dict[str, list[tuple[float, float, float]]] = {
            name: [] for name in (*with_body, TRUTH)
        }

    def add(self, shard: SyntheticShard, number: int) -> bool:
        """Run the estimators on one image; return whether it shows a person."""
        image = shard.image(number)
        labels = {name: values[number] for name, values in shard.labels.items()}
        focal = float(labels["crop_focal"]) * (CROP_SIZE / 2)
        estimates = {
            e.name: e.estimate(image, [self._crop_box], focal)[0] for e in self._estimators
        }
        if not labels["person"] > 0:
            for name, estimate in estimates.items():
                self._person_free[name].append(estimate.score)
            return False
        for name, estimate in estimates.items():
            self._estimates[name].append(estimate)
        self._compare_surfaces(estimates, labels, shrink(shard.mask(number)))
        return True

    def _compare_surfaces(
        self, estimates: dict[str, Estimate], labels: Labels, mask: NDArray[np.bool_]
    ) -> None:
        outline = _true_outline(self._body, labels)
        true = self._body.forward(labels["rotmats"], labels["betas"])
        true_vertices = _from_hips(true.joints, true.vertices)
        own = intersection_over_union(outline, mask)
        self._surfaces[TRUTH].append((0.0, 1.0, own))
        for estimator in self._estimators:
            output = estimates[estimator.name].output
            if output is None or not isinstance(estimator, NetworkEstimator):
                continue
            body = estimator.reader.body
            mesh = body.forward(output.rotmats, output.betas)
            error = np.nan
            if body.sha256 == self._body.sha256:
                vertices = _from_hips(mesh.joints, mesh.vertices)
                error = float(mpjpe(vertices[None], true_vertices[None])[0])
            flat = output.camera[0] * (mesh.vertices[:, :2] + output.camera[1:])
            drawn = silhouette(flat, body.faces)
            ious = [intersection_over_union(drawn, other) for other in (outline, mask)]
            self._surfaces[estimator.name].append((error, ious[0], ious[1]))

    def finish(self, people: list[Labels]) -> SyntheticRun:
        surfaces = {
            name: SurfaceErrors(*np.array(rows, np.float64).T)
            for name, rows in self._surfaces.items()
        }
        return SyntheticRun(
            truth=_truth(people, self._body),
            predictions={name: stack_estimates(found) for name, found in self._estimates.items()},
            surfaces=surfaces,
            person_free={name: np.array(scores) for name, scores in self._person_free.items()},
        )


def _truth(people: list[Labels], body: BodyModel) -> GroundTruth:
    places = np.stack([p["joints_2d"] for p in people]) * (2 / CROP_SIZE) - 1
    labels = np.zeros((len(people), 14, 3))
    labels[:, :12, :2] = places[:, _LIMBS]
    visibility = np.stack([p["joint_visibility"] for p in people])
    labels[:, :12, 2] = visibility[:, _LIMBS]
    poses = np.stack([p["rotmats"] for p in people])
    joints = [body.joints(pose, p["betas"]) for pose, p in zip(poses, people, strict=True)]
    return GroundTruth(
        labels=labels,
        torso=np.linalg.norm(places[:, _LEFT_SHOULDER] - places[:, _RIGHT_HIP], axis=-1),
        joints=hip_centred(np.stack(joints)[:, _LIMBS].astype(np.float64)),
        rotmats=poses,
        in_picture=np.asarray(visibility != OUTSIDE),
    )


def _from_hips(joints: Array, points: Array) -> Array:
    centred = hip_centred(joints[None, _LIMBS].astype(np.float64), points[None])
    return np.asarray(centred[0])


def _true_outline(body: BodyModel, labels: Labels) -> NDArray[np.bool_]:
    """Silhouette of the true body in the true perspective camera."""
    (scale, x, y), focal = labels["camera"], float(labels["crop_focal"])
    vertices = body.forward(labels["rotmats"], labels["betas"]).vertices
    vertices = vertices + np.array([x, y, focal / scale])
    in_front = vertices[:, 2] > _NEAREST
    flat = vertices[:, :2] * (focal / np.maximum(vertices[:, 2:], _NEAREST))
    return silhouette(flat, body.faces, in_front)
