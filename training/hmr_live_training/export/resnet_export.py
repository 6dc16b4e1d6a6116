"""Export of ResNet-50 networks (imported or trained here) to ONNX with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_6d
from hmr_live.core.assets import sha256_of
from hmr_live.core.errors import AssetError
from hmr_live_training.models.backbones.resnet50 import IMAGENET_MEAN, IMAGENET_STD, INPUT_SIZE
from hmr_live_training.onnx_tools.onnx_files import OPSET, export_onnx
from hmr_live_training.sampling.features import open_network

OUTPUTS: Final = ("pose_6d", "betas", "camera")
#: A file that moves any joint farther than this from the torch network's is not written.
MAX_JOINT_CHANGE_MM: Final = 1.0


def export_checked(network: nn.Module, path: Path) -> float:
    """Write ``network(image) -> (pose, betas, camera)``; weights stay float32.

    Returns
    -------
    Largest change of a joint between torch and ONNX Runtime on a few noisy crops, millimetres on
    the open body.

    Raises
    ------
    AssetError
        When that is more than :data:`MAX_JOINT_CHANGE_MM`; nothing is replaced then.
    """
    draft = path.with_name(f".{path.name}.draft")
    # Every name contains the empty word: no weight is stored as float16.
    example = torch.zeros(2, 3, INPUT_SIZE, INPUT_SIZE)
    export_onnx(network.eval(), example, draft, OUTPUTS, keep_float32=("",))
    change = joint_change_mm(network, draft)
    if change > MAX_JOINT_CHANGE_MM:
        draft.unlink()
        raise AssetError(
            f"The exported network moves a joint by {change:.1f} mm; report this checkpoint."
        )
    draft.replace(path)
    return change


def joint_change_mm(network: nn.Module, path: Path, count: int = 4) -> float:
    """Largest joint difference between the torch network and its ONNX file, millimetres."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(count, 3, 7, 7, generator=generator)
    crops = torch.nn.functional.interpolate(coarse, size=(INPUT_SIZE, INPUT_SIZE), mode="bilinear")
    with torch.no_grad():
        expected = [part.numpy() for part in network(crops)]
    found = open_network(path).run(list(OUTPUTS), {"image": crops.numpy()})
    body = BodyModel.default()
    distances = [
        abs(body.joints(matrix_from_6d(a), b) - body.joints(matrix_from_6d(c), d)).max()
        for a, b, c, d in zip(expected[0], expected[1], found[0], found[1], strict=True)
    ]
    return float(max(distances)) * 1000


def resnet_manifest(path: Path, *, betas: str, **entries: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the engine needs to know, and what a person should.

    Parameters
    ----------
    path
        The exported file.
    betas
        Whose shape coefficients they are, in words.
    entries
        ``name``, ``licence``, ``crop_box``, ``iterations``, ``body``, ``training``, ``figures``.
    """
    return {
        "name": entries.pop("name"),
        "file": path.name,
        "sha256": sha256_of(path),
        "licence": entries.pop("licence"),
        "opset": OPSET,
        "input": {
            "name": "image",
            "size": [INPUT_SIZE, INPUT_SIZE],
            "layout": "(n, 3, height, width)",
            "color": "RGB",
            "range": [0.0, 1.0],
            "mean": list(IMAGENET_MEAN),
            "std": list(IMAGENET_STD),
        },
        "region": entries.pop("crop_box"),
        "outputs": {
            "pose_6d": {
                "shape": ["n", 24, 6],
                "meaning": "3 x 2 row-major, relative to the parent; joint 0 turns the body into "
                "the crop's camera frame (x right, y down, z forward)",
            },
            "betas": {"shape": ["n", 10], "meaning": betas},
            "camera": {
                "shape": ["n", 3],
                "meaning": "weak perspective (s, tx, ty): x = s (X_xy + t), x in [-1, 1]",
            },
        },
        "rotation": "6d",
        "encoder": "resnet50",
        **entries,
    }
