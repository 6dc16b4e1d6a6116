"""Projection of a pose onto the joint limits of motion capture, with a tolerance in degrees.

Gauss-Newton moves limbs to where the encoder observes them, and so can bend a knee forwards.  Here
every joint's rotation, as an axis-angle vector, is clamped to the box of :class:`.JointLimits`,
component by component; what lies within it stays as it is.  Hips have a tolerance of their own:
in splits and high kicks, which motion capture hardly has, they do go beyond.  There are no
weights: these are plain tensor operations of the exported network, and few, since a runtime's
calls cost more than the numbers.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live_training.data.mocap import LIMITED_JOINTS, JointLimits

#: Under square roots; the angle whose sine it is the square of is too small to matter.
_LEAST_SQUARE: Final = 1e-12
#: Places of a matrix, row-major, whose difference is twice the sine times the axis.
_PLUS: Final = (7, 2, 3)
_MINUS: Final = (5, 6, 1)
#: 6-D form, row-major 3 x 2: row and column of each number, as axes.
_ROWS: Final = (0, 0, 1, 1, 2, 2)
_COLUMNS: Final = (0, 1, 0, 1, 0, 1)


class JointLimitProjection(nn.Module):
    """Clamps joint rotations to their limits.

    Parameters
    ----------
    limits
        Of joints 1 to 21; the root and the hands are free.
    tolerance, hip_tolerance
        Degrees beyond the limits that are allowed: at most joints, and at the hips.
    """

    def __init__(self, limits: JointLimits, tolerance: float, hip_tolerance: float) -> None:
        super().__init__()
        # Of a row-major matrix: half the differences, then half the trace.
        parts = torch.zeros(9, 4)
        parts[list(_PLUS), range(3)] = 0.5
        parts[list(_MINUS), range(3)] = -0.5
        parts[[0, 4, 8], 3] = 0.5
        # An axis as the first two columns of its cross product's matrix.
        crossed = torch.linalg.cross(torch.eye(3)[:, None], torch.eye(3)[None, :2])
        degrees = torch.full((NUM_JOINTS, 1), tolerance)
        degrees[[JOINT["left_hip"], JOINT["right_hip"]]] = hip_tolerance
        allowed = torch.deg2rad(degrees[LIMITED_JOINTS])
        self.parts: Tensor
        self.crossed: Tensor
        self.unturned: Tensor
        self.low: Tensor
        self.high: Tensor
        self.rows: Tensor
        self.columns: Tensor
        for name, value in (
            ("parts", parts),
            ("crossed", crossed.permute(0, 2, 1).reshape(3, 6)),
            ("unturned", torch.eye(3, 2).flatten()),
            ("low", torch.from_numpy(limits.low).float() - allowed),
            ("high", torch.from_numpy(limits.high).float() + allowed),
            ("rows", torch.tensor(_ROWS)),
            ("columns", torch.tensor(_COLUMNS)),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, rotmats: Tensor) -> Tensor:
        """``(N, 24, 3, 3)`` -> ``(N, 24, 6)``: 6-D rotations within the limits."""
        free = rotmats[..., :2].flatten(2)
        first, last = LIMITED_JOINTS.start, LIMITED_JOINTS.stop
        vector = self._vectors(rotmats[:, LIMITED_JOINTS].flatten(2))
        held = self._sixd(torch.minimum(torch.maximum(vector, self.low), self.high))
        return torch.cat([free[:, :first], held, free[:, last:]], dim=1)

    def _vectors(self, matrices: Tensor) -> Tensor:
        """``(N, J, 9)`` rotations as axis times angle, ``(N, J, 3)``; a half turn has no axis."""
        sine, half_trace = torch.split(matrices @ self.parts, [3, 1], dim=2)
        length = torch.sqrt((sine**2).sum(dim=2, keepdim=True) + _LEAST_SQUARE)
        # tan(a / 2) = sin a / (1 + cos a), where cos a is half the trace less one half.
        angle = 2 * torch.atan(length / (half_trace + 0.5).clamp_min(_LEAST_SQUARE))
        return sine * (angle / length)

    def _sixd(self, vectors: Tensor) -> Tensor:
        """Inverse of :meth:`_vectors`, ``(N, J, 6)``: two columns of Rodrigues' formula."""
        angle = torch.sqrt((vectors**2).sum(dim=2, keepdim=True) + _LEAST_SQUARE)
        axis, sine, cosine = vectors / angle, torch.sin(angle), torch.cos(angle)
        products = axis.index_select(2, self.rows) * axis.index_select(2, self.columns)
        return products + cosine * (self.unturned - products) + sine * (axis @ self.crossed)
