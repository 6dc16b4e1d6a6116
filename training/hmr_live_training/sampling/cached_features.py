"""Cached output of the encoder that a run starts from: its stem's maps, or features and landmarks.

Once the encoder is frozen, the regressor trains at thousands of samples a second on what the
encoder made of fresh crops: features and observed landmarks.  Every process stores its share.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.data.crops import network_input
from hmr_live_training.data.teacher import TeacherPrediction
from hmr_live_training.distributed import Processes
from hmr_live_training.landmarks import BLAZEPOSE_POINTS
from hmr_live_training.models.backbones.blazepose import CROP_SIZE
from hmr_live_training.models.network import BodyNetwork, packed
from hmr_live_training.onnx_tools.onnx_files import export_onnx
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.pictures import CropStream
from hmr_live_training.sampling.samples import Samples, join_samples
from hmr_live_training.sampling.synthetic_samples import load_synthetic, save_synthetic

#: Crops that are looked at together.
_BATCH = 32


def features_folder(cache: Path, network: BodyNetwork) -> Path:
    """Folder of an encoder's cached output; other weights have another folder.

    Parameters
    ----------
    cache
        Of what is prepared once.
    network
        Has the encoder.
    """
    weights = hashlib.sha256()
    for value in network.encoder.state_dict().values():
        weights.update(value.cpu().contiguous().numpy().tobytes())
    return cache / f"encoder_output_{network.encoder.kind}_{weights.hexdigest()[:12]}"


class _WholeEncoder(nn.Module):
    def __init__(self, network: BodyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return (packed(self.network.encode(image, "image")),)


class _Stem(nn.Module):
    def __init__(self, network: BodyNetwork) -> None:
        super().__init__()
        self.encoder = network.encoder
        self.heatmaps = network.heatmaps

    def forward(self, image: Tensor) -> tuple[Tensor]:
        maps = self.encoder.shallow(image, heatmaps=self.heatmaps)
        return (self.encoder.packed(maps),)


def encoder_file(network: BodyNetwork, cache: Path, config: RunConfig) -> Path:
    """ONNX file from the image to what the run's stage starts from, made when missing.

    The stage, ``stem`` or ``encoder_output``, names the output; see :func:`features_folder`.
    """
    kind = "" if network.heatmaps else "_linear"
    path = features_folder(cache, network) / f"{config.stage}{kind}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # The network may be on a GPU already, and stays there.
        network = copy.deepcopy(network).cpu()
        part = _Stem(network) if config.stage == "stem" else _WholeEncoder(network)
        example = torch.zeros(2, 3, CROP_SIZE, CROP_SIZE)
        # A trained encoder's weights are no longer float16 by birth: all stay float32.
        export_onnx(part, example, path, [config.stage], keep_float32=("",))
    return path


def store_features(
    stream: CropStream, count: int, folder: Path, kind: str, processes: Processes
) -> Path:
    """Encode the stream's first ``count`` crops together; return the file with this share."""
    path = folder / f"{kind}_{processes.rank}_of_{processes.count}.npz"
    size = _BATCH * processes.count
    parts = [stream.draw(step, size, processes) for step in range(-(-count // size))]
    save_synthetic(path, join_samples(parts))
    return path


def load_features(folder: Path, kind: str) -> Samples:
    """All cached samples of a kind (AssetError when there are none)."""
    paths = sorted(folder.glob(f"{kind}_*.npz"))
    if not paths:
        raise AssetError(
            f"There are no {kind} in {folder}; put a "
            "cached_features stage before the one that trains on them."
        )
    return join_samples([load_synthetic(path) for path in paths])


def predict_as_teacher(
    network: BodyNetwork, session: onnxruntime.InferenceSession, crop: NDArray[np.uint8]
) -> TeacherPrediction:
    """One of our networks as a teacher (:data:`hmr_live_training.data.teacher.TeacherModel`).

    Points of BlazePose's 33 that the body has no place for are zero.

    Parameters
    ----------
    network, session
        The network, and what :func:`encoder_file` makes of it for the stage
        ``encoder_output``.
    crop
        ``(256, 256, 3)`` BGR.
    """
    encoded = torch.from_numpy(session.run(None, {"image": network_input(crop[None])})[0])
    with torch.no_grad():
        _, landmarks, observed, _ = network.encode(encoded, "encoder_output")
    flag = landmarks.flag
    points, world, visibility = np.zeros((33, 2)), np.zeros((33, 3)), np.zeros(33)
    chosen = list(BLAZEPOSE_POINTS)
    points[chosen] = (observed.points[0].numpy() + 1) * (CROP_SIZE / 2)
    world[chosen], visibility[chosen] = observed.world[0].numpy(), observed.visibility[0].numpy()
    return points, visibility, world, float(flag)
