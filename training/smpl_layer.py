"""The body in torch: joints and landmarks from rotations and shape, without vertices.

Training needs a few dozen points of the body and never its skin, so this layer stops at the
kinematic tree.  ``tests/training`` compare it with the engine's body model.
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

from engine.errors import AssetError
from engine.skeleton import JOINT, NUM_JOINTS, PARENTS
from training.landmarks import BODY_LANDMARKS, LANDMARK_MIRROR, Landmark
from training.rotations import multiply

Array = NDArray[np.floating[Any]]
#: Halvings of the tree: 2 ** 4 covers the longest chain of joints.
_ROUNDS: Final = 4


@dataclass(frozen=True)
class RestBody:
    """What training needs of a body file.

    Attributes
    ----------
    joints
        ``(24, 3)`` rest joints of the mean shape, metres.
    joint_shapes
        ``(24, 3, 10)`` their change with betas.
    landmark_offsets
        ``(L, 3)`` rest offsets of :data:`training.landmarks.BODY_LANDMARKS` from their joints.
    """

    joints: Array
    joint_shapes: Array
    landmark_offsets: Array


def read_rest_body(path: Path | str) -> RestBody:
    """Read the open body's ``.npz`` (AssetError when it is missing)."""
    try:
        with np.load(path) as file:
            template = file["v_template"].astype(np.float64)
            regressor = file["J_regressor"].astype(np.float64)
            shapes = file["shapedirs"].astype(np.float64)
            names = [str(name) for name in file["vertex_id_names"]]
            vertex_of = dict(zip(names, file["vertex_id_values"].tolist(), strict=True))
    except OSError as error:
        raise AssetError(
            f"The body {path} cannot be read; it belongs into assets/body of the project."
        ) from error
    vertex_of["head_top"] = int(template[:, 1].argmax())
    joints = regressor @ template
    offsets = [_rest_offset(landmark, joints, template, vertex_of) for landmark in BODY_LANDMARKS]
    return RestBody(
        joints=joints.astype(np.float32),
        joint_shapes=np.einsum("jv,vck->jck", regressor, shapes).astype(np.float32),
        landmark_offsets=np.stack(offsets).astype(np.float32),
    )


def _rest_offset(
    landmark: Landmark, joints: Array, template: Array, vertex_of: dict[str, int]
) -> Array:
    if landmark.vertex is None:
        return np.zeros(3)
    start = joints[landmark.joint]
    return np.asarray((template[vertex_of[landmark.vertex]] - start) * landmark.reach)


def _jumps() -> list[list[int]]:
    """For each round the ancestor that a joint reads; ``NUM_JOINTS`` stands for "none"."""
    ancestor = [NUM_JOINTS if parent < 0 else parent for parent in PARENTS] + [NUM_JOINTS]
    rounds = []
    for _ in range(_ROUNDS):
        rounds.append(ancestor)
        ancestor = [ancestor[a] for a in ancestor]
    return rounds


class JointTree(nn.Module):
    """Forward kinematics of the 24 joints.

    All joints are advanced at once: in round r every joint's transform is joined with that of its
    ancestor 2 ** r steps above (pointer jumping), so four batched products replace a walk of
    eight levels, in training as in the exported graph.
    """

    def __init__(self, body: RestBody) -> None:
        super().__init__()
        self.rest: Tensor
        self.shapes: Tensor
        self.identity: Tensor
        self.register_buffer("rest", torch.from_numpy(body.joints))
        self.register_buffer("shapes", torch.from_numpy(body.joint_shapes).reshape(-1, 10).T)
        self.register_buffer("identity", torch.eye(3)[None, None])
        self.jumps: Tensor
        self.parents: Tensor
        self.register_buffer("jumps", torch.tensor(_jumps()), persistent=False)
        parents = torch.tensor([max(parent, 0) for parent in PARENTS])
        self.register_buffer("parents", parents, persistent=False)

    def rest_joints(self, betas: Tensor) -> Tensor:
        """``(N, 10)`` -> ``(N, 24, 3)`` metres."""
        return self.rest + (betas @ self.shapes).reshape(-1, NUM_JOINTS, 3)

    def forward(self, rotmats: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Pose the tree.

        Parameters
        ----------
        rotmats
            ``(N, 24, 3, 3)`` relative to the parents.
        betas
            ``(N, 10)``.

        Returns
        -------
        joints
            ``(N, 24, 3)`` metres; the pelvis stays at its rest place, as in SMPL.
        frames
            ``(N, 24, 3, 3)`` global rotations.
        """
        rest = self.rest_joints(betas)
        bones = rest - rest.index_select(1, self.parents)
        bones = torch.cat([rest[:, :1], bones[:, 1:], torch.zeros_like(rest[:, :1])], dim=1)
        frames = torch.cat([rotmats, self.identity.expand(rotmats.shape[0], -1, -1, -1)], dim=1)
        joints = bones
        for ancestors in self.jumps:
            above = frames.index_select(1, ancestors)
            turned = multiply(above, joints[..., None])[..., 0]
            joints = joints.index_select(1, ancestors) + turned
            frames = multiply(above, frames)
        return joints[:, :NUM_JOINTS], frames[:, :NUM_JOINTS]


class BodyLandmarks(nn.Module):
    """Landmarks of :data:`training.landmarks.BODY_LANDMARKS` on the posed body.

    Annotators and other networks do not click on SMPL's joints; ``correction`` is the learned
    difference, shared by left and right.  It is part of training only: what ships are SMPL's
    joints.
    """

    def __init__(self, body: RestBody, learned: Sequence[bool] | None = None) -> None:
        super().__init__()
        self.tree = JointTree(body)
        self.offsets: Tensor
        self.free: Tensor
        self.mirror_sign: Tensor
        self.register_buffer("offsets", torch.from_numpy(body.landmark_offsets))
        free = torch.ones(len(BODY_LANDMARKS)) if learned is None else torch.tensor(learned).float()
        self.register_buffer("free", free[:, None], persistent=False)
        self.register_buffer("mirror_sign", torch.tensor([-1.0, 1.0, 1.0]))
        self.correction = nn.Parameter(torch.zeros(len(BODY_LANDMARKS), 3))
        self.starts: Tensor
        self.turned_by: Tensor
        for name, joints in (
            ("starts", [landmark.joint for landmark in BODY_LANDMARKS]),
            ("turned_by", [landmark.frame for landmark in BODY_LANDMARKS]),
        ):
            self.register_buffer(name, torch.tensor(joints), persistent=False)
        self._mirror = list(LANDMARK_MIRROR)

    def total_offsets(self) -> Tensor:
        """``(L, 3)`` offsets with the symmetric correction."""
        mirrored = self.correction[self._mirror] * self.mirror_sign
        return self.offsets + self.free * (self.correction + mirrored) / 2

    def pose(self, rotmats: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Joints ``(N, 24, 3)``, their frames ``(N, 24, 3, 3)``, landmarks ``(N, L, 3)``."""
        joints, frames = self.tree(rotmats, betas)
        by = frames.index_select(1, self.turned_by)
        turned = multiply(by, self.total_offsets()[..., None])[..., 0]
        return joints, frames, joints.index_select(1, self.starts) + turned

    def forward(self, rotmats: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Joints ``(N, 24, 3)`` and landmarks ``(N, L, 3)``, metres."""
        joints, _, landmarks = self.pose(rotmats, betas)
        return joints, landmarks


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
