"""Export a ResNet-50 network to ONNX with a manifest.

``python -m hmr_live_training.paper.export runs/paper_8.pt --out hmr.onnx``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live_training.checkpoints.checkpoint import load_checkpoint
from hmr_live_training.data.crops import BODY_BEYOND_JOINTS, CROP_BOX_SCALE
from hmr_live_training.export.manifest import write_manifest
from hmr_live_training.export.resnet_export import export_checked, resnet_manifest
from hmr_live_training.paper.network import PaperNetwork, fresh_network
from hmr_live_training.recipes.run_config import RunConfig


def export_paper(
    network: PaperNetwork,
    path: Path,
    *,
    config: RunConfig,
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


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.paper.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--about", default="", help="the data it was trained on, in words")
    parser.add_argument("--licence", default="not stated", help="of the weights, in words")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="motion capture")
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    o = parser.parse_args(arguments)
    try:
        saved = load_checkpoint(o.checkpoint)
        if not saved.config.is_paper:
            raise AssetError(
                f"{o.checkpoint} is no ResNet-50 run; export it with "
                "hmr_live_training.export.export."
            )
        network = fresh_network(saved.config, data=o.data, body=o.body)
        network.load_state_dict(saved.network)
        change = export_paper(
            network,
            o.out,
            config=saved.config,
            steps=saved.step,
            data=o.about,
            licence=o.licence,
        )
    except HmrLiveError as error:
        sys.exit(str(error))
    print(f"wrote {o.out}; torch and ONNX differ by {change:.4f} mm at most")


if __name__ == "__main__":
    main()
