"""Make the keypoint regressors of the open body: where BlazePose looks and LSP's annotators click.

``python -m hmr_live_training.body_builder.keypoints --synthetic DIR --encoders DIR --data DIR``

BlazePose's landmarks come first: its heavy network looks at drawn people whose vertices are known,
and each landmark is regressed from them (:mod:`.keypoint_regression`), left and right as one.
Nobody clicked on drawn people.  But BlazePose has also looked at the photos that LSP's annotators
clicked on, so what the clicks lie beside its landmarks there, in the frame of the limb, they lie
beside them on the body.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live_training.body_builder.keypoint_regression import (
    SeenBodies,
    candidates,
    convex_weights,
    equations,
    mirrored_vertices,
    weights_of_place,
)
from hmr_live_training.data.crops import CROP_SIZE
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.teacher import load_labels, run_landmarks, teacher_path
from hmr_live_training.landmarks import (
    BLAZEPOSE_POINTS,
    BODY_LANDMARKS,
    LANDMARK_MIRROR,
    LSP_LIMBS_IN_BLAZEPOSE,
    LSP_NAMES,
    NUM_BLAZEPOSE,
)
from hmr_live_training.models.smpl_layer import read_rest_body
from hmr_live_training.sampling.features import open_network
from hmr_live_training.sampling.prepare import landmark_file
from hmr_live_training.synthetic.labels import VISIBLE
from hmr_live_training.synthetic.shards import load_shard, shard_paths

Array = NDArray[np.floating[Any]]

#: A drawn person is used when BlazePose finds somebody and this share of landmarks is visible.
_LEAST_VISIBLE: Final = 0.7
#: A landmark is used when BlazePose sees it as near to the drawn one as this, crop halves: it is
#: the middle of many that is sought, and exchanged limbs are no part of it.
_FARTHEST: Final = 0.12
#: Photos: clicks farther from BlazePose's landmark than this, in torso lengths, are of another
#: limb.
_CLICKED: Final = 0.35
#: A trunk as wide as this share of its length shows its hips from the front or the back.
_FRONTAL: Final = 0.25


@dataclass(frozen=True)
class _Observations:
    """What BlazePose sees of drawn people."""

    bodies: SeenBodies
    points: Array
    weights: Array


def observe(
    synthetic: Path, encoders: Path, cache: Path, body: BodyModel, most: int
) -> _Observations:
    """Let BlazePose look at the drawn people of a folder."""
    look = partial(run_landmarks, open_network(landmark_file(encoders, cache, "heavy")))
    vertices, cameras, focals = [], [], []
    points: list[Array] = []
    weights: list[Array] = []
    for path in shard_paths(synthetic, "train"):
        if len(points) == most:
            break
        shard = load_shard(path)
        labels = shard.labels
        for number in np.flatnonzero(labels["person"] > 0):
            visible = labels["landmark_visibility"][number, :NUM_BLAZEPOSE] == VISIBLE
            if visible.mean() < _LEAST_VISIBLE or len(points) == most:
                continue
            found, _, _, flag = look(shard.image(int(number)))
            if flag < 0.5:
                continue
            seen = found[list(BLAZEPOSE_POINTS)] * (2 / CROP_SIZE) - 1
            drawn = labels["landmarks_2d"][number, :NUM_BLAZEPOSE] * (2 / CROP_SIZE) - 1
            near = np.linalg.norm(seen - drawn, axis=1) < _FARTHEST
            rotmats = labels["rotmats"][number].astype(np.float32)
            mesh = body.forward(rotmats, labels["betas"][number])
            vertices.append(mesh.vertices.astype(np.float32))
            cameras.append(labels["camera"][number])
            focals.append(1 / labels["crop_focal"][number])
            points.append(seen)
            weights.append((visible & near).astype(float))
    bodies = SeenBodies(np.stack(vertices), np.stack(cameras), np.array(focals))
    return _Observations(bodies, np.stack(points), np.stack(weights))


def regress_blazepose(seen: _Observations, rest: Array, guesses: Array) -> Array:
    """``(27, V)`` regressors of BlazePose's landmarks.

    Parameters
    ----------
    seen
        Of drawn people.
    rest
        ``(V, 3)`` rest vertices.
    guesses
        ``(27, 3)`` first guesses at rest.
    """
    matrix = np.zeros((NUM_BLAZEPOSE, len(rest)))
    for landmark, other in enumerate(LANDMARK_MIRROR[:NUM_BLAZEPOSE]):
        if other < landmark:
            continue
        own = candidates(rest, guesses[landmark])
        opposite = mirrored_vertices(rest, own)
        parts = [
            equations(seen.bodies, vertices, seen.points[:, k], seen.weights[:, k])
            for k, vertices in ((landmark, own), (other, opposite))
        ]
        weights = convex_weights(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        for k, vertices in ((landmark, own), (other, opposite)):
            # Vertices beside the middle can be their own mirror image.
            matrix[k] = 0
            np.add.at(matrix[k], vertices, weights)
    middle = [k for k, other in enumerate(LANDMARK_MIRROR[:NUM_BLAZEPOSE]) if k == other]
    for k in middle:
        mirrored = np.zeros(len(rest))
        held = np.flatnonzero(matrix[k])
        np.add.at(mirrored, mirrored_vertices(rest, held), matrix[k, held])
        matrix[k] = (matrix[k] + mirrored) / 2
    return matrix


def clicks_beside_landmarks(data: Path, cache: Path) -> dict[str, tuple[float, float]]:
    """Where LSP's clicks lie beside BlazePose's landmarks, by joint.

    Returns
    -------
    For each joint without its side, medians over the training photos: along the limb towards the
    next landmark (up the trunk for hips and shoulders) in lengths of that limb, and outwards from
    the trunk's middle in widths of the hips or the shoulders (hips and shoulders alone).
    """
    photos = load_lspet(data, "train")
    labels = load_labels(teacher_path(cache, "heavy", "train"))
    clicks, place = photos.keypoints, {name: k for k, name in enumerate(LSP_NAMES)}
    own = labels.points[:, list(LSP_LIMBS_IN_BLAZEPOSE)]
    hips, shoulders = own[:, [2, 3]].mean(axis=1), own[:, [8, 9]].mean(axis=1)
    trunk = shoulders - hips
    torso = np.linalg.norm(trunk, axis=1)
    offsets: dict[str, tuple[float, float]] = {}
    for part, (next_part, wide) in _FRAMES.items():
        along, across = [], []
        for side, other in (("R", "L"), ("L", "R")):
            k = place[side + part]
            axis = trunk if next_part is None else own[:, place[side + next_part]] - own[:, k]
            length = np.linalg.norm(axis, axis=1)
            apart = clicks[:, k, :2] - own[:, k]
            good = (clicks[:, k, 2] > 0) & (labels.visibility[:, LSP_LIMBS_IN_BLAZEPOSE[k]] > 0.5)
            good &= (np.linalg.norm(apart, axis=1) < _CLICKED * torso) & (length > 0.5 * torso)
            along.append(((apart * axis).sum(axis=1) / np.maximum(length, 1e-6) ** 2)[good])
            if wide:
                outwards = own[:, k] - own[:, place[other + part]]
                width = np.linalg.norm(outwards, axis=1)
                frontal = good & (width > _FRONTAL * torso)
                beside = (apart * outwards).sum(axis=1) / np.maximum(width, 1e-6) ** 2
                across.append(beside[frontal])
        aside = float(np.median(np.concatenate(across))) if across else 0.0
        offsets[part] = (float(np.median(np.concatenate(along))), aside)
    good = (clicks[:, 12:, 2] > 0).all(axis=1) & (labels.flag > 0.5) & (torso > 0)
    for name in ("Neck", "HeadTop"):
        apart = clicks[:, place[name], :2] - shoulders
        good &= np.linalg.norm(apart, axis=1) < 2 * torso
        along_trunk = (apart * trunk).sum(axis=1) / np.maximum(torso, 1e-6) ** 2
        upright = good & (labels.visibility[:, [11, 12, 23, 24]].min(axis=1) > 0.5)
        offsets[name] = (float(np.median(along_trunk[upright])), 0.0)
    return offsets


#: The limb along which a joint's offset is measured, towards the next joint (None: the trunk), and
#: whether it is measured outwards too.
_FRAMES: Final[dict[str, tuple[str | None, bool]]] = {
    "Hip": (None, True),
    "Shoulder": (None, True),
    "Knee": ("Hip", False),
    "Ankle": ("Knee", False),
    "Elbow": ("Shoulder", False),
    "Wrist": ("Elbow", False),
}


def regress_lsp(blazepose: Array, rest: Array, offsets: dict[str, tuple[float, float]]) -> Array:
    """``(14, V)`` regressors of LSP's joints, carried over from BlazePose's landmarks."""
    limb = {
        name: BLAZEPOSE_POINTS.index(LSP_LIMBS_IN_BLAZEPOSE[k])
        for k, name in enumerate(LSP_NAMES[:12])
    }
    place = {name: blazepose[k] @ rest for name, k in limb.items()}
    hips = (place["RHip"] + place["LHip"]) / 2
    shoulders = (place["RShoulder"] + place["LShoulder"]) / 2
    matrix = np.zeros((len(LSP_NAMES), len(rest)))
    for k, name in enumerate(LSP_NAMES):
        part, side = (name, "") if name in ("Neck", "HeadTop") else (name[1:], name[0])
        along, aside = offsets[part]
        if not side:
            goal = shoulders + along * (shoulders - hips)
        else:
            next_part, _ = _FRAMES[part]
            start, other = place[name], place[("L" if side == "R" else "R") + part]
            axis = shoulders - hips if next_part is None else place[side + next_part] - start
            goal = start + along * axis + aside * (start - other)
        if name == "HeadTop":
            # The trunk leans forward of the head: the click is the top of the scalp.
            goal[[0, 2]] = rest[rest[:, 1].argmax()][[0, 2]]
            goal[1] = min(goal[1], rest[:, 1].max() - 0.005)
        vertices, weights = weights_of_place(rest, goal)
        np.add.at(matrix[k], vertices, weights)
    return matrix


def save(path: Path, matrix: Array) -> None:
    """Write what :func:`hmr_live_training.keypoint_regressors.read_regressors` reads."""
    landmark, vertex = np.nonzero(matrix)
    np.savez_compressed(
        path,
        names=np.array([each.name for each in BODY_LANDMARKS]),
        vertices=np.array(matrix.shape[1]),
        landmark=landmark.astype(np.uint16),
        vertex=vertex.astype(np.uint16),
        weight=matrix[landmark, vertex].astype(np.float32),
    )


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.body_builder.keypoints", description=__doc__
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--synthetic", type=Path, required=True, help="shards of drawn people")
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="teacher's labels")
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=Path("assets/body/keypoint_regressors.npz"))
    o = parser.parse_args(arguments)
    body, rest_body = BodyModel.load(o.body), read_rest_body(o.body)
    rest = body.forward(
        np.tile(np.eye(3, dtype=np.float32), (24, 1, 1)), np.zeros(10, np.float32)
    ).vertices.astype(float)
    joints = rest_body.joints[[each.joint for each in BODY_LANDMARKS]]
    guesses = (joints + rest_body.landmark_offsets)[:NUM_BLAZEPOSE]
    seen = observe(o.synthetic, o.encoders, o.cache, body, o.people)
    blazepose = regress_blazepose(seen, rest, guesses)
    offsets = clicks_beside_landmarks(o.data, o.cache)
    lsp = regress_lsp(blazepose, rest, offsets)
    matrix = np.concatenate([blazepose, lsp])
    save(o.out, matrix)
    print(f"{len(seen.points)} drawn people; wrote {o.out}")
    for name, (along, aside) in offsets.items():
        print(f"  LSP {name}: {along:+.3f} along the limb, {aside:+.3f} outwards")
    moved = matrix @ rest - (joints + rest_body.landmark_offsets)
    for landmark, change in zip(BODY_LANDMARKS, moved, strict=True):
        x, y, z = 1000 * change
        print(f"  {landmark.name}: {x:+.0f} {y:+.0f} {z:+.0f} mm from the joint or vertex")


if __name__ == "__main__":
    main()
