"""Import a SPIN checkpoint.

``python -m hmr_live_training.export.import_spin CHECKPOINT --out spin.onnx``

Afterwards ``hmr-live run --network spin.onnx`` runs it.  The checkpoint's licence goes with the
file: name it with ``--licence``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.export.manifest import write_manifest
from hmr_live_training.export.resnet_export import export_checked, resnet_manifest
from hmr_live_training.export.spin_checkpoint import ITERATIONS, load_spin_checkpoint


def import_spin(checkpoint: Path, path: Path, *, name: str, licence: str) -> float:
    """Write the ONNX file and its manifest; the file gives the checkpoint's numbers.

    Returns
    -------
    Largest change of a joint by the export, see :func:`.export_checked`.

    Raises
    ------
    AssetError
        When the checkpoint cannot be read or the exported file differs from it.
    """
    change = export_checked(load_spin_checkpoint(checkpoint), path)
    manifest = resnet_manifest(
        path,
        name=name,
        licence=licence,
        crop_box={
            "rule": "unturned square around the person's box, 1.2 times its longer side",
            "scale": 1.2,
            "border": "black",
        },
        betas=(
            "shape coefficients of the official neutral SMPL; on another body they do not give "
            "this person's shape"
        ),
        iterations=ITERATIONS,
        body="smpl",
        training={"data": "as published with the checkpoint; not trained here"},
        figures={"onnx_joint_change_mm": round(change, 4)},
    )
    write_manifest(path.with_suffix(".json"), manifest)
    return change


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.export.import_spin", description=__doc__
    )
    parser.add_argument("checkpoint", type=Path, help="file made by torch.save")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--name", default="SPIN", help="name shown in the program")
    parser.add_argument("--licence", default="that of the checkpoint", help="its licence, in words")
    o = parser.parse_args(arguments)
    if o.out.suffix != ".onnx":
        parser.error("--out must end in .onnx")
    try:
        change = import_spin(o.checkpoint, o.out, name=o.name, licence=o.licence)
    except HmrLiveError as error:
        sys.exit(str(error))
    print(f"wrote {o.out}; torch and ONNX differ by {change:.4f} mm at most")


if __name__ == "__main__":
    main()
