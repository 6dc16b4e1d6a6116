"""What is fed back between two iterations: how the body of Theta_t misses the encoder's landmarks.

Three views of the same error, because a fixed-depth network should not have to learn mechanics:

* the error of each landmark, in the picture and in space;
* for each joint the turn that would serve the landmarks beyond it best if it alone could move:
  the torque of the errors about the joint over the landmarks' moment of inertia, in the frame of
  the joint's parent, where its rotation lives.  (One step of Gauss-Newton with a diagonal
  Hessian; Song et al., ECCV 2020, feed a fitting energy's gradient back in the same way);
* the change of camera that would fit the projected landmarks best.

Besides, each limb's bone has the turn that would lay it along the seen one, whatever the bones
before it do (:meth:`Feedback.bone_turns`); the regressor applies a share of it directly.

All of them are plain tensor operations and part of the exported network.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.skeleton import JOINT, NUM_JOINTS, PARENTS
from training.encoders.blazepose import Landmarks
from training.landmarks import (
    BLAZEPOSE_POINTS,
    BODY_LANDMARKS,
    HIPS,
    NUM_BLAZEPOSE,
    landmark_place,
)
from training.projection import project
from training.rotations import cross, multiply

#: The bones that turn by themselves: the joint at their near end, and where the bones lie in the
#: picture, as places of both ends among the landmarks.
BONES: Final = tuple(
    (
        JOINT[f"{side}_{near}"],
        landmark_place(f"{side}_{near}"),
        landmark_place(f"{side}_{far}"),
    )
    for near, far in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
    for side in ("left", "right")
)
#: Radians by which a bone turns at most at once.
_MOST_TURN: Final = 0.5
#: Values fed back: error and visibility of each landmark, two turns a joint, the camera.
FEEDBACK_SIZE: Final = NUM_BLAZEPOSE * 6 + NUM_JOINTS * 6 + 3
#: Errors enter as asinh(scale * e): linear up to a few centimetres or pixels, where the last
#: iterations work, logarithmic beyond, where the first one does.
_ERROR_SCALE: Final = 16.0
_TURN_SCALE: Final = 6.0
#: Unseen landmarks still pull a little: the encoder's guess is better than none.
_LEAST_PULL: Final = 0.2
#: kg-less moment of inertia (square metres) below which a joint has nothing to turn.
_LEAST_INERTIA: Final = 0.01


class Evidence(NamedTuple):
    """Landmarks that the encoder itself sees, reduced to those that the body has.

    Attributes
    ----------
    points
        ``(N, 27, 2)`` in [-1, 1] across the crop.
    world
        ``(N, 27, 3)`` metres, relative to the hips' middle.
    visibility
        ``(N, 27)``.
    """

    points: Tensor
    world: Tensor
    visibility: Tensor


def evidence_from(landmarks: Landmarks) -> Evidence:
    """Choose the body's 27 of BlazePose's 33 landmarks."""
    order = list(BLAZEPOSE_POINTS)
    world = landmarks.world[:, order]
    return Evidence(
        landmarks.points[:, order],
        world - world[:, list(HIPS)].mean(dim=1, keepdim=True),
        (landmarks.visibility * landmarks.presence)[:, order],
    )


class Turns(NamedTuple):
    """What is fed back.

    Attributes
    ----------
    errors
        ``(N, FEEDBACK_SIZE)`` how the body misses the landmarks.
    bones
        ``(N, 24, 2, 3)`` radians, parent's frame: how far each joint would turn to lay its bone
        along the seen one in the picture's plane, and in depth; 0 for joints without a bone in
        :data:`BONES`.
    """

    errors: Tensor
    bones: Tensor


def moved_by() -> Tensor:
    """``(24, 27)``: 1 where turning the joint moves the landmark."""
    mask = torch.zeros(NUM_JOINTS, NUM_BLAZEPOSE)
    for column, landmark in enumerate(BODY_LANDMARKS[:NUM_BLAZEPOSE]):
        joint = landmark.frame
        while joint >= 0:
            mask[joint, column] = 1
            joint = PARENTS[joint]
    return mask


class Feedback(nn.Module):
    """Turns a posed body and the encoder's landmarks into the regressor's error input."""

    def __init__(self) -> None:
        super().__init__()
        self.moved_by: Tensor
        self.identity: Tensor
        self.register_buffer("moved_by", moved_by())
        self.register_buffer("identity", torch.eye(3)[None, None])
        joints, near, far = (list(column) for column in zip(*BONES, strict=True))
        self.parents: Tensor
        self.near: Tensor
        self.far: Tensor
        self.hips: Tensor
        for name, places in (
            ("parents", PARENTS[1:]),
            ("near", near),
            ("far", far),
            ("hips", HIPS),
        ):
            self.register_buffer(name, torch.tensor(places), persistent=False)
        # A joint's own turn is what its bone needs beyond what the bone before it gets.
        own = torch.zeros(NUM_JOINTS, len(BONES))
        for bone, joint in enumerate(joints):
            own[joint, bone] = 1
            if PARENTS[joint] in joints:
                own[joint, joints.index(PARENTS[joint])] = -1
        self.own: Tensor
        self.depth: Tensor
        self.register_buffer("own", own, persistent=False)
        self.register_buffer("depth", torch.tensor([0.0, 0.0, 1.0]), persistent=False)

    def forward(
        self, joints: Tensor, frames: Tensor, landmarks: Tensor, camera: Tensor, seen: Evidence
    ) -> Turns:
        """Error of a posed body.

        Parameters
        ----------
        joints, frames
            ``(N, 24, 3)`` and ``(N, 24, 3, 3)`` of the tree.
        landmarks
            ``(N, 27, 3)`` the same body's landmarks.
        camera
            ``(N, 3)``.
        seen
            The encoder's landmarks.

        Returns
        -------
        See :class:`Turns`.
        """
        hips = self._hips(landmarks)
        flat = seen.points - project(landmarks, camera)
        deep = seen.world - (landmarks - hips)
        pull = _LEAST_PULL + (1 - _LEAST_PULL) * seen.visibility[..., None]
        # Moves of the whole body are the camera's business, not the joints'.
        sideways = functional.pad((flat - self._hips(flat)) / camera[:, None, :1], (0, 1))
        parents = torch.cat(
            [
                self.identity.expand(frames.shape[0], -1, -1, -1),
                frames.index_select(1, self.parents),
            ],
            dim=1,
        ).transpose(2, 3)
        forces = torch.stack([sideways, deep], dim=1)
        turns = self.turns(joints - hips, parents, landmarks - hips, pull, forces)
        forces = torch.stack([sideways, deep * self.depth], dim=1)
        bones = self.bone_turns(parents, landmarks, forces, seen.visibility)
        errors = torch.asinh(torch.cat([flat, deep], dim=-1) * _ERROR_SCALE)
        fed_back = torch.cat(
            [
                torch.cat([errors, seen.visibility[..., None]], dim=-1).flatten(1),
                torch.asinh(turns * _TURN_SCALE).flatten(1),
                torch.asinh(camera_change(landmarks, camera, seen.points, pull) * 4),
            ],
            dim=1,
        )
        return Turns(fed_back, bones)

    def _hips(self, points: Tensor) -> Tensor:
        """Middle of the hips among the landmarks, ``(N, 1, C)``."""
        return points.index_select(1, self.hips).mean(dim=1, keepdim=True)

    def bone_turns(
        self, parents: Tensor, landmarks: Tensor, forces: Tensor, visibility: Tensor
    ) -> Tensor:
        """Turn of each joint that lays its bone along the seen one, ``(N, 24, F, 3)`` radians.

        ``b x d / |b|^2`` for a bone b whose far end misses the seen one by d more than its near
        end does; a bone whose ends are hidden turns less.

        Parameters
        ----------
        parents
            ``(N, 24, 3, 3)`` from the picture's axes to those of each joint's parent.
        landmarks
            ``(N, 27, 3)`` the body's.
        forces
            ``(N, F, 27, 3)`` metres from them to the seen ones, each in F ways.
        visibility
            ``(N, 27)``.
        """
        bone = landmarks.index_select(1, self.far) - landmarks.index_select(1, self.near)
        missing = forces.index_select(2, self.far) - forces.index_select(2, self.near)
        length = (bone**2).sum(dim=-1, keepdim=True)
        turn = cross(bone[:, None], missing) / (length + _LEAST_INERTIA)[:, None]
        size = turn.norm(dim=-1, keepdim=True)
        sure = visibility.index_select(1, self.far) * visibility.index_select(1, self.near)
        turn = turn * sure[:, None, :, None] * (_MOST_TURN / (size + _MOST_TURN))
        own = (self.own @ turn).permute(0, 2, 3, 1)
        return multiply(parents, own).transpose(2, 3)

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
    """Difference to the weak-perspective camera that fits best in least squares, ``(N, 3)``."""
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
