"""From labelled people in shards to batches of augmented crops with labels.

A crop is cut, turned, mirrored and degraded as in the rest of the training; every label follows:
2D joints through the crop's matrix, 3D joints and the root's rotation through its turn, and a
mirrored crop exchanges left and right.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live_training.data.augment import CropPlan, draw_plan, render_crop
from hmr_live_training.data.crops import CROP_SIZE, apply_matrix, network_input, rotate_to_crop
from hmr_live_training.data.mocap import mirror_pose
from hmr_live_training.data.readers.joint_sets import (
    COMMON_MIRROR,
    LANDMARK_OF,
    NUM_COMMON,
    lsp_from_common,
)
from hmr_live_training.data.readers.person import Array, Image, ImageReader, LabelledPerson
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.models.backbones.resnet50 import IMAGENET_MEAN, IMAGENET_STD, INPUT_SIZE
from hmr_live_training.recipes.run_config import RunConfig

#: People with fewer labelled LSP joints give no crop worth cutting.
_MIN_JOINTS: Final = 4
_MEAN: Final = np.array(IMAGENET_MEAN, np.float32)[:, None, None]
_STD: Final = np.array(IMAGENET_STD, np.float32)[:, None, None]


class CropBatch(NamedTuple):
    """N crops with labels; a missing label has weight 0.

    Attributes
    ----------
    image
        ``(N, 3, 224, 224)`` RGB, normalised by ImageNet's statistics.
    points
        ``(N, L, 3)`` landmarks of :data:`.BODY_LANDMARKS`: x, y in [-1, 1]
        across the crop, weight.
    joints
        ``(N, 24, 4)`` SMPL's joints in the crop's camera frame: metres, weight.
    rotmats
        ``(N, 24, 3, 3)``; joint 0 turns the body into the crop's camera frame.
    betas
        ``(N, 10)``.
    known
        ``(N, 2)`` 1 where rotmats, where betas are known.
    """

    image: Tensor
    points: Tensor
    joints: Tensor
    rotmats: Tensor
    betas: Tensor
    known: Tensor

    def to(self, device: torch.device) -> CropBatch:
        """The batch on another device."""
        return CropBatch(*(part.to(device, non_blocking=True) for part in self))


def crop_of(
    person: LabelledPerson,
    plan: CropPlan,
    pixels: Image,
    *,
    body: str = "open_body",
    outside_weight: float = 1.0,
) -> CropBatch:
    """One crop with its labels, without the leading dimension.

    Parameters
    ----------
    person
        Labels in the picture.
    plan
        Region of the crop.
    pixels
        ``(256, 256, 3)`` BGR crop that was cut by the plan.
    body
        Body model that trains; betas of another one do not count.
    outside_weight
        Factor for 2D labels outside of ``plan.visible``.
    """
    mirrored = float(np.linalg.det(plan.matrix[:, :2])) < 0
    points = np.zeros((len(BODY_LANDMARKS), 3), np.float32)
    flat = _flat_labels(person, plan, outside_weight)
    flat = flat[list(COMMON_MIRROR)] if mirrored else flat
    points[list(LANDMARK_OF.values())] = flat[list(LANDMARK_OF)]
    joints = _deep_labels(person, plan)
    joints = (joints[list(COMMON_MIRROR)] if mirrored else joints)[: len(JOINT_NAMES)]
    same_body = person.betas is not None and person.body == body
    betas = person.betas if same_body and person.betas is not None else np.zeros(10)
    return CropBatch(
        image=torch.from_numpy(_network_image(pixels)),
        points=torch.from_numpy(points),
        joints=torch.from_numpy(joints.astype(np.float32)),
        rotmats=torch.from_numpy(_rotmats(person.pose, plan.matrix, mirrored=mirrored)),
        betas=torch.from_numpy(np.asarray(betas, np.float32)),
        known=torch.tensor([float(person.pose is not None), float(same_body)]),
    )


def _flat_labels(person: LabelledPerson, plan: CropPlan, outside_weight: float) -> Array:
    """Joints ``(K, 3)``: x, y in [-1, 1] across the crop, weight; not yet exchanged."""
    pixels = apply_matrix(plan.matrix, person.joints_2d[:, :2].astype(np.float64))
    low, high = np.array(plan.visible[:2]), np.array(plan.visible[2:])
    inside = ((pixels >= low) & (pixels <= high)).all(axis=1)
    weight = person.joints_2d[:, 2] * np.where(inside, 1.0, outside_weight)
    return np.column_stack([pixels * (2 / CROP_SIZE) - 1, weight])


def _deep_labels(person: LabelledPerson, plan: CropPlan) -> Array:
    """Joints ``(K, 4)``: metres in the crop's camera frame, weight; not yet exchanged."""
    if person.joints_3d is None:
        return np.zeros((NUM_COMMON, 4))
    joints = person.joints_3d.astype(np.float64)
    return np.column_stack([rotate_to_crop(plan.matrix, joints[:, :3]), joints[:, 3]])


def _network_image(pixels: Image) -> Array:
    size = (INPUT_SIZE, INPUT_SIZE)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray((network_input(small) - _MEAN) / _STD, np.float32)


def _rotmats(pose: Array | None, matrix: Array, *, mirrored: bool) -> Array:
    """Rotations as the crop shows them: first mirrored, then turned with the picture.

    A mirrored crop's matrix is ``Mirror Turn`` = ``Turn^-1 Mirror`` in the plane.
    """
    if pose is None:
        return np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    rotmats = matrix_from_axis_angle(mirror_pose(pose) if mirrored else pose).astype(np.float64)
    linear = matrix[:, :2] @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    angle = math.atan2(float(linear[1, 0]), float(linear[0, 0]))
    turn = matrix_from_axis_angle(np.array([0.0, 0.0, angle]))
    rotmats[0] = turn @ rotmats[0]
    return rotmats.astype(np.float32)


def augmented_crop(
    person: LabelledPerson, reader: ImageReader, rng: np.random.Generator, config: RunConfig
) -> CropBatch | None:
    """A random crop of a person; None when too few joints are labelled."""
    keypoints = lsp_from_common(person.joints_2d)
    if (keypoints[:, 2] > 0).sum() < _MIN_JOINTS:
        return None
    image = reader.read(person.picture)
    plan = draw_plan(rng, keypoints, config.augment)
    pixels = render_crop(rng, image, plan, config.augment)
    return crop_of(person, plan, pixels, outside_weight=config.outside_weight)
