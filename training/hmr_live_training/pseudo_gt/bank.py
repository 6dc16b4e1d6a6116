"""Initialisation: the poses of a bank that are nearest to the evidence of a person.

Two searches: the nearest body to the teacher's 3D points, and the nearest view of a body to the
photo's own 2D joints, which needs no teacher.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live_training.data.mocap import mirror_pose
from hmr_live_training.landmarks import LIMBS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.rotations import matrix_from_6d, sixd_from_matrix
from hmr_live_training.pseudo_gt.bodies import Bodies, fit_camera
from hmr_live_training.pseudo_gt.observations import Observations

Array = NDArray[np.floating[Any]]

#: The teacher's bones are about a tenth shorter than the body's.
_TEACHER_SCALE: Final = 1.12
#: Highest view from above or below, as a sine.
_STEEPEST: Final = 0.7
#: Views this far apart (cosine) give two different starts.
_APART: Final = 0.5
#: People searched for at a time; the table of their distances to every view fits into memory.
_CHUNK: Final = 32


def turned_upright(poses: Array) -> Array:
    """Poses ``(N, 24, 3)`` without their root's rotation, and their mirror images."""
    upright = poses.copy()
    upright[:, 0] = 0
    return np.concatenate([upright, mirror_pose(upright)])


def view_rotations(count: int) -> Array:
    """Rotations ``(count, 3, 3)`` body frame -> camera frame, spread over the band of views.

    A spiral: headings by the golden angle, heights evenly.  The person stays upright in the
    picture; turns within the picture are found in closed form.
    """
    number = np.arange(count)
    heading = number * math.pi * (3 - math.sqrt(5))
    height = np.arcsin(_STEEPEST * (2 * (number + 0.5) / count - 1))
    zero = np.zeros(count)
    turn = matrix_from_axis_angle(np.stack([zero, heading, zero], axis=1))
    tilt = matrix_from_axis_angle(np.stack([height, zero, zero], axis=1))
    return np.asarray(tilt @ np.diag([1.0, -1.0, -1.0]) @ turn, np.float32)


class PoseBank:
    """Poses to initialise fits with.

    Parameters
    ----------
    poses
        ``(M, 24, 3)`` axis-angle; the root's rotation is not used.
    body
        Poses the landmarks.
    searched
        How many of the poses the 2D search looks at.
    views
        And from how many sides.
    """

    def __init__(self, poses: Array, body: BodyLandmarks, searched: int, views: int) -> None:
        rotmats = matrix_from_axis_angle(turned_upright(poses)).astype(np.float32)
        self._pose = torch.from_numpy(rotmats)
        with torch.no_grad():
            joints, landmarks = body(self._pose, torch.zeros(len(rotmats), 10))
        self._pelvis = joints[0, 0]
        self._points = hip_centred(landmarks[:, :NUM_BLAZEPOSE])
        limbs = self._points[:, list(LIMBS)]
        self._limbs = limbs @ _torso_frame(limbs)
        self._clicked = landmarks[:, NUM_BLAZEPOSE:]
        self._turns = torch.from_numpy(view_rotations(views))
        step = max(1, len(rotmats) // searched)
        self._searched = torch.arange(0, len(rotmats), step)
        seen = torch.einsum("vij,mkj->mvki", self._turns[:, :2], self._clicked[self._searched])
        flat = seen.flatten(0, 1).numpy()
        self._views = flat[..., 0] + 1j * flat[..., 1]

    def starts(self, seen: Observations) -> list[Bodies]:
        """Three initialisations for each of N people, the likeliest first."""
        first, second = self._from_labels(seen.labels)
        return [self._from_world(seen), first, second]

    def _from_world(self, seen: Observations) -> Bodies:
        """The body nearest to the teacher's points, rotated onto them."""
        limbs = list(LIMBS)
        world = seen.world[..., :3] * _TEACHER_SCALE
        weight = seen.world[:, limbs, 3:] + 1e-3
        limb_points = world[:, limbs] @ _torso_frame(world[:, limbs])
        weighted = (weight * limb_points).flatten(1)
        spread = weight.expand(-1, -1, 3).flatten(1)
        known = self._limbs.flatten(1)
        nearest = (spread @ (known**2).T - 2 * weighted @ known.T).argmin(dim=1)
        turn = _turn_onto(self._points[nearest], world, seen.world[..., 3:] + 1e-3)
        return self._started(nearest, turn, seen.labels)

    def _from_labels(self, labels: Tensor) -> tuple[Bodies, Bodies]:
        """The two best views of bodies, seen from clearly different sides."""
        found = [self._search(labels[k : k + _CHUNK]) for k in range(0, len(labels), _CHUNK)]
        index, phase = (torch.cat(column) for column in zip(*found, strict=True))
        starts = []
        for k in range(2):
            turn = self._turns[index[:, k] % len(self._turns)]
            cos, sin = torch.cos(phase[:, k]), torch.sin(phase[:, k])
            zero, one = torch.zeros_like(cos), torch.ones_like(cos)
            roll = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1)
            turn = roll.reshape(-1, 3, 3) @ turn
            pose = self._searched[index[:, k] // len(self._turns)]
            starts.append(self._started(pose, turn, labels))
        return starts[0], starts[1]

    def _search(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the best views ``(N, 2)`` and their turns within the picture, radians.

        In complex numbers a turn, a scale and a shift of the picture are ``z = a h + b``, and the
        share of the labels' variance that the best a and b explain is a correlation.
        """
        weight = labels[..., 2].numpy().astype(np.float32)
        seen = labels[..., 0].numpy() + 1j * labels[..., 1].numpy()
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-6)
        seen = seen - (weight * seen).sum(axis=1, keepdims=True) / total
        weighted = (weight * seen).astype(np.complex64)
        views = self._views
        product = weighted @ views.conj().T
        mean = (weight.astype(np.complex64) @ views.T) / total
        power = weight @ (np.abs(views) ** 2).T - total * np.abs(mean) ** 2
        share = torch.from_numpy(np.abs(product) ** 2 / np.maximum(power, 1e-4))
        best = share.argmax(dim=1)
        side = self._turns[:, 2]
        near = (side[best % len(side)] @ side.T) > _APART
        share = share.reshape(len(labels), -1, len(side)).masked_fill(near[:, None], -1)
        other = share.flatten(1).argmax(dim=1)
        chosen = torch.stack([best, other], dim=1)
        phase = np.angle(np.take_along_axis(product, chosen.numpy(), axis=1))
        return chosen, torch.from_numpy(phase.astype(np.float32))

    def _started(self, index: Tensor, turn: Tensor, labels: Tensor) -> Bodies:
        rotmats = self._pose[index].clone()
        rotmats[:, 0] = turn
        pelvis = self._pelvis.expand(len(index), -1)
        points = (self._clicked[index] - pelvis[:, None]) @ turn.transpose(1, 2) + pelvis[:, None]
        camera = fit_camera(points, pelvis, labels)
        return Bodies(sixd_from_matrix(rotmats), torch.zeros(len(index), 10), camera)


def _torso_frame(limbs: Tensor) -> Tensor:
    """Axes of the torso as columns, ``(N, 12, 3)`` limb points -> ``(N, 3, 3)``."""
    left_shoulder, right_shoulder = limbs[:, 0], limbs[:, 1]
    left_hip, right_hip = limbs[:, 6], limbs[:, 7]
    up = left_shoulder + right_shoulder - left_hip - right_hip
    left = left_shoulder - right_shoulder + left_hip - right_hip
    return matrix_from_6d(torch.stack([up, left], dim=-1).flatten(1))


def _turn_onto(points: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Rotation ``(N, 3, 3)`` that brings points nearest to a target (Kabsch)."""
    u, _, vt = torch.linalg.svd((weight * target).transpose(1, 2) @ points)
    sign = torch.det(u @ vt)
    fix = torch.diag_embed(torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], 1))
    rotation: Tensor = u @ fix @ vt
    return rotation
