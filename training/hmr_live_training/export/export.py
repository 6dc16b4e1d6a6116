"""Networks as ONNX files with manifests: body networks, and the person detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint
from hmr_live_training.export.manifest import detector_manifest, network_manifest, write_manifest
from hmr_live_training.models.backbones.blazepose import CROP_SIZE
from hmr_live_training.models.backbones.graph_module import GraphModule
from hmr_live_training.models.backbones.tflite_reader import read_tflite
from hmr_live_training.models.network import INPUTS, OUTPUTS, BodyNetwork
from hmr_live_training.models.regressor import unpack
from hmr_live_training.onnx_tools.onnx_files import export_onnx
from hmr_live_training.onnx_tools.onnx_weights import CORRECTION, SHIFT, shift_score
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.sampling.features import open_network

DETECTOR_SIZE = 224
#: A network whose ONNX file moves any joint farther than this is not exported.
MAX_JOINT_CHANGE_MM = 1.0
#: Weights that are stored as float32, by where a run enters the encoder: what was trained is no
#: longer float16 by birth, and what follows it magnifies rounding.
_LATE = ("encoder.late", "encoder.heads")
_ALL = ("encoder.",)
_KEPT_FLOAT32 = {
    "features": (),
    "feature_map": _LATE,
    "stem": _ALL,
    "crop": _ALL,
    "encoder_output": _ALL,
}
_FLAG = ("encoder.heads.flag",)


def kept_float32(config: RunConfig) -> tuple[str, ...]:
    """Words in the names of weights that are stored as float32."""
    if config.stage == "encoder_output" and config.start_from is None:
        return _FLAG
    return _KEPT_FLOAT32[config.stage]


class _Detector(nn.Module):
    def __init__(self, network: GraphModule) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        boxes, scores = self.network(image)
        return boxes, scores


def export_detector(encoders: Path, folder: Path) -> Path:
    """Write ``person_detector.onnx`` and its manifest."""
    path = folder / "person_detector.onnx"
    network = GraphModule(read_tflite(encoders / "pose_detection.tflite"))
    example = torch.zeros(2, 3, DETECTOR_SIZE, DETECTOR_SIZE)
    export_onnx(_Detector(network).eval(), example, path, ["boxes", "scores"])
    write_manifest(path.with_suffix(".json"), detector_manifest(path))
    return path


def export_network(
    network: BodyNetwork,
    path: Path,
    *,
    encoder: str,
    training: dict[str, Any],
    figures: dict[str, Any],
    keep_float32: Sequence[str] = (),
) -> float:
    """Write a body network and its manifest.

    The weights are stored as float16; BlazePose's are float16 from the start, and what that does
    to the regressor is part of the returned figure.

    Returns
    -------
    Largest change of a joint between torch and ONNX Runtime, millimetres, over a few crops of
    noise.

    Raises
    ------
    AssetError
        When that change is more than :data:`MAX_JOINT_CHANGE_MM`; nothing is replaced then.
    """
    temporary = path.with_name(f".{path.name}.part")
    images = torch.zeros(2, 3, CROP_SIZE, CROP_SIZE)
    example = (images, torch.full((2, 1), 4.0)) if network.perspective else (images,)
    export_onnx(
        network.eval(),
        example,
        temporary,
        OUTPUTS,
        inputs=INPUTS[: len(example)],
        keep_float32=keep_float32,
    )
    change = joint_change_mm(network, temporary)
    if change > MAX_JOINT_CHANGE_MM:
        temporary.unlink()
        raise AssetError(
            f"The exported network moves a joint by {change:.2f} mm; keep its weights in float32."
        )
    temporary.replace(path)
    correction = network.regressor.body.correction.detach().numpy().round(6).tolist()
    manifest = network_manifest(
        path,
        encoder=encoder,
        iterations=network.regressor.config.iterations,
        perspective=network.perspective,
        training={**training, CORRECTION: correction},
        figures={**figures, "onnx_joint_change_mm": round(change, 3)},
    )
    write_manifest(path.with_suffix(".json"), manifest)
    return change


def export_checkpoint(
    saved: Checkpoint,
    path: Path,
    *,
    encoders: Path,
    data: Path,
    body: Path,
    person_logit: float = 0.0,
    figures: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
) -> float:
    """Write the network of a checkpoint and its manifest; see :func:`export_network`.

    Parameters
    ----------
    saved
        The checkpoint.
    path
        The ``.onnx`` file.
    encoders, data, body
        See :func:`.build_network`.
    person_logit
        Logit of the person flag at which the score is one half.
    figures
        Of the development photos.
    recipe
        How the network was made, for the manifest.
    """
    network = build_network(saved.config, encoders=encoders, data=data, body=body)
    network.load_state_dict(saved.network)
    training = saved.description()
    if person_logit:
        shift_score(network, person_logit)
        training[SHIFT] = person_logit
    if recipe is not None:
        training["recipe"] = recipe
    return export_network(
        network,
        path,
        encoder=saved.config.encoder,
        training=training,
        figures=figures or {},
        keep_float32=kept_float32(saved.config),
    )


def joint_change_mm(network: BodyNetwork, path: Path, count: int = 8) -> float:
    """Largest joint difference between the torch network and its ONNX file, millimetres."""
    rng = np.random.default_rng(0)
    coarse = rng.random((count, 3, 8, 8)).astype(np.float32)
    crops = torch.nn.functional.interpolate(
        torch.from_numpy(coarse), size=(CROP_SIZE, CROP_SIZE), mode="bilinear"
    )
    inputs = [crops]
    if network.perspective:
        inputs.append(torch.linspace(1.5, 12, count)[:, None])
    with torch.no_grad():
        expected = network(*inputs)
    fed = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=False)}
    exported = open_network(path).run(list(OUTPUTS), fed)
    tree = network.regressor.body.tree
    joints = []
    for pose, betas, camera in (expected[:3], [torch.from_numpy(o) for o in exported[:3]]):
        theta = unpack(torch.cat([pose.flatten(1), betas, camera], dim=1))
        with torch.no_grad():
            joints.append(tree(theta.rotmats, theta.betas)[0])
    return float((joints[0] - joints[1]).norm(dim=-1).max()) * 1000
