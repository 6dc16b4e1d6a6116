"""Export to ONNX with a manifest.

``python -m hmr_live_training.export.export network --checkpoint RUN.pt``

``detector`` converts the person detector, ``network`` a checkpoint; without a checkpoint the
untrained network is written, which has the right shape for building against and says so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.checkpoints.checkpoint import load_checkpoint
from hmr_live_training.export.manifest import detector_manifest, network_manifest, write_manifest
from hmr_live_training.models.backbones.blazepose import CROP_SIZE
from hmr_live_training.models.backbones.graph_module import GraphModule
from hmr_live_training.models.backbones.tflite_reader import read_tflite
from hmr_live_training.models.network import OUTPUTS, BodyNetwork
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
    draft = path.with_name(f".{path.name}.draft")
    example = torch.zeros(2, 3, CROP_SIZE, CROP_SIZE)
    export_onnx(network.eval(), example, draft, OUTPUTS, keep_float32=keep_float32)
    change = joint_change_mm(network, draft)
    if change > MAX_JOINT_CHANGE_MM:
        draft.unlink()
        raise AssetError(
            f"The exported network moves a joint by {change:.2f} mm; keep its weights in float32."
        )
    draft.replace(path)
    correction = network.regressor.body.correction.detach().numpy().round(6).tolist()
    manifest = network_manifest(
        path,
        encoder=encoder,
        iterations=network.regressor.config.iterations,
        training={**training, CORRECTION: correction},
        figures={**figures, "onnx_joint_change_mm": round(change, 3)},
    )
    write_manifest(path.with_suffix(".json"), manifest)
    return change


def joint_change_mm(network: BodyNetwork, path: Path, count: int = 8) -> float:
    """Largest joint difference between the torch network and its ONNX file, millimetres."""
    rng = np.random.default_rng(0)
    coarse = rng.random((count, 3, 8, 8)).astype(np.float32)
    crops = torch.nn.functional.interpolate(
        torch.from_numpy(coarse), size=(CROP_SIZE, CROP_SIZE), mode="bilinear"
    )
    with torch.no_grad():
        expected = network(crops)
    exported = open_network(path).run(list(OUTPUTS), {"image": crops.numpy()})
    tree = network.regressor.body.tree
    joints = []
    for pose, betas, camera in (expected[:3], [torch.from_numpy(o) for o in exported[:3]]):
        theta = unpack(torch.cat([pose.flatten(1), betas, camera], dim=1))
        with torch.no_grad():
            joints.append(tree(theta.rotmats, theta.betas)[0])
    return float((joints[0] - joints[1]).norm(dim=-1).max()) * 1000


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.export.export", description=__doc__)
    parser.add_argument("what", choices=["network", "detector"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--figures", type=Path, help="JSON of figures to put into the manifest")
    parser.add_argument(
        "--person-logit",
        type=float,
        default=0.0,
        help="trained logit of the person flag at which the score shall be one half",
    )
    parser.add_argument(
        "--without-last-step",
        action="store_true",
        help="the learned loop's own answer, without what follows it: the step of Gauss-Newton, "
        "the joints' range",
    )
    parser.add_argument("--out", type=Path, default=Path("assets/networks"))
    o = parser.parse_args(arguments)
    if o.what == "detector":
        print(f"wrote {export_detector(o.encoders, o.out)}")
        return
    training: dict[str, Any] = {"data": "none: untrained, only its shape is right", "hours": 0}
    config, state = RunConfig(), None
    if o.checkpoint:
        saved = load_checkpoint(o.checkpoint)
        if o.without_last_step:
            bare = replace(saved.config, gauss_newton=False, joint_tolerance=None)
            saved = replace(saved, config=bare)
        config, state, training = saved.config, saved.network, saved.description()
    network = build_network(config, encoders=o.encoders, data=o.data, body=o.body)
    if state is not None:
        network.load_state_dict(state)
    if o.person_logit:
        shift_score(network, o.person_logit)
        training = {**training, SHIFT: o.person_logit}
    figures = json.loads(o.figures.read_text()) if o.figures else {}
    path = o.out / f"{config.encoder}.onnx"
    change = export_network(
        network,
        path,
        encoder=config.encoder,
        training=training,
        figures=figures,
        keep_float32=kept_float32(config),
    )
    print(f"wrote {path}; torch and ONNX differ by {change:.3f} mm at most")


if __name__ == "__main__":
    main()
