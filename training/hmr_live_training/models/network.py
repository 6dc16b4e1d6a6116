"""The whole network as it ships: crop in, body out, in one pass."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from hmr_live.body.skeleton import JOINT_NAMES, NUM_JOINTS
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, NUM_BLAZEPOSE
from hmr_live_training.models.backbones.blazepose import BlazePoseEncoder, Landmarks
from hmr_live_training.models.heatmaps import decode_heatmaps
from hmr_live_training.models.landmark_feedback import LandmarkObservation, observation_from
from hmr_live_training.models.regressor import POSE_SIZE, IterativeRegressor

#: The second for networks with perspective.
INPUTS: Final = ("image", "focal")
OUTPUTS: Final = ("pose_6d", "betas", "camera", "score", "confidence")
#: What a pass starts from: an image, the same as cameras give it (``crop``: BGR, 0 to 255,
#: ``(N, 256, 256, 3)``), the stem's maps as one array, the 8 x 8 feature map, the features, or the
#: features with the points found on the heat maps (``encoder_output``: :func:`packed`).
Stage = Literal["image", "crop", "stem", "feature_map", "features", "encoder_output"]

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
    """``(27, 24)``: landmark probabilities @ matrix = joint confidences."""
    matrix = torch.zeros(NUM_BLAZEPOSE, NUM_JOINTS)
    for joint, name in enumerate(JOINT_NAMES):
        points = [BLAZEPOSE_POINTS.index(point) for point in CONFIDENCE_POINTS[name]]
        matrix[points, joint] = 1 / len(points)
    return matrix


class EncoderOutput(NamedTuple):
    """What the encoder makes of N crops.

    Attributes
    ----------
    features
        ``(N, D)``.
    landmarks
        Output of the linear heads.
    observed
        What is fed to the regressor: the landmarks of the linear heads, whose 2D points are
        replaced by those found on the heat maps if there are any.
    heatmaps
        ``(N, 27, 64, 64)`` logits, or None.
    """

    features: Tensor
    landmarks: Landmarks
    observed: LandmarkObservation
    heatmaps: Tensor | None


class BodyNetwork(nn.Module):
    """Encoder and regressor.

    Parameters
    ----------
    encoder, regressor
        The two parts.
    heatmaps
        Whether the encoder's landmarks are found on its heat maps.

    ``score`` is the probability of the person flag.  ``confidence`` is, for each joint, the
    probability that the landmarks of :data:`CONFIDENCE_POINTS` lie where the body has them.
    """

    def __init__(
        self,
        encoder: BlazePoseEncoder,
        regressor: IterativeRegressor,
        *,
        heatmaps: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.regressor = regressor
        self.heatmaps = heatmaps
        self.confidence = nn.Linear(encoder.dim, NUM_BLAZEPOSE)
        self.confidence_matrix: Tensor
        self.register_buffer("confidence_matrix", confidence_matrix())

    def encode(
        self, inputs: Tensor, stage: Stage, perspective: Tensor | None = None
    ) -> EncoderOutput:
        """Run the encoder.

        Parameters
        ----------
        inputs
            What the pass starts from.
        stage
            Which that is.
        perspective
            ``(N, 1)`` inverse focal lengths of the crops in halves of the crop; None, and for a
            network that does not read them: weak perspective.
        """
        skips = None
        if perspective is None or not self.perspective:
            perspective = inputs.new_zeros((inputs.shape[0], 1), dtype=torch.float32)
        if stage == "encoder_output":
            features, points = unpacked(inputs, self.encoder.dim)
            landmarks = self.encoder.heads(features)
            observed = observation_from(landmarks, perspective)._replace(points=points)
            return EncoderOutput(features, landmarks, observed, None)
        if stage in ("image", "crop", "stem"):
            features, skips = self.encoder.trace(self._shallow(inputs, stage))
        else:
            features = self.encoder.features(inputs) if stage == "feature_map" else inputs
        landmarks = self.encoder.heads(features)
        observed, heatmaps = observation_from(landmarks, perspective), None
        if self.heatmaps:
            if skips is None:
                raise ValueError("A network with heat maps needs pictures or the stem's maps.")
            heatmaps = self.encoder.heatmaps(skips)
            # Heat maps learn from their own loss alone.
            points = decode_heatmaps(heatmaps.detach(), observed.points.detach())
            observed = observed._replace(points=points)
        return EncoderOutput(features, landmarks, observed, heatmaps)

    @property
    def perspective(self) -> bool:
        """Whether the network reads the focal length of its crops."""
        return self.regressor.config.perspective

    def encode_features(self, inputs: Tensor, stage: Stage) -> Tensor:
        """The features ``(N, D)`` alone."""
        if stage in ("image", "crop", "stem"):
            return self.encoder.trace(self._shallow(inputs, stage))[0]
        if stage == "feature_map":
            return self.encoder.features(inputs.float())
        return inputs.float()[:, : self.encoder.dim]

    def _shallow(self, inputs: Tensor, stage: Stage) -> tuple[Tensor, ...]:
        if stage == "stem":
            return self.encoder.unpacked(inputs.float())
        image = inputs.flip(3).permute(0, 3, 1, 2).float() / 255 if stage == "crop" else inputs
        return self.encoder.shallow(image, heatmaps=self.heatmaps)

    def thetas(self, encoded: EncoderOutput) -> list[Tensor]:
        """Theta after each iteration, ``(N, 157)`` each; the last one is refined."""
        thetas: list[Tensor] = self.regressor(
            self.regressor.normalise(encoded.features), encoded.observed
        )
        return [*thetas[:-1], self.regressor.refine(thetas[-1], encoded.observed)]

    def confidence_logits(self, features: Tensor) -> Tensor:
        """Logits ``(N, 27)`` of "the body's landmark lies where the person's does"."""
        logits: Tensor = self.confidence(self.regressor.normalise(features))
        return logits

    def forward(
        self, image: Tensor, focal: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """From crops to the five outputs named in :data:`OUTPUTS`.

        Parameters
        ----------
        image
            ``(N, 3, 256, 256)`` RGB in [0, 1].
        focal
            ``(N, 1)`` focal lengths in halves of the crop, for a network that reads them.
        """
        encoded = self.encode(image, "image", None if focal is None else 1 / focal)
        theta = self.thetas(encoded)[-1]
        probability = torch.sigmoid(self.confidence_logits(encoded.features))
        return (
            theta[:, :POSE_SIZE].reshape(-1, 24, 6),
            theta[:, POSE_SIZE : POSE_SIZE + 10],
            theta[:, POSE_SIZE + 10 :],
            encoded.landmarks.flag,
            torch.clamp(probability @ self.confidence_matrix, 0, 1),
        )


def packed(encoded: EncoderOutput) -> Tensor:
    """What follows of N crops but from the heads, as one array ``(N, D + 54)``, for the cache."""
    return torch.cat([encoded.features, encoded.observed.points.flatten(1)], dim=1)


def unpacked(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Inverse of :func:`packed`: features ``(N, dim)`` and observed points ``(N, 27, 2)``."""
    features, points = torch.split(values, [dim, NUM_BLAZEPOSE * 2], dim=1)
    return features, points.reshape(-1, NUM_BLAZEPOSE, 2)
