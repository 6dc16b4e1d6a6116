"""BlazePose (Apache-2.0) as an encoder: a backbone, and linear heads on its 1152 features.

The three networks ``lite``, ``full`` and ``heavy`` differ in their backbone only.  The backbone
ends in a 2 x 2 map, whose flattened form are the features; the network's own landmarks, world
points and person flag are one linear layer on them, which makes them a far better start for body
recovery than ImageNet features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hmr_live_training.landmarks import BLAZEPOSE_POINTS
from hmr_live_training.models.backbones.decoder import HeatmapDecoder
from hmr_live_training.models.backbones.graph_module import GraphModule
from hmr_live_training.models.backbones.tflite_reader import Graph, read_tflite

CROP_SIZE: Final = 256
NUM_LANDMARKS: Final = 33
#: The network also predicts six auxiliary points that only its tracker uses.
_NUM_POINTS: Final = 39
#: Each point is x, y, z, and two logits: visibility (not hidden), presence (inside the picture).
VALUES_PER_POINT: Final = 5
VISIBILITY_VALUE: Final = 3


class TensorNumbers(NamedTuple):
    """Where in a ``.tflite`` file the parts of the network lie.

    Attributes
    ----------
    stem
        A shallow map on which everything behind it depends alone, but for heat maps: what lies in
        front of it sees edges and textures only and is never trained.
    feature_map
        The deepest 8 x 8 map that everything behind it depends on alone: the place to cut the
        network in two.
    features
        The 2 x 2 map in front of the landmark heads.
    landmarks, world, flag, heatmap
        Outputs of the heads, before any reshaping.
    skips
        Maps on the way that the decoder makes the heat maps of.
    """

    stem: int
    feature_map: int
    features: int
    landmarks: int
    world: int
    flag: int
    heatmap: int
    skips: tuple[int, ...]


TENSORS: Final = {
    "lite": TensorNumbers(211, 254, 308, 309, 311, 313, 283, skips=(201, 211, 236, 256)),
    "full": TensorNumbers(226, 269, 335, 336, 338, 340, 298, skips=(216, 226, 251, 271)),
    "heavy": TensorNumbers(430, 644, 694, 695, 697, 699, 641, skips=(545,)),
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
    """The linear heads of BlazePose.

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

    def forward(self, features: Tensor) -> Landmarks:
        """``(N, D)`` -> :class:`Landmarks`."""
        values = self.landmarks(features).reshape(-1, _NUM_POINTS, VALUES_PER_POINT)[
            :, :NUM_LANDMARKS
        ]
        world = self.world(features).reshape(-1, _NUM_POINTS, 3)[:, :NUM_LANDMARKS]
        return Landmarks(
            points=values[..., :2] * (2 / CROP_SIZE) - 1,
            visibility=torch.sigmoid(values[..., 3]),
            presence=torch.sigmoid(values[..., 4]),
            world=world,
            flag=torch.sigmoid(self.flag(features)),
        )

    def logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Visibility and presence of the 33 landmarks ``(N, 33, 2)``, the flag ``(N,)``; logits."""
        values = self.landmarks(features).reshape(-1, _NUM_POINTS, VALUES_PER_POINT)
        return values[:, :NUM_LANDMARKS, VISIBILITY_VALUE:], self.flag(features)[:, 0]


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
    """Backbone of BlazePose in three stages, with the heads.

    Attributes
    ----------
    stem
        image ``(N, 3, 256, 256)`` RGB in [0, 1] -> shallow map, and the shallower ones that the
        decoder reads; never trained.
    middle
        shallow map -> 8 x 8 map.
    late
        8 x 8 map -> 2 x 2 map of the features; the part worth fine-tuning first, and cheap to train
        on cached feature maps.
    decoder
        What the three stages passed on the way (:meth:`trace`) -> heat maps of those landmarks
        that the body has.
    heads
        :class:`LandmarkHeads`.
    dim
        Number of features.
    """

    def __init__(self, graph: Graph, kind: str) -> None:
        super().__init__()
        numbers = TENSORS[kind]
        self.kind = kind
        # Tensors are numbered in the order in which they are computed.
        early = [skip for skip in numbers.skips if skip < numbers.stem]
        self.stem = GraphModule(graph, [numbers.stem, *early])
        self.stem_shapes = [
            (channels, height, width)
            for _, height, width, channels in (graph.shapes[n] for n in self.stem.outputs)
        ]
        self.reads_stem = numbers.stem in numbers.skips
        middle = [skip for skip in numbers.skips if numbers.stem < skip < numbers.feature_map]
        late = [skip for skip in numbers.skips if skip > numbers.feature_map]
        self.middle = GraphModule(graph, [numbers.feature_map, *middle], [numbers.stem])
        self.late = GraphModule(graph, [numbers.features, *late], [numbers.feature_map])
        self.decoder = HeatmapDecoder(graph, numbers.heatmap, numbers.skips, BLAZEPOSE_POINTS)
        self.heads = LandmarkHeads(graph, numbers)
        self.dim = int(np.prod(graph.shapes[numbers.features]))

    @classmethod
    def load(cls, folder: Path | str, kind: str = "full") -> BlazePoseEncoder:
        """Read ``pose_landmark_<kind>.tflite`` from ``folder`` (AssetError when missing)."""
        return cls(read_tflite(Path(folder) / f"pose_landmark_{kind}.tflite"), kind)

    def feature_map(self, image: Tensor) -> Tensor:
        """``(N, 3, 256, 256)`` -> the 8 x 8 map."""
        feature_map: Tensor = self.middle(self.stem(image)[0])[0]
        return feature_map

    def shallow(self, image: Tensor, *, heatmaps: bool = False) -> tuple[Tensor, ...]:
        """The stem's maps; the first alone where no heat maps are wanted."""
        maps: tuple[Tensor, ...] = self.stem(image)
        return maps if heatmaps else maps[:1]

    def packed(self, maps: tuple[Tensor, ...]) -> Tensor:
        """The stem's maps as one array ``(N, D)``, to be stored."""
        return torch.cat([part.flatten(1) for part in maps], dim=1)

    def unpacked(self, values: Tensor) -> tuple[Tensor, ...]:
        """Inverse of :meth:`packed`."""
        maps, start = [], 0
        for channels, height, width in self.stem_shapes:
            if start == values.shape[1]:
                break
            end = start + channels * height * width
            maps.append(values[:, start:end].reshape(-1, channels, height, width))
            start = end
        return tuple(maps)

    def trace(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The stem's maps -> the features ``(N, dim)`` and the maps that the decoder reads."""
        stem, *early = maps
        feature_map, *middle = self.middle(stem)
        features, *late = self.late(feature_map)
        return features.flatten(1), (*early, *([stem] if self.reads_stem else []), *middle, *late)

    def heatmaps(self, skips: tuple[Tensor, ...]) -> Tensor:
        """Heat maps of the body's landmarks, logits ``(N, 27, 64, 64)``; see :meth:`trace`."""
        maps: Tensor = self.decoder(*skips)[0]
        return maps

    def features(self, feature_map: Tensor) -> Tensor:
        """The 8 x 8 map -> ``(N, dim)``."""
        features: Tensor = self.late(feature_map)[0]
        return features.flatten(1)

    def forward(self, image: Tensor) -> Tensor:
        """``(N, 3, 256, 256)`` RGB in [0, 1] -> the features ``(N, dim)``."""
        return self.features(self.feature_map(image))
