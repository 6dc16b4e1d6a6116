"""The body in torch: joints and landmarks from rotations and shape, without vertices.

Training needs a few dozen points of the body and never its skin, so this layer stops at the
kinematic tree.  ``tests/training`` compare it with the engine's body model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmr_live.body.skeleton import NUM_JOINTS, PARENTS
from hmr_live.core.errors import AssetError
from hmr_live_training.landmarks import BODY_LANDMARKS, Landmark
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
