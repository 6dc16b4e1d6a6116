"""The motion network: what an image network answers frame by frame in, corrected motion out.

Two gated recurrent layers (Cho et al., EMNLP 2014) that know only the past, after a linear layer
over hand-made features.  What they say of a pose is a correction of what came in, so that a network
that knows nothing changes nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from hmr_live_training.models.rotations import matrix_from_6d, sixd_from_matrix

#: Joints whose places are read: all but the hands, which captured motion does not move.
PLACES: Final = 22
#: Units of each recurrent layer, and of the linear layers around them.
HIDDEN: Final = 176
EMBEDDED: Final = 192
LAYERS: Final = 2
_DROPOUT: Final = 0.1
#: Metres a second; what is faster reads as this.
_FASTEST: Final = 8.0
#: Frames a second at which the time step reads as 0.
_USUAL_RATE: Final = 30.0
#: Log metres; expected errors are between these (the pelvis has none, by definition).
_SPREADS: Final = (-5.5, 0.5)
_LAST: Final = PLACES * 3 + 3
_FEATURES: Final = 24 * 6 + 2 * _LAST + 24 + 2


class MotionInput(NamedTuple):
    """T frames of n people, as the live pipeline has them.

    ``rotmats`` ``(n, T, 24, 3, 3)`` with joint 0 into the frame's camera, ``joints`` ``(n, T, 22,
    3)`` metres from the pelvis in that frame, ``place`` ``(n, T, 3)`` of the pelvis: x / z, y / z,
    log z, ``confidence`` ``(n, T, 24)``, ``step`` ``(n, T, 1)`` seconds since the frame before.
    """

    rotmats: Tensor
    joints: Tensor
    place: Tensor
    confidence: Tensor
    step: Tensor


class MotionOutput(NamedTuple):
    """What is believed after each frame.

    ``rotmats`` like the input's; ``velocity`` ``(n, T, 3)`` of the pelvis, metres a second, camera
    frame; ``contacts`` ``(n, T, 4)`` logits; ``up`` ``(n, T, 3)`` unit vectors against gravity;
    ``spread`` ``(n, T, 24)`` log of the expected error of each joint's place, log metres.
    """

    rotmats: Tensor
    velocity: Tensor
    contacts: Tensor
    up: Tensor
    spread: Tensor


class MotionState(NamedTuple):
    """Kept from frame to frame.

    ``hidden`` ``(n, LAYERS * HIDDEN)``; ``last`` ``(n, 69)``, joints and place of the last frame;
    ``started`` ``(n, 1)``, 0 before the first frame.
    """

    hidden: Tensor
    last: Tensor
    started: Tensor


def blank_state(count: int) -> MotionState:
    """Before the first frame of so many people."""
    sizes = LAYERS * HIDDEN, _LAST, 1
    return MotionState(*(torch.zeros(count, size) for size in sizes))


class MotionNetwork(nn.Module):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(_FEATURES, EMBEDDED)
        self.recurrent = nn.GRU(EMBEDDED, HIDDEN, LAYERS, batch_first=True)
        self.drop = nn.Dropout(_DROPOUT)
        self.mix = nn.Linear(HIDDEN + EMBEDDED, EMBEDDED)
        self.turns = nn.Linear(EMBEDDED, 24 * 6)
        self.rest = nn.Linear(EMBEDDED, 3 + 4 + 3 + 24)
        for layer in (self.turns, self.rest):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.rest.bias[8] = -1.0  # up: the camera's y points down
            self.rest.bias[10:] = -3.0

    def forward(self, frames: MotionInput, state: MotionState) -> tuple[MotionOutput, MotionState]:
        """T frames later."""
        features, last = _features(frames, state)
        embedded = self.drop(nn.functional.gelu(self.embed(self.drop(features))))
        hidden = state.hidden.reshape(-1, LAYERS, HIDDEN).transpose(0, 1).contiguous()
        known, hidden = self.recurrent(embedded, hidden)
        known = self.drop(known)
        mixed = nn.functional.gelu(self.mix(torch.cat([known, embedded], dim=2)))
        sixd = sixd_from_matrix(frames.rotmats)
        sixd = sixd + self.turns(mixed).reshape(sixd.shape)
        velocity, contacts, up, spread = self.rest(mixed).split([3, 4, 3, 24], dim=2)
        up = nn.functional.normalize(up, dim=2)
        output = MotionOutput(matrix_from_6d(sixd), velocity, contacts, up, spread.clamp(*_SPREADS))
        kept = MotionState(hidden.transpose(0, 1).flatten(1), last, torch.ones_like(state.started))
        return output, kept


def _features(frames: MotionInput, state: MotionState) -> tuple[Tensor, Tensor]:
    now = torch.cat([frames.joints.flatten(2), frames.place], dim=2)
    before = torch.cat([state.last[:, None], now[:, :-1]], dim=1)
    known = torch.cat([state.started[:, None], torch.ones_like(frames.step[:, 1:])], dim=1)
    speed = ((now - before) / frames.step * known).clamp(-_FASTEST, _FASTEST)
    features = [
        sixd_from_matrix(frames.rotmats).flatten(2),
        now[..., :-1] * 2,
        now[..., -1:] - 1,
        frames.confidence,
        speed / 2,
        torch.log(frames.step * _USUAL_RATE),
        known,
    ]
    return torch.cat(features, dim=2), now[:, -1]
