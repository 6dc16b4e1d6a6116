"""The whole network as it ships: crop in, body out, in one pass."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from engine.skeleton import JOINT_NAMES
from training.encoders.blazepose import BlazePoseEncoder
from training.feedback import evidence_from
from training.regressor import POSE_SIZE, IterativeRegressor

OUTPUTS: Final = ("pose_6d", "betas", "camera", "score", "confidence")

_HIP, _SHOULDER = (23, 24), (11, 12)
#: BlazePose points whose mean visibility stands for a joint's confidence.
CONFIDENCE_POINTS: Final[dict[str, tuple[int, ...]]] = {
    "pelvis": _HIP,
    "left_hip": (23,),
    "right_hip": (24,),
    "spine1": _HIP,
    "left_knee": (25,),
    "right_knee": (26,),
    "spine2": (*_HIP, *_SHOULDER),
    "left_ankle": (27,),
    "right_ankle": (28,),
    "spine3": _SHOULDER,
    "left_foot": (31,),
    "right_foot": (32,),
    "neck": _SHOULDER,
    "left_collar": (11,),
    "right_collar": (12,),
    "head": (0, 7, 8),
    "left_shoulder": (11,),
    "right_shoulder": (12,),
    "left_elbow": (13,),
    "right_elbow": (14,),
    "left_wrist": (15,),
    "right_wrist": (16,),
    "left_hand": (17, 19, 21),
    "right_hand": (18, 20, 22),
}


def confidence_matrix() -> Tensor:
    """``(33, 24)``: landmark probabilities @ matrix = joint confidences."""
    matrix = torch.zeros(33, 24)
    for joint, name in enumerate(JOINT_NAMES):
        points = CONFIDENCE_POINTS[name]
        matrix[list(points), joint] = 1 / len(points)
    return matrix


class BodyNetwork(nn.Module):
    """Encoder and regressor.

    ``score`` and ``confidence`` come from the trunk's own heads: the probability of its person
    flag, and for each joint the probability that the landmarks of
    :data:`CONFIDENCE_POINTS` are inside the picture and not hidden.
    """

    def __init__(self, encoder: BlazePoseEncoder, regressor: IterativeRegressor) -> None:
        super().__init__()
        self.encoder = encoder
        self.regressor = regressor
        self.confidence_matrix: Tensor
        self.register_buffer("confidence_matrix", confidence_matrix())

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """``(N, 3, 256, 256)`` RGB in [0, 1] -> the five outputs named in :data:`OUTPUTS`."""
        emb = self.encoder(image)
        landmarks = self.encoder.heads(emb)
        theta = self.regressor(self.regressor.normalise(emb), evidence_from(landmarks))[-1]
        probability = landmarks.visibility * landmarks.presence
        return (
            theta[:, :POSE_SIZE].reshape(-1, 24, 6),
            theta[:, POSE_SIZE : POSE_SIZE + 10],
            theta[:, POSE_SIZE + 10 :],
            landmarks.flag,
            torch.clamp(probability @ self.confidence_matrix, 0, 1),
        )
