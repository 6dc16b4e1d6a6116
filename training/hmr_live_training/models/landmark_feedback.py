"""What is fed back between two iterations: how the body of Theta_t misses the encoder's landmarks.

Three views of the same error, because a fixed-depth network should not have to learn mechanics:

* the error of each landmark, in the picture and in space;
* for each joint the turn that would serve the landmarks beyond it best if it alone could move:
  the torque of the errors about the joint over the landmarks' moment of inertia, in the frame of
  the joint's parent, where its rotation lives.  (One step of Gauss-Newton with a diagonal
  Hessian; Song et al., ECCV 2020, feed a fitting energy's gradient back in the same way);
* the change of camera that would fit the projected landmarks best.

All of them are plain tensor operations and part of the exported network.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, HIPS, NUM_BLAZEPOSE
from hmr_live_training.models.backbones.blazepose import Landmarks
from hmr_live_training.models.projection import project, relative_depth
from hmr_live_training.models.rotations import cross, multiply
from hmr_live_training.models.smpl_layer import PARENT_FRAMES

#: Values fed back: error and visibility of each landmark, two turns a joint, the camera.
FEEDBACK_SIZE: Final = NUM_BLAZEPOSE * 6 + NUM_JOINTS * 6 + 3
#: Errors enter as asinh(scale * e): linear up to a few centimetres or pixels, where the last
#: iterations work, logarithmic beyond, where the first one does.
_ERROR_SCALE: Final = 16.0
_TURN_SCALE: Final = 6.0
_CAMERA_SCALE: Final = 4.0
#: Errors of landmarks, and what comes after them.
_SIZES: Final = [NUM_BLAZEPOSE * 5, NUM_JOINTS * 6 + 3]
_SCALES: Final = (
    *(_ERROR_SCALE for _ in range(NUM_BLAZEPOSE * 5)),
    *(_TURN_SCALE for _ in range(NUM_JOINTS * 6)),
    *(_CAMERA_SCALE for _ in range(3)),
)
#: Unseen landmarks still pull a little: the encoder's guess is better than none.
_LEAST_PULL: Final = 0.2
#: kg-less moment of inertia (square metres) below which a joint has nothing to turn.
_LEAST_INERTIA: Final = 0.01


def asinh(x: Tensor) -> Tensor:
    """Inverse hyperbolic sine.

    The exported graph has it written out: runtimes on GPUs have no such operator and would fetch
    the numbers back for it.
    """
    if torch.compiler.is_exporting():
        return x.sign() * torch.log(x.abs() + torch.sqrt(x * x + 1))
    return torch.asinh(x)


class LandmarkObservation(NamedTuple):
    """Landmarks that the encoder observes in N crops, reduced to those that the body has.

    Attributes
    ----------
    points
        ``(N, 27, 2)`` in [-1, 1] across the crop.
    world
        ``(N, 27, 3)`` metres, relative to the hips' middle.
    visibility
        ``(N, 27)``.
    perspective
        ``(N, 1)`` inverse focal length of the crop (:mod:`.projection`); 0 in weak perspective.
    """

    points: Tensor
    world: Tensor
    visibility: Tensor
    perspective: Tensor


class Posed(NamedTuple):
    """A posed body and how it is seen.

    Attributes
    ----------
    joints, frames
        ``(N, 24, 3)`` and ``(N, 25, 3, 3)`` of :class:`.ForwardKinematics`.
    landmarks
        ``(N, 27, 3)`` of the same body, metres.
    camera
        ``(N, 3)``.
    """

    joints: Tensor
    frames: Tensor
    landmarks: Tensor
    camera: Tensor


def observation_from(landmarks: Landmarks, perspective: Tensor) -> LandmarkObservation:
    """Choose the body's 27 of BlazePose's 33 landmarks."""
    order = list(BLAZEPOSE_POINTS)
    world = landmarks.world[:, order]
    return LandmarkObservation(
        landmarks.points[:, order],
        world - world[:, list(HIPS)].mean(dim=1, keepdim=True),
        (landmarks.visibility * landmarks.presence)[:, order],
        perspective,
    )


class Feedback(nn.Module):
    """Turns a posed body and the encoder's landmarks into the regressor's error input.

    Parameters
    ----------
    moved_by
        ``(24, 27)`` how much of a joint's turn each landmark follows
        (:attr:`.BodyLandmarks.moved_by`).
    """

    def __init__(self, moved_by: Tensor) -> None:
        super().__init__()
        self.moved_by: Tensor
        self.register_buffer("moved_by", moved_by)
        self.parents: Tensor
        self.hips: Tensor
        self.scales: Tensor
        for name, values in (("parents", PARENT_FRAMES), ("hips", HIPS), ("scales", _SCALES)):
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, posed: Posed, observed: LandmarkObservation) -> Tensor:
        """Error of a posed body.

        Parameters
        ----------
        posed
            The body.
        seen
            The encoder's landmarks.

        Returns
        -------
        ``(N, FEEDBACK_SIZE)``: errors of the landmarks, turns of the joints, change of the camera.
        """
        joints, frames, landmarks, camera = posed
        hips = self._hips(landmarks)
        perspective = observed.perspective
        depth = relative_depth(landmarks, camera, perspective)
        flat = observed.points - project(landmarks, camera, perspective)
        deep = observed.world - (landmarks - hips)
        pull = _LEAST_PULL + (1 - _LEAST_PULL) * observed.visibility[..., None]
        # Moves of the whole body are the camera's business, not the joints'.
        apart = flat * depth
        sideways = functional.pad((apart - self._hips(apart)) / camera[:, None, :1], (0, 1))
        parents = frames.index_select(1, self.parents).transpose(2, 3)
        forces = torch.stack([sideways, deep], dim=1)
        turns = self.turns(joints - hips, parents, landmarks - hips, pull, forces)
        change = camera_change(landmarks, camera, observed.points * depth, pull)
        errors = torch.cat([flat, deep], dim=-1)
        values = torch.cat([errors.flatten(1), turns.flatten(1), change], dim=1)
        values = asinh(values * self.scales)
        of_landmarks, others = torch.split(values, _SIZES, dim=1)
        of_landmarks = of_landmarks.reshape(-1, NUM_BLAZEPOSE, 5)
        of_landmarks = torch.cat([of_landmarks, observed.visibility[..., None]], dim=-1)
        return torch.cat([of_landmarks.flatten(1), others], dim=1)

    def _hips(self, points: Tensor) -> Tensor:
        """Middle of the hips among the landmarks, ``(N, 1, C)``."""
        return points.index_select(1, self.hips).mean(dim=1, keepdim=True)

    def turns(
        self, joints: Tensor, parents: Tensor, landmarks: Tensor, pull: Tensor, forces: Tensor
    ) -> Tensor:
        """Best turn of each joint alone, ``(N, 24, F, 3)`` radians, in its parent's frame.

        ``sum m (p - j) x f / sum m |p - j|^2`` over the landmarks p that the joint j moves, with
        m their pull and f one of F forces; the sums are expanded so that no (joint, landmark)
        array is formed.
        """
        size = (landmarks**2).sum(dim=-1, keepdim=True)
        still = self.moved_by @ (pull * torch.cat([torch.ones_like(size), size, landmarks], dim=-1))
        mass, square, centre = torch.split(still, [1, 1, 3], dim=-1)
        inertia = (
            square
            - 2 * (joints * centre).sum(dim=-1, keepdim=True)
            + (joints**2).sum(dim=-1, keepdim=True) * mass
        )
        about_hips = cross(landmarks[:, None], forces)
        pulled = self.moved_by @ (pull[:, None] * torch.cat([about_hips, forces], dim=-1))
        turning, moving = torch.split(pulled, [3, 3], dim=-1)
        torque = turning - cross(joints[:, None], moving)
        turn = torque / (inertia.clamp_min(0) + _LEAST_INERTIA)[:, None]
        return multiply(parents, turn.permute(0, 2, 3, 1)).transpose(2, 3)


def camera_change(landmarks: Tensor, camera: Tensor, points: Tensor, pull: Tensor) -> Tensor:
    """Difference to the camera that fits best in least squares, ``(N, 3)``.

    ``points`` are those in the picture, times their relative depth: what is left is weak
    perspective.
    """
    total = pull.sum(dim=1)
    flat = landmarks[..., :2]
    middle = (pull * flat).sum(dim=1) / total
    target = (pull * points).sum(dim=1) / total
    spread, aim = flat - middle[:, None], points - target[:, None]
    scale = (pull * spread * aim).sum(dim=(1, 2)) / (pull * spread**2).sum(dim=(1, 2)).clamp_min(
        1e-3
    )
    # A body seen along its own axis has no size in the picture; keep the scale sensible there.
    scale = scale.clamp(0.2, 4.0)[:, None]
    return torch.cat([scale, target / scale - middle], dim=1) - camera
