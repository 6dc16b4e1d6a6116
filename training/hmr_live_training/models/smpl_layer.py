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

from hmr_live.body.skeleton import JOINT, NUM_JOINTS, PARENTS
from hmr_live.core.errors import AssetError
from hmr_live_training.landmarks import BODY_LANDMARKS, LANDMARK_MIRROR, Landmark
from hmr_live_training.models.rotations import multiply

Array = NDArray[np.floating[Any]]
#: Place of the pelvis' parent in lists of frames.
NO_JOINT: Final = NUM_JOINTS
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
        ``(L, 3)`` rest offsets of :data:`.BODY_LANDMARKS` from their joints.
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


#: For each joint the place of its parent's frame.
PARENT_FRAMES: Final = tuple(NO_JOINT if parent < 0 else parent for parent in PARENTS)


def _jumps() -> list[list[int]]:
    """For each round the ancestor that a joint reads."""
    ancestor = [*PARENT_FRAMES, NO_JOINT]
    rounds = []
    for _ in range(_ROUNDS):
        rounds.append(ancestor)
        ancestor = [ancestor[a] for a in ancestor]
    return rounds


class ForwardKinematics(nn.Module):
    """Forward kinematics of the 24 joints.

    All joints are advanced at once: in round r every joint's transform is joined with that of its
    ancestor 2 ** r steps above (pointer jumping), so four batched products replace a walk of
    eight levels, in training as in the exported graph.
    """

    def __init__(self, body: RestBody) -> None:
        super().__init__()
        joints = torch.from_numpy(body.joints)
        shapes = torch.from_numpy(body.joint_shapes)
        self.rest: Tensor
        self.shapes: Tensor
        self.bones: Tensor
        self.bone_shapes: Tensor
        self.root: Tensor
        self.last_row: Tensor
        self.jumps: Tensor
        self.register_buffer("rest", joints)
        self.register_buffer("shapes", shapes.reshape(-1, 10).T)
        # A bone is what betas make of the difference to the parent, as a joint is of its place.
        for name, value in (
            ("bones", _from_parents(joints)[..., None]),
            ("bone_shapes", _from_parents(shapes).reshape(-1, 10).T),
            ("root", torch.eye(4)[None, None]),
            ("last_row", torch.eye(4)[3].repeat(1, NUM_JOINTS, 1, 1)),
            ("jumps", torch.tensor(_jumps())),
        ):
            self.register_buffer(name, value, persistent=False)

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
            ``(N, 25, 3, 3)`` global rotations; the last is the identity, above the pelvis.
        """
        count = rotmats.shape[0]
        # From each joint's frame to its parent's, 4 x 4: rotations and the joints' places.
        bones = self.bones + (betas @ self.bone_shapes).reshape(-1, NUM_JOINTS, 3, 1)
        moves = torch.cat([rotmats, bones], dim=3)
        moves = torch.cat([moves, self.last_row.expand(count, -1, -1, -1)], dim=2)
        moves = torch.cat([moves, self.root.expand(count, -1, -1, -1)], dim=1)
        for ancestors in self.jumps:
            moves = multiply(moves.index_select(1, ancestors), moves)
        frames, places = torch.split(moves[:, :, :3], [3, 1], dim=3)
        return places[:, :NUM_JOINTS, :, 0], frames


def _from_parents(values: Tensor) -> Tensor:
    """``(24, ...)`` of joints: the difference to the parent's; the root's own."""
    parents = torch.tensor([max(parent, 0) for parent in PARENTS])
    return torch.cat([values[:1], (values - values[parents])[1:]])


class BodyLandmarks(nn.Module):
    """Landmarks of :data:`hmr_live_training.landmarks.BODY_LANDMARKS` on the posed body.

    Annotators and other networks do not click on SMPL's joints; ``correction`` is the learned
    difference, shared by left and right.  It is part of training only: what ships are SMPL's
    joints.
    """

    def __init__(self, body: RestBody, learned: Sequence[bool] | None = None) -> None:
        super().__init__()
        self.tree = ForwardKinematics(body)
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
        """Joints and frames of the tree (:class:`ForwardKinematics`), landmarks ``(N, L, 3)``."""
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
