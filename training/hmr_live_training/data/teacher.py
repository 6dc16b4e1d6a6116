"""The teacher: BlazePose heavy, averaged over several jittered and mirrored crops of a photo.

Its 2D points serve where a photo has no label (hands, feet, face); its world points are the only
3D supervision of real photos.  It agrees with the photos' own labels in only three joints of four,
so :func:`teacher_confidence` weights it joint by joint.  A network that has learned from it may
replace it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live_training.data.augment import generator
from hmr_live_training.data.crops import (
    CROP_SIZE,
    apply_matrix,
    crop_box_from_lsp,
    crop_matrix,
    network_input,
    rotate_to_crop,
    warp,
)
from hmr_live_training.data.lspet import Photos, Split
from hmr_live_training.landmarks import BLAZEPOSE_MIRROR, LSP_LIMBS, LSP_LIMBS_IN_BLAZEPOSE

Array = NDArray[np.floating[Any]]
#: 33 points in crop pixels, their visibility, world points in the camera frame of the crop, and the
#: probability that the crop shows a person.
TeacherPrediction = tuple[Array, Array, Array, float]
#: From a crop ``(256, 256, 3)`` BGR to the prediction of a teacher.
TeacherModel = Callable[[NDArray[np.uint8]], TeacherPrediction]

#: Half width of the window, in heat map cells, over which a landmark is refined.
_REFINE_REACH: Final = 4
_HIPS: Final = (23, 24)
#: Points without a label of their own get the confidence of the labelled joint beside them.
_NEIGHBOUR: Final = {
    **{17: 15, 19: 15, 21: 15, 18: 16, 20: 16, 22: 16},
    **{29: 27, 31: 27, 30: 28, 32: 28},
}


@dataclass(frozen=True)
class TeacherLabels:
    """Labels of N photos from the teacher.

    Attributes
    ----------
    points
        ``(N, 33, 2)`` photo pixels.
    visibility
        ``(N, 33)`` probability that the point is not occluded.
    world
        ``(N, 33, 3)`` metres, camera frame of the photo, relative to the midpoint of the hips.
    spread
        ``(N, 33)`` metres: mean distance of a world point in the views from their average.
    flag
        ``(N,)`` probability that the photo shows a person.
    """

    points: Array
    visibility: Array
    world: Array
    spread: Array
    flag: Array


def sigmoid(x: Array) -> Array:
    """Logistic function without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -80, 80))))


def refine_points(points: Array, heatmap: Array) -> Array:
    """Move each landmark to the local centre of mass of its heat map.

    As in BlazePose's own pipeline, only where the maximum of the map nearby is at least 0.5.

    Parameters
    ----------
    points
        ``(33, 2)`` crop pixels.
    heatmap
        ``(39, 64, 64)`` logits.
    """
    size = heatmap.shape[-1]
    refined = points.copy()
    for k, (x, y) in enumerate(points):
        column, row = int(x / CROP_SIZE * size), int(y / CROP_SIZE * size)
        if not (0 <= column < size and 0 <= row < size):
            continue
        left, top = max(0, column - _REFINE_REACH), max(0, row - _REFINE_REACH)
        window = sigmoid(
            heatmap[k, top : row + _REFINE_REACH + 1, left : column + _REFINE_REACH + 1]
        )
        if window.max() < 0.5:
            continue
        rows, columns = np.mgrid[: window.shape[0], : window.shape[1]]
        total = window.sum()
        refined[k] = (
            ((window * columns).sum() / total + left) * CROP_SIZE / size,
            ((window * rows).sum() / total + top) * CROP_SIZE / size,
        )
    return refined


def run_landmarks(
    network: onnxruntime.InferenceSession, crop: NDArray[np.uint8], *, refine: bool = True
) -> TeacherPrediction:
    """BlazePose on one crop: points in crop pixels, visibility, world points, flag.

    The network's outputs are ``landmarks`` (1, 195), ``world`` (1, 117), ``flag`` (1, 1) and,
    when points are to be refined, ``heatmap`` (1, 39, 64, 64).
    """
    names = ["landmarks", "world", "flag", *(["heatmap"] if refine else [])]
    outputs = network.run(names, {"image": network_input(crop[None])})
    values = outputs[0].reshape(39, 5)[:33]
    points = refine_points(values[:, :2], outputs[3][0]) if refine else values[:, :2]
    return points, sigmoid(values[:, 3]), outputs[1].reshape(39, 3)[:33], float(outputs[2].item())


def label_photos(
    photos: Photos, model: TeacherModel, *, views: int = 4, seed: int = 0
) -> TeacherLabels:
    """Run the teacher on ``views`` crops of every photo, every second one mirrored, and average."""
    rows = []
    for index in range(len(photos)):
        exact = crop_box_from_lsp(photos.keypoints[index])
        image = photos.image(index)
        predictions = []
        for view in range(views):
            crop_box = _jittered(exact, generator(seed, 7, index, view)) if view else exact
            matrix = crop_matrix(crop_box, mirrored=view % 2 == 1)
            predictions.append(_in_photo(matrix, model(warp(image, matrix))))
        rows.append(_average(predictions))
    columns = [np.stack(column).astype(np.float32) for column in zip(*rows, strict=True)]
    return TeacherLabels(*columns)


def _jittered(crop_box: CropBox, rng: np.random.Generator) -> CropBox:
    dx, dy = rng.uniform(-0.03, 0.03, 2) * crop_box.side
    return CropBox(
        crop_box.cx + float(dx),
        crop_box.cy + float(dy),
        crop_box.side * math.exp(float(rng.uniform(-0.08, 0.1))),
        crop_box.angle + math.radians(float(rng.uniform(-8, 8))),
    )


def _in_photo(matrix: Array, prediction: TeacherPrediction) -> TeacherPrediction:
    """Bring a prediction from crop to photo coordinates, undoing a mirrored crop."""
    points, visibility, world, flag = prediction
    linear = np.linalg.inv(matrix[:, :2])
    back = np.column_stack([linear, -linear @ matrix[:, 2]])
    points, world = apply_matrix(back, points), rotate_to_crop(back, world)
    if np.linalg.det(matrix[:, :2]) < 0:
        order = list(BLAZEPOSE_MIRROR)
        points, visibility, world = points[order], visibility[order], world[order]
    return points, visibility, world - world[list(_HIPS)].mean(axis=0), flag


def _average(predictions: list[TeacherPrediction]) -> tuple[Array, ...]:
    points, visibility, world = (np.stack([a[k] for a in predictions]) for k in range(3))
    mean = world.mean(axis=0)
    spread = np.linalg.norm(world - mean, axis=-1).mean(axis=0)
    flag = np.asarray(np.mean([a[3] for a in predictions]))
    return points.mean(axis=0), visibility.mean(axis=0), mean, spread, flag


def teacher_confidence(labels: TeacherLabels, keypoints: Array) -> Array:
    """Teacher confidence: the weight of each teacher point of each photo, ``(N, 33)`` in [0, 1].

    It falls with the distance of a limb joint to the photo's own label, in torso lengths.  Hands,
    feet and face take it from the labelled joints beside them.  It is near zero for photos whose
    joints disagree on the whole (a left-right swap, another person) and for points whose views
    are spread by more than about 12 cm.

    Parameters
    ----------
    labels
        Of the teacher.
    keypoints
        ``(N, 14, 3)`` the photos' own LSP joints in pixels, then a flag: labelled where > 0.
    """
    limbs = list(LSP_LIMBS)
    labelled = keypoints[:, limbs, 2] > 0
    distance = np.linalg.norm(
        labels.points[:, list(LSP_LIMBS_IN_BLAZEPOSE)] - keypoints[:, limbs, :2], axis=-1
    )
    size = _torso_size(keypoints)[:, None]
    relative = distance / size
    own = np.where(labelled, np.exp(-((relative / 0.3) ** 2)), 0.4)
    error = np.where(labelled, np.minimum(relative, 2.0), 0).sum(axis=1)
    whole = np.clip(1.5 - 3 * error / np.maximum(labelled.sum(axis=1), 1), 0, 1)
    weight = np.zeros(labels.visibility.shape, np.float32)
    weight[:, list(LSP_LIMBS_IN_BLAZEPOSE)] = own
    weight[:, :11] = 0.7 * np.minimum(own[:, 8], own[:, 9])[:, None]
    for point, neighbour in _NEIGHBOUR.items():
        weight[:, point] = 0.6 * weight[:, neighbour]
    steady = np.exp(-((labels.spread / 0.12) ** 2))
    sure = (labels.flag > 0.5)[:, None]
    return np.asarray(weight * whole[:, None] * steady * sure, np.float32)


def _torso_size(keypoints: Array) -> Array:
    """Length of the torso in pixels, at least 15 % of the body's extent."""
    seen = keypoints[..., 2:] > 0
    points = keypoints[..., :2]
    high = np.where(seen, points, -np.inf).max(axis=1)
    low = np.where(seen, points, np.inf).min(axis=1)
    extent = (high - low).max(axis=1)
    torso = np.linalg.norm(points[:, [2, 3]].mean(axis=1) - points[:, [8, 9]].mean(axis=1), axis=-1)
    complete = (keypoints[:, [2, 3, 8, 9], 2] > 0).all(axis=1)
    return np.asarray(np.where(complete, np.maximum(torso, 0.15 * extent), 0.25 * extent))


def teacher_path(cache: Path, name: str, split: Split) -> Path:
    """File of the labels of a teacher, a kind of BlazePose or the name of a run."""
    return cache / f"teacher_{name}_{split}.npz"


def save_labels(path: Path, labels: TeacherLabels) -> None:
    """Write the teacher's labels of a split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **vars(labels))


def load_labels(path: Path) -> TeacherLabels:
    """Read the teacher's labels (AssetError when they have not been made)."""
    if not path.exists():
        raise AssetError(
            f"There is no {path.name} in {path.parent}; run "
            "hmr_live_training.sampling.prepare first."
        )
    with np.load(path) as file:
        return TeacherLabels(*(file[name] for name in TeacherLabels.__dataclass_fields__))
