"""ResNet-50 (He et al., CVPR 2016), the paper's encoder, in plain torch.

Parameters have torchvision's names (``conv1``, ``bn1``, ``layer1`` to ``layer4``), so that ImageNet
weights load, and so do the encoders of SPIN and its successors.  The stride is in the 3 x 3
convolution, as in all of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError

#: Side of the input in pixels.
INPUT_SIZE: Final = 224
#: RGB statistics of ImageNet by which inputs in [0, 1] are normalised.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
_EXPANSION: Final = 4


class Bottleneck(nn.Module):
    """Three convolutions 1 x 1, 3 x 3, 1 x 1 around a short cut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * _EXPANSION
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` -> ``(N, 4 * width, H / stride, W / stride)``."""
        short_cut = features if self.downsample is None else self.downsample(features)
        features = torch.relu(self.bn1(self.conv1(features)))
        features = torch.relu(self.bn2(self.conv2(features)))
        return torch.relu(self.bn3(self.conv3(features)) + short_cut)


def _stage(channels: int, width: int, *, blocks: int, stride: int) -> nn.Sequential:
    """Blocks of one resolution; the first one halves it."""
    rest = [Bottleneck(width * _EXPANSION, width, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(channels, width, stride), *rest)


class ResNet50Encoder(nn.Module):
    """Image to 2048 features, the mean of the last 7 x 7 map.

    Attributes
    ----------
    dim
        Number of features.
    """

    dim = 2048

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = _stage(64, 64, blocks=3, stride=1)
        self.layer2 = _stage(256, 128, blocks=4, stride=2)
        self.layer3 = _stage(512, 256, blocks=6, stride=2)
        self.layer4 = _stage(1024, 512, blocks=3, stride=2)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """``(N, 3, 224, 224)`` RGB, normalised by ImageNet's statistics -> ``(N, 2048)``."""
        features = self.maxpool(torch.relu(self.bn1(self.conv1(image))))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        return torch.mean(features, dim=(2, 3))

    def load_imagenet(self, path: Path | str) -> None:
        """Take the weights of a torchvision state dict; its classifier ``fc`` is left out.

        Raises
        ------
        AssetError
            When the file is missing or of another network.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise AssetError(f"There is no {path}; check the path.") from error
        # A damaged file, or one that would run code, ends in one of many exceptions.
        except Exception as error:
            raise AssetError(f"{path} is no file of PyTorch weights; copy it again.") from error
        self.load_named(state, str(path))

    def load_named(self, state: object, name: str) -> None:
        """Take the encoder's share of a state dict; ``name`` is for the error (AssetError)."""
        if not isinstance(state, Mapping):
            raise AssetError(f"{name} holds no state dict; give the weights of a ResNet-50.")
        own = self.state_dict()
        missing = [key for key in own if key not in state and "num_batches" not in key]
        wrong = [
            key
            for key in own
            if key in state and getattr(state[key], "shape", None) != own[key].shape
        ]
        if missing or wrong:
            raise AssetError(
                f"{name} holds no ResNet-50 ({(missing + wrong)[0]} does not fit); give the "
                "weights of one."
            )
        self.load_state_dict({key: state.get(key, own[key]) for key in own})
