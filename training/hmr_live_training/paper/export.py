"""Export of the recipe's networks to ONNX with a manifest."""

from __future__ import annotations

from pathlib import Path

from hmr_live_training.data.crops import BODY_BEYOND_JOINTS, CROP_BOX_SCALE
from hmr_live_training.export.manifest import write_manifest
from hmr_live_training.export.resnet_export import export_checked, resnet_manifest
from hmr_live_training.paper.network import PaperNetwork
from hmr_live_training.paper.paper_config import PaperConfig


def export_paper(
    network: PaperNetwork,
    path: Path,
    *,
    config: PaperConfig,
    steps: int,
    data: str,
    licence: str,
) -> float:
    """Write the ONNX file and its manifest; return the largest joint change, millimetres.

    Raises
    ------
    AssetError
        When the exported file differs from the network.
    """
    change = export_checked(network, path)
    manifest = resnet_manifest(
        path,
        name=f"HMR {config.name}",
        licence=licence,
        crop_box={
            "rule": "that of the shipped networks: around the hips, turned upright",
            "scale": CROP_BOX_SCALE,
            "scale_on_joints": CROP_BOX_SCALE * BODY_BEYOND_JOINTS,
            "border": "replicate",
        },
        betas="shape coefficients of the open body",
        iterations=config.iterations,
        body="open_body",
        training={"data": data, "steps": steps, "run": config.to_dict()},
        figures={"onnx_joint_change_mm": round(change, 4)},
    )
    write_manifest(path.with_suffix(".json"), manifest)
    return change
