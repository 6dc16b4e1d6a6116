"""Small test doubles: a tiny encoder with BlazePose's layout, a body, a training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hmr_live.core.assets import asset_path
from hmr_live.core.state import CropBox
from hmr_live_training.checkpoints.build_network import build_regressor
from hmr_live_training.data.augment import WHOLE_CROP, CropPlan
from hmr_live_training.data.crops import crop_matrix
from hmr_live_training.data.mocap import joint_limits
from hmr_live_training.distributed import Processes
from hmr_live_training.landmarks import NUM_BLAZEPOSE
from hmr_live_training.models.backbones.blazepose import TENSORS, BlazePoseEncoder
from hmr_live_training.models.backbones.tflite_reader import Graph, Operator
from hmr_live_training.models.landmark_feedback import LandmarkObservation
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.models.projection import project
from hmr_live_training.models.regressor import IterativeRegressor, unpack
from hmr_live_training.models.rotations import matrix_from_axis_angle, sixd_from_matrix
from hmr_live_training.models.smpl_layer import RestBody, read_rest_body
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.pictures import StoredSamples
from hmr_live_training.sampling.projected_mocap import ProjectedMocapSampler
from hmr_live_training.sampling.samples import Samples, nobody
from hmr_live_training.trainer.train import make_trainer
from hmr_live_training.trainer.trainer import Trainer

NUM_FEATURES = 4 * 6


def rest_body() -> RestBody:
    return read_rest_body(asset_path("body", "open_body.npz"))


def convolution(
    number: int, inputs: tuple[int, ...], kernel: int, stride: int, *, same: bool
) -> Operator:
    options = {
        "stride": (stride, stride),
        "dilation": (1, 1),
        "same": same,
        "activation": 0,
        "output_shape": (),
    }
    return Operator("CONV_2D", (*inputs, 1000 + number, 2000 + number), number, options)


#: The last of the tensors that the decoder adds up.
_SUM = 278


def summands(skips: tuple[int, ...]) -> list[Operator]:
    """From the coarsest map on: enlarge, add the next finer one."""
    operators, number = [], skips[3]
    for step, size in enumerate((16, 32, 64)):
        enlarged, total = _SUM - 5 + 2 * step, _SUM - 4 + 2 * step
        options = {"align_corners": False, "activation": 0, "output_shape": (1, size, size, 4)}
        operators.append(Operator("RESIZE_BILINEAR", (number,), enlarged, options))
        operators.append(Operator("ADD", (enlarged, skips[2 - step]), total, options))
        number = total
    return operators


def tiny_graph(seed: int = 0, kind: str = "full") -> Graph:
    """A network with the tensor numbers of a kind: maps 64, 32, 16 and 8 wide -> 2 x 2 -> heads.

    Its decoder adds up all four, the coarse ones enlarged.
    """
    rng = np.random.default_rng(seed)
    n = TENSORS[kind]
    layers = [
        (n.skips[0], 0, 4, 4, (1, 256, 256, 3), 4),
        (n.stem, n.skips[0], 2, 2, (1, 64, 64, 4), 4),
        (n.skips[2], n.stem, 2, 2, (1, 32, 32, 4), 4),
        (n.feature_map, n.skips[2], 2, 2, (1, 16, 16, 4), 4),
        (n.skips[3], n.feature_map, 1, 1, (1, 8, 8, 4), 4),
        (n.features, n.skips[3], 4, 4, (1, 8, 8, 4), 6),
        (n.heatmap, _SUM, 1, 1, (1, 64, 64, 4), 39),
        (n.landmarks, n.features, 2, 1, (1, 2, 2, 6), 195),
        (n.world, n.features, 2, 1, (1, 2, 2, 6), 117),
        (n.flag, n.features, 2, 1, (1, 2, 2, 6), 1),
    ]
    operators, constants, shapes = [], {}, {0: (1, 256, 256, 3)}
    for number, source, kernel, stride, shape, channels in layers:
        if source == _SUM:
            operators.extend(summands(n.skips))
            shapes |= {o.output: o.options["output_shape"] for o in operators[-6:]}
        shapes[source] = shape
        operators.append(convolution(number, (source,), kernel, stride, same=source != n.features))
        weight = rng.normal(0, 0.3, (channels, kernel, kernel, shape[3])) / kernel
        constants[1000 + number] = weight.astype(np.float32)
        constants[2000 + number] = rng.normal(0, 0.1, channels).astype(np.float32)
        size = 1 if source == n.features else shape[1] // stride
        shapes[number] = (1, size, size, channels)
    outputs = (n.landmarks, n.world, n.flag)
    return Graph(tuple(operators), constants, shapes, {}, (0,), outputs)


def mean_pose() -> torch.Tensor:
    rotmats = torch.eye(3).repeat(24, 1, 1)
    rotmats[0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    return sixd_from_matrix(rotmats)


def tiny_config(**changes: object) -> RunConfig:
    values = {
        "hidden": 32,
        "batch": 16,
        "projected_mocap": 8,
        "real": 16,
        "steps": 40,
        "warm_up": 2,
        "learning_rate": 3e-3,
        "mixed_precision": False,
    }
    return RunConfig(**{**values, **changes})


def tiny_network(config: RunConfig) -> BodyNetwork:
    encoder = BlazePoseEncoder(tiny_graph(), "full")
    limits = joint_limits(mocap_poses().numpy())
    spread = torch.full((24, 3), 0.3)
    regressor = build_regressor(config, NUM_FEATURES, rest_body(), mean_pose(), spread, limits)
    return BodyNetwork(encoder, regressor, heatmaps=config.heatmaps)


def seen_as(
    regressor: IterativeRegressor, theta: torch.Tensor, perspective: torch.Tensor | None = None
) -> LandmarkObservation:
    """Perfect landmarks of a body; in weak perspective by default."""
    rotmats, betas, camera = unpack(theta)
    _, points = regressor.body(rotmats, betas)
    points = points[:, :NUM_BLAZEPOSE]
    seen = torch.ones(len(theta), NUM_BLAZEPOSE)
    if perspective is None:
        perspective = torch.zeros(len(theta), 1)
    flat = project(points, camera, perspective)
    return LandmarkObservation(flat, hip_centred(points), seen, perspective)


INPUTS = {
    "features": (NUM_FEATURES,),
    "feature_map": (4, 8, 8),
    "stem": (4 * 32 * 32 + 4 * 64 * 64,),
    "crop": (256, 256, 3),
}


def tiny_samples(count: int = 32, stage: str = "features") -> Samples:
    """Crops of one standing person, all labels known and equal."""
    g = torch.Generator().manual_seed(3)
    lsp = torch.randn(1, 14, 2, generator=g).expand(count, -1, -1) * 0.4
    points = torch.randn(1, 27, 2, generator=g).expand(count, -1, -1) * 0.4
    world = torch.randn(1, 27, 3, generator=g).expand(count, -1, -1) * 0.3
    rotmats = matrix_from_axis_angle(torch.randn(1, 24, 3, generator=g) * 0.2)
    weight = torch.ones(count, 27, 1)
    return Samples(
        torch.randn(count, *INPUTS[stage], generator=g).half(),
        torch.cat([lsp, weight[:, :14]], dim=-1),
        torch.cat([points, weight], dim=-1),
        torch.cat([world, weight], dim=-1),
        torch.ones(count, 27, 3),
        rotmats.expand(count, -1, -1, -1).clone(),
        torch.zeros(count, 10),
        torch.ones(count, 2),
        torch.ones(count),
        torch.full((count, 1), 0.2),
    )


def mocap_poses(count: int = 64) -> torch.Tensor:
    return torch.randn(count, 24, 3, generator=torch.Generator().manual_seed(5)) * 0.2


class PlainPictures:
    """Pictures whose brightness tells them apart."""

    def __init__(self, count):
        self.labels = nobody(count)
        self.labels.betas[:, 0] = np.arange(count)

    def __len__(self):
        return len(self.labels.person)

    def image(self, index):
        return np.full((64, 64, 3), 20 + 10 * index, np.uint8)

    def plan(self, rng, index):
        side = float(rng.uniform(20, 40))
        return CropPlan(crop_matrix(CropBox(32, 32, side)), WHOLE_CROP, 0)


def tiny_trainer(
    config: RunConfig, processes: Processes | None = None, synthetic: int = 0
) -> Trainer:
    network = tiny_network(config)
    mocap = ProjectedMocapSampler(mocap_poses(), network.regressor.body)
    limits = joint_limits(mocap_poses().numpy())
    stored = StoredSamples(tiny_samples(stage=config.stage), config.seed)
    sources = [(stored, config.batch), (stored, synthetic)]
    return make_trainer(config, network, sources, mocap, limits, processes)


def step(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Advance by one step."""
    (batch,) = trainer.batches.drawn(range(trainer.step_number, trainer.step_number + 1), 0)
    return trainer.step(batch)


def write_lspet(folder: Path, numbers: list[int], order: tuple[str, ...]) -> None:
    """The data set in its real format, with grey pictures."""
    import cv2

    images = folder / "lspet_224" / "images"
    images.mkdir(parents=True)
    names = [f"im{number:05d}.jpg" for number in numbers]
    rng = np.random.default_rng(0)
    joints = np.zeros((len(names), 14, 3), np.float32)
    standing = np.array(
        [
            *[(100, 190), (100, 160), (102, 130), (122, 130), (124, 160), (124, 190)],
            *[(80, 130), (84, 110), (96, 90), (128, 90), (140, 110), (144, 130)],
            *[(112, 84), (112, 60)],
        ],
        np.float32,
    )
    for row, name in enumerate(names):
        joints[row, :, :2] = standing
        joints[row, :, 2] = 1
        picture = rng.integers(60, 200, (224, 224, 3)).astype(np.uint8)
        cv2.imwrite(str(images / name), picture)
    np.savez(
        folder / "lspet_224" / "lspet_224.npz",
        imgname=np.array(names),
        joints=joints,
        center_scale=np.ones((len(names), 3), np.float32),
        order=np.array(order),
    )
