"""BlazePose (Apache-2.0) as an encoder: one trunk, linear heads on its 1152-vector ``emb``.

The three networks ``lite``, ``full`` and ``heavy`` differ in their trunk only.  The trunk ends in
a 2 x 2 map whose flattened form is called ``emb`` here; the network's own landmarks, world points
and person flag are one linear layer on it, which makes ``emb`` a far better start for body
recovery than ImageNet features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from training.encoders.graph_module import GraphModule
from training.encoders.tflite_reader import Graph, read_tflite

CROP_SIZE: Final = 256
NUM_LANDMARKS: Final = 33
#: The network also predicts six auxiliary points that only its tracker uses.
_NUM_POINTS: Final = 39


class TensorNumbers(NamedTuple):
    """Where in a ``.tflite`` file the parts of the network lie.

    Attributes
    ----------
    features
        The deepest 8 x 8 map that everything behind it depends on alone: the place to cut the
        network in two.
    emb
        The 2 x 2 map in front of the landmark heads.
    landmarks, world, flag, heatmap
        Outputs of the heads, before any reshaping.
    """

    features: int
    emb: int
    landmarks: int
    world: int
    flag: int
    heatmap: int


TENSORS: Final = {
    "lite": TensorNumbers(254, 308, 309, 311, 313, 283),
    "full": TensorNumbers(269, 335, 336, 338, 340, 298),
    "heavy": TensorNumbers(644, 694, 695, 697, 699, 641),
}


class Landmarks(NamedTuple):
    """BlazePose's own answer, for N crops.

    Attributes
    ----------
    points
        ``(N, 33, 2)`` in [-1, 1] across the crop, x right, y down.
    visibility, presence
        ``(N, 33)`` probabilities: not hidden; inside the picture.
    world
        ``(N, 33, 3)`` metres, axes of the crop's camera frame, origin near the hips' middle.
    flag
        ``(N, 1)`` probability that a person is there.
    """

    points: Tensor
    visibility: Tensor
    presence: Tensor
    world: Tensor
    flag: Tensor


class LandmarkHeads(nn.Module):
    """The linear heads of BlazePose on ``emb``.

    Attributes
    ----------
    landmarks, world, flag
        ``nn.Linear`` layers: 39 x (x, y, z, visibility, presence) in crop pixels and logits,
        39 x 3 in metres, one logit.
    """

    def __init__(self, graph: Graph, numbers: TensorNumbers) -> None:
        super().__init__()
        self.landmarks = _linear(graph, numbers.landmarks)
        self.world = _linear(graph, numbers.world)
        self.flag = _linear(graph, numbers.flag)

    def forward(self, emb: Tensor) -> Landmarks:
        """``(N, D)`` -> :class:`Landmarks`."""
        values = self.landmarks(emb).reshape(-1, _NUM_POINTS, 5)[:, :NUM_LANDMARKS]
        world = self.world(emb).reshape(-1, _NUM_POINTS, 3)[:, :NUM_LANDMARKS]
        return Landmarks(
            points=values[..., :2] * (2 / CROP_SIZE) - 1,
            visibility=torch.sigmoid(values[..., 3]),
            presence=torch.sigmoid(values[..., 4]),
            world=world,
            flag=torch.sigmoid(self.flag(emb)),
        )

    def logits(self, emb: Tensor) -> Tensor:
        """Visibility and presence of the 33 landmarks and the flag, ``(N, 67)`` logits."""
        values = self.landmarks(emb).reshape(-1, _NUM_POINTS, 5)[:, :NUM_LANDMARKS, 3:]
        return torch.cat([values.flatten(1), self.flag(emb)], dim=1)


def _linear(graph: Graph, output: int) -> nn.Linear:
    """A 2 x 2 convolution over a 2 x 2 map, as one matrix on the flattened (C, 2, 2) map."""
    operator = next(o for o in graph.operators if o.output == output)
    weight = np.transpose(graph.constants[operator.inputs[1]], (0, 3, 1, 2))
    layer = nn.Linear(int(np.prod(weight.shape[1:])), weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.reshape(len(weight), -1)))
        layer.bias.copy_(torch.from_numpy(np.array(graph.constants[operator.inputs[2]])))
    return layer


class BlazePoseEncoder(nn.Module):
    """Trunk of BlazePose in two stages, with the heads.

    Attributes
    ----------
    early
        image ``(N, 3, 256, 256)`` RGB in [0, 1] -> 8 x 8 feature map.
    late
        feature map -> ``emb`` map; the part worth fine-tuning first, and cheap to train on
        stored feature maps.
    heads
        :class:`LandmarkHeads`.
    dim
        Length of ``emb``.
    """

    def __init__(self, graph: Graph, kind: str) -> None:
        super().__init__()
        numbers = TENSORS[kind]
        self.kind = kind
        self.early = GraphModule(graph, [numbers.features])
        self.late = GraphModule(graph, [numbers.emb], [numbers.features])
        self.heads = LandmarkHeads(graph, numbers)
        self.dim = int(np.prod(graph.shapes[numbers.emb]))
        self.feature_shape = tuple(graph.shapes[numbers.features][k] for k in (3, 1, 2))

    @classmethod
    def load(cls, folder: Path | str, kind: str = "full") -> BlazePoseEncoder:
        """Read ``pose_landmark_<kind>.tflite`` from ``folder`` (AssetError when missing)."""
        return cls(read_tflite(Path(folder) / f"pose_landmark_{kind}.tflite"), kind)

    def features(self, image: Tensor) -> Tensor:
        """``(N, 3, 256, 256)`` -> the 8 x 8 map ``(N, C, 8, 8)``."""
        features: Tensor = self.early(image)[0]
        return features

    def emb(self, features: Tensor) -> Tensor:
        """The 8 x 8 map -> ``(N, dim)``."""
        emb: Tensor = self.late(features)[0]
        return emb.flatten(1)

    def forward(self, image: Tensor) -> Tensor:
        """``(N, 3, 256, 256)`` RGB in [0, 1] -> ``emb`` ``(N, dim)``."""
        return self.emb(self.features(image))
