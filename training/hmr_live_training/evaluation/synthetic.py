"""Shards of synthetic people: exact 3D truth, vertices and silhouettes.

The truth is that of a camera which looks straight at the crop (``orient_seen``), the only
orientation that a crop determines; its 2D is the exact perspective projection.
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
from hmr_live_training.evaluation.answers import Answers, gather
from hmr_live_training.evaluation.estimators import Estimate, Estimator, NetworkEstimator
from hmr_live_training.evaluation.metrics import hip_centred, intersection_over_union, point_errors
from hmr_live_training.evaluation.progress import Progress
from hmr_live_training.evaluation.silhouettes import shrink, silhouette
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL
from hmr_live_training.synthetic.shards import Shard, load_shard, shard_paths

Array = NDArray[np.floating[Any]]
Labels = dict[str, NDArray[Any]]

SPLIT: Final = "test"
#: Not an estimator: what the true parameters themselves reach.
TRUTH: Final = "truth"
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
_LEFT_SHOULDER, _RIGHT_HIP = _LIMBS[9], _LIMBS[2]
_NEAREST: Final = 0.1


@dataclass(frozen=True)
class Truth:
    """What is true of N people.

    Attributes
    ----------
    labels
        ``(N, 14, 3)`` LSP's limb joints in [-1, 1]; the third column says in the picture and
        visible (2), in the picture but hidden (1), outside (0).  Neck and head top are left out.
    torso
        ``(N,)`` unit of PCK.
    joints
        ``(N, 12, 3)`` metres, hip-centred.
    rotmats
        ``(N, 24, 3, 3)``.
    """

    labels: Array
    torso: Array
    joints: Array
    rotmats: Array


@dataclass(frozen=True)
class Surface:
    """How well N bodies' surfaces fit.

    Attributes
    ----------
    vertices
        ``(N,)`` mean vertex error in millimetres, NaN with another body than the truth's.
    outline
        ``(N,)`` IoU with the true body's silhouette.
    mask
        ``(N,)`` IoU with what is to be seen of the person, clothes and hair included.
    """

    vertices: Array
    outline: Array
    mask: Array


@dataclass(frozen=True)
class SyntheticAnswers:
    """Answers and surfaces by estimator, scores of person-free crops by estimator."""

    truth: Truth
    answers: dict[str, Answers]
    surfaces: dict[str, Surface]
    nobody: dict[str, Array]


def run_synthetic(
    folder: Path,
    estimators: Sequence[Estimator],
    body: BodyModel,
    *,
    split: str = SPLIT,
    step: int = 1,
) -> SyntheticAnswers:
    """Run all estimators over every ``step``-th sample of a split's shards.

    Parameters
    ----------
    folder
        Where :mod:`hmr_live_training.synthetic` wrote the shards.
    estimators
        Networks and rivals.
    body
        The body that the pictures were drawn with.
    split
        Which shards.
    step
        1 for all samples.

    Raises
    ------
    AssetError
        When there are no shards of this split or nobody is in them.
    """
    paths = shard_paths(folder, split)
    if not paths:
        raise AssetError(
            f"There are no {split} shards in {folder}; write them with hmr_live_training.synthetic."
        )
    people, found = _Collected(body, estimators), []
    for path in paths:
        shard = load_shard(path)
        numbers = range(0, len(shard), step)
        progress = Progress(f"synthetic, {path.name}", len(numbers))
        for number in numbers:
            if people.add(shard, number):
                found.append({name: values[number] for name, values in shard.labels.items()})
            progress.step()
    if not found:
        raise AssetError(f"Nobody is in the shards of {folder}; write more samples.")
    return people.finish(found)


class _Collected:
    """What gathers while the pictures pass."""

    def __init__(self, body: BodyModel, estimators: Sequence[Estimator]) -> None:
        self._body = body
        self._estimators = estimators
        self._crop_box = CropBox(CROP_SIZE / 2, CROP_SIZE / 2, CROP_SIZE)
        self._estimates: dict[str, list[Estimate | None]] = {e.name: [] for e in estimators}
        self._nobody: dict[str, list[float]] = {e.name: [] for e in estimators}
        fitted = [e.name for e in estimators if isinstance(e, NetworkEstimator)]
        self._surfaces: dict[str, list[tuple[float, float, float]]] = {
            name: [] for name in (*fitted, TRUTH)
        }

    def add(self, shard: Shard, number: int) -> bool:
        """Look at one picture; returns whether a person is in it."""
        image = shard.image(number)
        labels = {name: values[number] for name, values in shard.labels.items()}
        looks = {e.name: e.estimate(image, [self._crop_box])[0] for e in self._estimators}
        if not labels["person"] > 0:
            for name, estimate in looks.items():
                self._nobody[name].append(estimate.score)
            return False
        for name, estimate in looks.items():
            self._estimates[name].append(estimate)
        self._compare_surfaces(looks, labels, shrink(shard.mask(number)))
        return True

    def _compare_surfaces(
        self, looks: dict[str, Estimate], labels: Labels, mask: NDArray[np.bool_]
    ) -> None:
        outline = _true_outline(self._body, labels)
        true = self._body.forward(_seen_pose(labels), labels["betas"])
        true_vertices = _from_hips(true.joints, true.vertices)
        own = intersection_over_union(outline, mask)
        self._surfaces[TRUTH].append((0.0, 1.0, own))
        for estimator in self._estimators:
            output = looks[estimator.name].output
            if output is None or not isinstance(estimator, NetworkEstimator):
                continue
            body = estimator.reader.body
            mesh = body.forward(output.rotmats, output.betas)
            error = np.nan
            if body.sha256 == self._body.sha256:
                vertices = _from_hips(mesh.joints, mesh.vertices)
                error = float(point_errors(vertices[None], true_vertices[None])[0])
            flat = output.camera[0] * (mesh.vertices[:, :2] + output.camera[1:])
            drawn = silhouette(flat, body.faces)
            fits = [intersection_over_union(drawn, other) for other in (outline, mask)]
            self._surfaces[estimator.name].append((error, fits[0], fits[1]))

    def finish(self, people: list[Labels]) -> SyntheticAnswers:
        surfaces = {
            name: Surface(*np.array(rows, np.float64).T) for name, rows in self._surfaces.items()
        }
        return SyntheticAnswers(
            truth=_truth(people, self._body),
            answers={name: gather(found) for name, found in self._estimates.items()},
            surfaces=surfaces,
            nobody={name: np.array(scores) for name, scores in self._nobody.items()},
        )


def _truth(people: list[Labels], body: BodyModel) -> Truth:
    places = np.stack([p["joints_2d"] for p in people]) * (2 / CROP_SIZE) - 1
    labels = np.zeros((len(people), 14, 3))
    labels[:, :12, :2] = places[:, _LIMBS]
    labels[:, :12, 2] = np.stack([p["joint_visibility"] for p in people])[:, _LIMBS]
    poses = np.stack([_seen_pose(p) for p in people])
    joints = [body.joints(pose, p["betas"]) for pose, p in zip(poses, people, strict=True)]
    return Truth(
        labels=labels,
        torso=np.linalg.norm(places[:, _LEFT_SHOULDER] - places[:, _RIGHT_HIP], axis=-1),
        joints=hip_centred(np.stack(joints)[:, _LIMBS].astype(np.float64)),
        rotmats=poses,
    )


def _seen_pose(labels: Labels) -> Array:
    return np.concatenate([labels["orient_seen"][None], labels["rotmats"][1:]])


def _from_hips(joints: Array, points: Array) -> Array:
    centred = hip_centred(joints[None, _LIMBS].astype(np.float64), points[None])
    return np.asarray(centred[0])


def _true_outline(body: BodyModel, labels: Labels) -> NDArray[np.bool_]:
    """The true body through the true perspective camera."""
    rotmats = np.concatenate([labels["orient_frame"][None], labels["rotmats"][1:]])
    vertices = body.forward(rotmats, labels["betas"]).vertices + labels["transl"]
    pixels = vertices @ labels["intrinsics"].T
    before = pixels[:, 2] > _NEAREST
    flat = pixels[:, :2] / np.maximum(pixels[:, 2:], _NEAREST)
    return silhouette(flat * (2 / CROP_SIZE) - 1, body.faces, before)
