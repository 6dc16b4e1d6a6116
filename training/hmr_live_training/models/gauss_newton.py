"""Gauss-Newton refinement of the regressor's result, towards the observed landmarks.

The learned iterations come near the encoder's landmarks and know what a picture hardly shows; what
remains between body and landmarks is mechanics of joints that move each other's landmarks, which
a layer of fixed depth cannot solve and a linear system can.  One step of Gauss-Newton with a
Gaussian prior (Levenberg and Marquardt's damping; Choutas et al., ECCV 2022, join it with a
network in this way): of all changes of turns and camera, the most probable one when joints turn as
widely as in motion capture, and landmarks err as widely as below.

Plain tensor operations, part of the exported network.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live_training.landmarks import HIPS, LIMBS, NOSE
from hmr_live_training.models.landmark_feedback import LandmarkObservation, Posed
from hmr_live_training.models.projection import project, relative_depth
from hmr_live_training.models.smpl_layer import PARENT_FRAMES

#: Landmarks that the step looks at; hands, feet and face follow with the limbs they belong to.
POINTS: Final = (NOSE, *LIMBS)
#: Standard deviations of seen landmarks, crop halves in the picture and metres in depth ...
_POINT_ERROR: Final = 0.06
_DEPTH_ERROR: Final = 0.18
#: ... and how far off one may be before it is taken for a mistake (Cauchy's weights).
_POINT_MISTAKE: Final = 0.3
_DEPTH_MISTAKE: Final = 0.2
#: Hidden landmarks count this much: the encoder's guess is better than none.
_LEAST_PULL: Final = 0.02
#: Standard deviations of the whole body's turn, radians, and of the camera: of the scale as a
#: share of it, of the place in crop halves.
_ROOT_TURN: Final = 0.3
_CAMERA_CHANGE: Final = 0.1
#: A joint turns at least this widely about every axis, radians.
_LEAST_TURN: Final = 0.05
#: A joint that no landmark follows by more than this is left as it is.
_LEAST_MOVED: Final = 0.3
#: Doublings of the Neumann series that solves the linear system: 2 ** 10 terms.
_DOUBLINGS: Final = 10


def joint_rotation_std(poses: Tensor) -> Tensor:
    """How widely each joint turns about each axis of its parent, ``(24, 3)`` radians.

    Parameters
    ----------
    poses
        ``(F, 24, 3)`` axis-angle of motion capture.
    """
    spread = poses.std(dim=0).clamp_min(_LEAST_TURN)
    spread[0] = _ROOT_TURN
    return spread


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve ``matrix @ x = right`` for symmetric matrices ``(N, K, K)`` and columns ``(N, K, 1)``.

    ``x = a (I + R + R^2 + ...) right`` with ``R = I - a matrix``; eigenvalues must lie between 1
    and a few hundred.  The series is summed by doubling, since runtimes have no solver for a
    graph.
    """
    greatest = matrix.abs().sum(dim=2, keepdim=True).amax(dim=1, keepdim=True)
    scale = 2 / (1 + greatest)
    power = torch.eye(matrix.shape[1], device=matrix.device) - scale * matrix
    total = scale * right
    for _ in range(_DOUBLINGS):
        total = total + power @ total
        power = power @ power
    return total


class GaussNewton(nn.Module):
    """One damped step of joint rotations and camera towards the observed landmarks.

    Parameters
    ----------
    spread
        ``(24, 3)`` from :func:`joint_rotation_std`.
    moved_by
        ``(24, 27)`` how much of a joint's turn each landmark follows
        (:attr:`.BodyLandmarks.moved_by`).
    """

    def __init__(self, spread: Tensor, moved_by: Tensor) -> None:
        super().__init__()
        moves = moved_by[:, list(POINTS)]
        joints = [joint for joint in range(NUM_JOINTS) if (moves[joint] > _LEAST_MOVED).any()]
        put = torch.zeros(NUM_JOINTS, len(joints))
        put[joints, range(len(joints))] = 1
        # d (w x r) / d w for r along each axis.
        turned = torch.linalg.cross(torch.eye(3)[:, None], torch.eye(3)[None])
        self.joints: Tensor
        self.parents: Tensor
        self.points: Tensor
        self.hips: Tensor
        self.moves: Tensor
        self.spread: Tensor
        self.put: Tensor
        self.turned: Tensor
        self.shifts: Tensor
        for name, value in (
            ("joints", torch.tensor(joints)),
            ("parents", torch.tensor([PARENT_FRAMES[joint] for joint in joints])),
            ("points", torch.tensor(POINTS)),
            ("hips", torch.tensor(HIPS)),
            ("moves", moves[joints][None, :, :, None]),
            ("spread", spread[joints]),
            ("put", put),
            ("turned", turned.permute(1, 2, 0).reshape(3, 9)),
            ("shifts", torch.eye(3, 2).repeat(len(POINTS), 1)[None]),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, posed: Posed, observed: LandmarkObservation) -> tuple[Tensor, Tensor]:
        """The step from a posed body.

        Parameters
        ----------
        posed
            The body.
        seen
            The encoder's landmarks.

        Returns
        -------
        turns
            ``(N, 24, 3)`` radians, in the frames of the joints' parents.
        change
            ``(N, 3)`` of the camera.
        """
        joints, frames, landmarks, camera = posed
        points = landmarks.index_select(1, self.points)
        depth = relative_depth(points, camera, observed.perspective)
        flat = project(points, camera, observed.perspective)
        missing = self._residuals(landmarks, flat, observed)
        weights = self._weights(missing, observed.visibility.index_select(1, self.points))
        # A point's own scale: crop halves a metre at its depth.
        scale = camera[:, None, :1] / depth
        turning = self._joint_jacobian(points, joints, frames)
        turning = self._in_picture(turning, flat, scale, observed.perspective)
        slopes = torch.cat([turning, self._camera_jacobian(flat, depth)], dim=2)
        slopes = slopes * weights.flatten(1)[..., None]
        system = slopes @ slopes.mT + torch.eye(slopes.shape[1], device=slopes.device)
        step = slopes.mT @ solve(system, (missing * weights).flatten(1)[..., None])
        turns = step[:, :-3].reshape(-1, *self.spread.shape) * self.spread
        by_scale, shift = step[:, -3:-2, 0] * camera[:, :1], step[:, -2:, 0] / camera[:, :1]
        change = torch.cat([by_scale, shift], dim=1) * _CAMERA_CHANGE
        return self.put @ turns, change

    def _residuals(self, landmarks: Tensor, flat: Tensor, observed: LandmarkObservation) -> Tensor:
        """From the body's points to the seen ones, ``(N, K, 3)``: crop halves, metres in depth."""
        middle = landmarks.index_select(1, self.hips).mean(dim=1, keepdim=True)
        deep = (observed.world - (landmarks - middle))[..., 2:]
        chosen = torch.cat([observed.points, deep], dim=2).index_select(1, self.points)
        return chosen - functional.pad(flat, (0, 1))

    def _weights(self, missing: Tensor, visibility: Tensor) -> Tensor:
        """Standard deviations that an error of 1 is, ``(N, K, 3)``, less for hidden landmarks."""
        pull = _LEAST_PULL + (1 - _LEAST_PULL) * visibility[..., None]
        flat, deep = (missing[..., :2] ** 2).sum(dim=2, keepdim=True), missing[..., 2:] ** 2
        flat = torch.sqrt(pull / (1 + flat / _POINT_MISTAKE**2)) / _POINT_ERROR
        deep = torch.sqrt(pull / (1 + deep / _DEPTH_MISTAKE**2)) / _DEPTH_ERROR
        return torch.cat([flat, flat, deep], dim=2)

    def _joint_jacobian(self, points: Tensor, joints: Tensor, frames: Tensor) -> Tensor:
        """How points move in space when a joint turns by its spread, ``(N, 3 K, 3 J)``."""
        levers = self.moves * (points[:, None] - joints.index_select(1, self.joints)[:, :, None])
        moved = (levers @ self.turned).reshape(-1, len(self.spread), 3 * len(POINTS), 3)
        moved = moved @ frames.index_select(1, self.parents) * self.spread[:, None]
        return moved.transpose(1, 2).flatten(2)

    def _in_picture(
        self, moved: Tensor, flat: Tensor, scale: Tensor, perspective: Tensor
    ) -> Tensor:
        """Movements in space as movements of x and y in the picture, and of depth in metres."""
        moved = moved.reshape(-1, len(POINTS), 3, moved.shape[2])
        sideways, deeper = torch.split(moved, [2, 1], dim=2)
        # What goes away from the camera also moves towards the middle of the picture.
        inwards = (flat * perspective[:, None])[..., None] * deeper
        return torch.cat([scale[..., None] * (sideways - inwards), deeper], dim=2).flatten(1, 2)

    def _camera_jacobian(self, flat: Tensor, depth: Tensor) -> Tensor:
        """How points move in the picture when the camera changes by its spread, ``(N, 3 K, 3)``."""
        nearness = functional.pad(1 / depth.expand(-1, -1, 2), (0, 1)).flatten(1)[..., None]
        by_scale = functional.pad(flat, (0, 1)).flatten(1)[..., None]
        changes = torch.cat([by_scale, self.shifts.expand(flat.shape[0], -1, -1)], dim=2)
        return changes * nearness * _CAMERA_CHANGE
