"""Projected motion capture: exact bodies with the landmarks that an encoder would see of them.

There is no picture: a captured pose is turned, projected and measured, and the regressor gets
the landmarks with noise and no image features (phi = 0, the mean).  It learns from them what
photos cannot teach: the rotation about a limb's own axis, and what depth goes with a pose.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

from hmr_live.body.skeleton import MIRROR
from hmr_live_training.landmarks import HIPS, LIMBS, NUM_BLAZEPOSE
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.landmark_feedback import LandmarkObservation
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import Theta
from hmr_live_training.models.rotations import matrix_from_axis_angle, multiply

#: Turns the body frame (y up) into the camera frame (y down) for a person facing the camera.
_FACING: Final = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
_JOINT_NOISE: Final = 0.05
_REGION: Final = 1.25 * 1.1
#: Inverse focal length, in halves of the crop, of the widest lens.
_WIDEST: Final = 0.65
_SHOULDERS: Final = LIMBS[:2]


class ProjectedMocap(NamedTuple):
    """Bodies and what is seen of them."""

    theta: Theta
    observed: LandmarkObservation


class ProjectedMocapSampler:
    """Draws captured poses with random views, shapes and noise, where the random generator is.

    Parameters
    ----------
    poses
        ``(F, 24, 3)`` axis-angle, on the device of the generators.
    body
        Poses the landmarks; its learned corrections are used, not trained.
    """

    def __init__(self, poses: Tensor, body: BodyLandmarks) -> None:
        self.poses = poses
        self.body = body

    def real(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rotations ``(count, 24, 3, 3)`` and betas ``(count, 10)`` for the discriminators."""
        with generator.device:
            index = torch.randint(len(self.poses), (count,), generator=generator)
            pose = self.poses[index]
            mirrored = torch.rand(count, generator=generator) < 0.5
            other = pose[:, list(MIRROR)] * torch.tensor([1.0, -1.0, -1.0])
            pose = torch.where(mirrored[:, None, None], other, pose)
            noise = torch.randn(count, 24, 3, generator=generator) * _JOINT_NOISE
            rotmats = multiply(matrix_from_axis_angle(pose), matrix_from_axis_angle(noise))
            return rotmats, torch.randn(count, 10, generator=generator)

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> ProjectedMocap:
        """``count`` bodies as the live tracker's crop box would show them."""
        with generator.device:
            rotmats, betas = self.real(count, generator)
            perspective = torch.rand(count, 1, generator=generator) * _WIDEST
            rotmats[:, 0] = self._view(count, generator) @ rotmats[:, 0]
            rotmats[:, 0] = self._upright(rotmats, betas, generator) @ rotmats[:, 0]
            _, landmarks = self.body(rotmats, betas)
            landmarks = landmarks[:, :NUM_BLAZEPOSE]
            camera = _tracker_camera(landmarks, generator)
            theta = Theta(rotmats, betas, camera)
            return ProjectedMocap(theta, _noisy(landmarks, camera, perspective, generator))

    def _view(self, count: int, generator: torch.Generator) -> Tensor:
        """Any heading; the camera looks from 30 degrees up to 45 degrees down, mostly level."""
        angles = torch.zeros(count, 3)
        angles[:, 1] = (torch.rand(count, generator=generator) * 2 - 1) * math.pi
        heading = matrix_from_axis_angle(angles)
        pitch = torch.zeros(count, 3)
        level = (torch.randn(count, generator=generator) * 0.15).clamp(-0.5, 0.6)
        steep = torch.rand(count, generator=generator) * 1.3 - 0.52
        often = torch.rand(count, generator=generator) < 0.5
        pitch[:, 0] = torch.where(often, level, steep)
        return matrix_from_axis_angle(pitch) @ torch.tensor(_FACING) @ heading

    def _upright(self, rotmats: Tensor, betas: Tensor, generator: torch.Generator) -> Tensor:
        """In-plane turn that brings the shoulders above the hips, with the tracker's error."""
        _, landmarks = self.body(rotmats, betas)
        up = (landmarks[:, list(_SHOULDERS)] - landmarks[:, list(HIPS)]).mean(dim=1)
        count = len(up)
        turn = -torch.atan2(up[:, 0], -up[:, 1])
        turn = turn + torch.randn(count, generator=generator) * 0.14
        large = torch.rand(count, generator=generator) < 0.2
        wide = (torch.rand(count, generator=generator) * 2 - 1) * (math.pi / 3)
        axis = torch.zeros(count, 3)
        axis[:, 2] = torch.where(large, turn + wide, turn)
        return matrix_from_axis_angle(axis)


def _tracker_camera(landmarks: Tensor, generator: torch.Generator) -> Tensor:
    """Camera of the tracker's crop box with jitter: hips in the middle, the body inside."""
    count = len(landmarks)
    hips = landmarks[:, list(HIPS), :2].mean(dim=1)
    reach = (landmarks[..., :2] - hips[:, None]).norm(dim=-1).amax(dim=1)
    zoom = torch.exp((torch.rand(count, generator=generator) * 2 - 1) * 0.3)
    scale = zoom / (_REGION * reach)
    shift = torch.randn(count, 2, generator=generator) * 0.08
    return torch.cat([scale[:, None], shift / scale[:, None] - hips], dim=1)


def _noisy(
    landmarks: Tensor, camera: Tensor, perspective: Tensor, generator: torch.Generator
) -> LandmarkObservation:
    """Landmarks as an encoder reports them: imprecise, at times far off and then unsure."""
    count, points = landmarks.shape[:2]
    lost = torch.rand(count, points, generator=generator) < 0.06
    sigma = torch.exp(torch.randn(count, 1, generator=generator) * 0.5)
    wide = torch.where(lost, torch.full_like(lost, 6.0, dtype=torch.float32), sigma)[..., None]
    seen = project(landmarks, camera, perspective)
    seen = seen + torch.randn(seen.shape, generator=generator) * 0.02 * wide
    world = hip_centred(landmarks)
    noise = torch.randn(world.shape, generator=generator) * torch.tensor([0.02, 0.02, 0.045])
    sure = 0.6 + 0.4 * torch.rand(count, points, generator=generator)
    visibility = torch.where(lost, 0.4 * sure, sure)
    return LandmarkObservation(seen, world + noise * wide, visibility, perspective)
