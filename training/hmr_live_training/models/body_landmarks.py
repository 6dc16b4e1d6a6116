"""Landmarks on the posed body: where annotators click and other networks look.

A landmark is bound to the body in one of two ways.  :func:`joint_binding` lets it start at a joint
with an offset that turns with one bone; the offset may be learned.  :func:`mesh_binding` regresses
it from the mesh, as the paper does: a few vertices with weights, made once for each convention
(:mod:`hmr_live_training.body_builder.keypoints`).  Skinning is linear, so a regressed landmark too
is a sum over bones, and no vertex is posed in training nor in the exported network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmr_live.body.skeleton import JOINT, NUM_JOINTS, PARENTS
from hmr_live.core.errors import AssetError
from hmr_live_training.keypoint_regressors import read_regressors
from hmr_live_training.landmarks import BODY_LANDMARKS, LANDMARK_MIRROR, NUM_BLAZEPOSE
from hmr_live_training.models.rotations import multiply
from hmr_live_training.models.smpl_layer import ForwardKinematics, RestBody

Array = NDArray[np.floating[Any]]

#: A bone that holds less of a landmark than this is left out.
_LEAST_SHARE: Final = 0.03


@dataclass(frozen=True)
class LandmarkBinding:
    """How L landmarks hang on the bones, as P pairs of a landmark and a bone.

    Attributes
    ----------
    landmarks, bones
        ``(P,)`` of each pair; a bone is called by the joint whose frame it has.
    shares
        ``(P,)`` how much of the landmark follows the bone; 1 in all for each landmark.
    offsets
        ``(P, 3)`` from the joint, at rest, times the share; metres.
    offset_shapes
        ``(P, 3, 10)`` their change with betas; None where they do not change.
    starts
        ``(L, 24)`` shares of the joints from which offsets count.
    """

    landmarks: NDArray[np.int64]
    bones: NDArray[np.int64]
    shares: Array
    offsets: Array
    offset_shapes: Array | None
    starts: Array


def joint_binding(body: RestBody) -> LandmarkBinding:
    """Each landmark starts at its joint and turns with one bone."""
    count = len(BODY_LANDMARKS)
    starts = np.zeros((count, NUM_JOINTS))
    joints = [landmark.joint for landmark in BODY_LANDMARKS]
    starts[range(count), joints] = 1
    return LandmarkBinding(
        landmarks=np.arange(count),
        bones=np.array([landmark.frame for landmark in BODY_LANDMARKS]),
        shares=np.ones(count),
        offsets=body.landmark_offsets,
        offset_shapes=None,
        starts=starts,
    )


def mesh_binding(body: Path | str, regressors: Path | str) -> LandmarkBinding:
    """Landmarks regressed from the vertices of a body.

    Parameters
    ----------
    body
        The body's ``.npz``.
    regressors
        ``.npz`` of :mod:`hmr_live_training.body_builder.keypoints`, made for this body.

    Raises
    ------
    AssetError
        When a file is missing, or they do not belong together.
    """
    matrix = read_regressors(regressors)
    try:
        with np.load(body) as file:
            template, shapes = file["v_template"].astype(float), file["shapedirs"].astype(float)
            weights, joint_regressor = file["weights"].astype(float), file["J_regressor"]
    except OSError as error:
        raise AssetError(f"The body {body} cannot be read; give it with --body.") from error
    if matrix.shape[1] != len(template):
        raise AssetError(
            f"{regressors} was made for another body than {body}; make it again with "
            "hmr_live_training.body_builder.keypoints."
        )
    shares = matrix @ weights
    shares[shares < _LEAST_SHARE] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    landmarks, bones = np.nonzero(shares)
    joints = joint_regressor.astype(float) @ template
    joint_shapes = np.einsum("jv,vck->jck", joint_regressor, shapes)
    held = matrix[landmarks] * weights.T[bones]
    held *= (shares[landmarks, bones] / held.sum(axis=1))[:, None]
    share = shares[landmarks, bones]
    return LandmarkBinding(
        landmarks=landmarks,
        bones=bones,
        shares=share,
        offsets=held @ template - share[:, None] * joints[bones],
        offset_shapes=np.einsum("pv,vck->pck", held, shapes)
        - share[:, None, None] * joint_shapes[bones],
        starts=shares,
    )


class BodyLandmarks(nn.Module):
    """Landmarks of :data:`hmr_live_training.landmarks.BODY_LANDMARKS` on the posed body.

    Parameters
    ----------
    body
        Its joints.
    learned
        Which landmarks have a learned correction, shared by left and right (:attr:`correction`).
        It is part of training only: what ships are SMPL's joints.
    binding
        How landmarks hang on the bones; :func:`joint_binding` by default.

    Attributes
    ----------
    moved_by
        ``(24, 27)`` how much of a joint's turn each of BlazePose's landmarks follows.
    """

    def __init__(
        self,
        body: RestBody,
        learned: Sequence[bool] | None = None,
        binding: LandmarkBinding | None = None,
    ) -> None:
        super().__init__()
        self.tree = ForwardKinematics(body)
        binding = binding or joint_binding(body)
        count = len(BODY_LANDMARKS)
        free = torch.ones(count) if learned is None else torch.tensor(learned).float()
        gather = np.zeros((count, len(binding.landmarks)))
        gather[binding.landmarks, range(len(binding.landmarks))] = 1
        self.offsets: Tensor
        self.free: Tensor
        self.mirror_sign: Tensor
        self.bones: Tensor
        self.gather: Tensor
        self.starts: Tensor
        self.offset_shapes: Tensor | None
        self.moved_by: Tensor
        self.register_buffer("offsets", torch.from_numpy(binding.offsets).float())
        self.register_buffer("mirror_sign", torch.tensor([-1.0, 1.0, 1.0]))
        shapes = binding.offset_shapes
        for name, value in (
            ("free", free[:, None]),
            ("bones", torch.from_numpy(binding.bones)),
            ("gather", torch.from_numpy(gather).float()),
            ("starts", torch.from_numpy(binding.starts).float()),
            (
                "offset_shapes",
                None if shapes is None else torch.from_numpy(shapes).float().reshape(-1, 10).T,
            ),
            ("moved_by", _moved_by(binding)),
        ):
            self.register_buffer(name, value, persistent=False)
        self.correction = nn.Parameter(torch.zeros(count, 3))
        self._mirror = list(LANDMARK_MIRROR)

    def corrections(self) -> Tensor:
        """``(L, 3)`` learned, the same on both sides; metres."""
        mirrored = self.correction[self._mirror] * self.mirror_sign
        return self.free * (self.correction + mirrored) / 2

    def total_offsets(self, betas: Tensor) -> Tensor:
        """Offsets of the pairs, corrections included: ``(N, P, 3)``, or 1 for all if fixed."""
        offsets = (self.offsets + self.gather.T @ self.corrections())[None]
        if self.offset_shapes is not None:
            offsets = offsets + (betas @ self.offset_shapes).reshape(-1, len(self.bones), 3)
        return offsets

    def pose(self, rotmats: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Joints and frames of the tree (:class:`.ForwardKinematics`), landmarks ``(N, L, 3)``."""
        joints, frames = self.tree(rotmats, betas)
        by = frames.index_select(1, self.bones)
        turned = multiply(by, self.total_offsets(betas)[..., None])[..., 0]
        return joints, frames, self.starts @ joints + self.gather @ turned

    def forward(self, rotmats: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Joints ``(N, 24, 3)`` and landmarks ``(N, L, 3)``, metres."""
        joints, _, landmarks = self.pose(rotmats, betas)
        return joints, landmarks


def _moved_by(binding: LandmarkBinding) -> Tensor:
    mask = torch.zeros(NUM_JOINTS, NUM_BLAZEPOSE)
    for landmark, bone, share in zip(
        binding.landmarks.tolist(), binding.bones.tolist(), binding.shares.tolist(), strict=True
    ):
        if landmark >= NUM_BLAZEPOSE:
            continue
        joint = bone
        while joint >= 0:
            mask[joint, landmark] += share
            joint = PARENTS[joint]
    return mask


#: Body joints whose landmark corrections stay zero: there the clicked point is the joint itself.
EXACT_JOINTS: Final = frozenset(
    JOINT[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("knee", "ankle", "elbow", "wrist")
)
#: The joints of all limbs.  People click 2 cm beside SMPL's hips and shoulders; a network whose
#: joints shall lie where people click has no correction there either.
LIMB_JOINTS: Final = EXACT_JOINTS | frozenset(
    JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("hip", "shoulder")
)


def learned_corrections(exact: frozenset[int] = EXACT_JOINTS) -> list[bool]:
    """Which landmarks may move away from their rest offsets: all but joints that are ``exact``."""
    return [
        landmark.vertex is not None or landmark.joint not in exact for landmark in BODY_LANDMARKS
    ]
