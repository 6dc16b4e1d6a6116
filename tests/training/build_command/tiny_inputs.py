"""Everything that a build needs, tiny: BlazePose's files, photos, motion capture, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hmr_live.core.assets import asset_path
from hmr_live_training.landmarks import LSP_NAMES
from hmr_live_training.models.backbones.blazepose import TENSORS
from hmr_live_training.models.backbones.tflite_reader import Graph, Operator
from tests.training.cases import convolution, tiny_graph, write_lspet
from tests.training.synthetic.synthetic_data import write_data

BODY = asset_path("body", "open_body.npz")


def heavy_graph(seed: int = 0) -> Graph:
    """The tensor numbers of ``heavy``, whose heat maps are made of one map, 64 wide."""
    rng = np.random.default_rng(seed)
    n = TENSORS["heavy"]
    (skip,) = n.skips
    enlarged = skip - 1
    layers = [
        (n.stem, 0, 8, 8, (1, 256, 256, 3), 4, 32),
        (skip, enlarged, 1, 1, (1, 64, 64, 4), 4, 64),
        (n.heatmap, skip, 1, 1, (1, 64, 64, 4), 39, 64),
        (n.feature_map, n.stem, 4, 4, (1, 32, 32, 4), 4, 8),
        (n.features, n.feature_map, 4, 4, (1, 8, 8, 4), 6, 2),
        (n.landmarks, n.features, 2, 1, (1, 2, 2, 6), 195, 1),
        (n.world, n.features, 2, 1, (1, 2, 2, 6), 117, 1),
        (n.flag, n.features, 2, 1, (1, 2, 2, 6), 1, 1),
    ]
    operators, constants, shapes = [], {}, {}
    for number, source, kernel, stride, shape, channels, size in layers:
        if source == enlarged:
            options = {"align_corners": False, "activation": 0, "output_shape": (1, 64, 64, 4)}
            operators.append(Operator("RESIZE_BILINEAR", (n.stem,), enlarged, options))
        shapes[source] = shape
        shapes[number] = (1, size, size, channels)
        operators.append(convolution(number, (source,), kernel, stride, same=source != n.features))
        weight = rng.normal(0, 0.3, (channels, kernel, kernel, shape[3])) / kernel
        constants[1000 + number] = weight.astype(np.float32)
        constants[2000 + number] = rng.normal(0, 0.1, channels).astype(np.float32)
    return Graph(tuple(operators), constants, shapes, {}, (0,), (n.landmarks, n.world, n.flag))


def tiny_tflite(path: Path) -> Graph:
    """A tiny network in the place of a published file."""
    kind = path.stem.rpartition("_")[2]
    return heavy_graph() if kind == "heavy" else tiny_graph(kind=kind)


def use_tiny_blazepose(patch: pytest.MonkeyPatch) -> None:
    """Wherever a published file is read, a tiny network is found."""
    for module in ("models.backbones.blazepose", "sampling.prepare"):
        patch.setattr(f"hmr_live_training.{module}.read_tflite", tiny_tflite)


def write_inputs(folder: Path) -> tuple[Path, Path]:
    """A data folder, and one with files of BlazePose's names."""
    data, encoders = folder / "data", folder / "encoders"
    write_data(data)
    numbers = [*range(1, 13), *range(8001, 8005)]
    write_lspet(data, numbers, LSP_NAMES)
    encoders.mkdir()
    for kind in TENSORS:
        (encoders / f"pose_landmark_{kind}.tflite").write_bytes(kind.encode())
    return data, encoders
