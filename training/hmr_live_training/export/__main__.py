"""Export a checkpoint, or BlazePose's person detector, to ONNX with a manifest.

``python -m hmr_live_training.export network --checkpoint RUN.pt`` exports a checkpoint as a build
does in its last stage; ``... export detector`` converts the person detector.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from hmr_live_training.checkpoints.checkpoint import load_checkpoint
from hmr_live_training.export.export import export_checkpoint, export_detector


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.export", description=__doc__)
    parser.add_argument("what", choices=["network", "detector"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--checkpoint", type=Path, help="of the network")
    parser.add_argument("--figures", type=Path, help="JSON of figures for the manifest")
    parser.add_argument(
        "--person-logit",
        type=float,
        default=0.0,
        help="person logit at which the score is one half (a build chooses it)",
    )
    parser.add_argument(
        "--regressor-only",
        action="store_true",
        help="without the Gauss-Newton step and the joint limits behind the regressor",
    )
    parser.add_argument("--out", type=Path, default=Path("assets/networks"))
    o = parser.parse_args(arguments)
    if o.what == "detector":
        print(f"wrote {export_detector(o.encoders, o.out)}")
        return
    if o.checkpoint is None:
        parser.error("network needs --checkpoint")
    saved = load_checkpoint(o.checkpoint)
    if o.regressor_only:
        bare = replace(saved.config, gauss_newton=False, joint_tolerance=None)
        saved = replace(saved, config=bare)
    path = o.out / f"{saved.config.encoder}.onnx"
    change = export_checkpoint(
        saved,
        path,
        encoders=o.encoders,
        data=o.data,
        body=o.body,
        person_logit=o.person_logit,
        figures=json.loads(o.figures.read_text()) if o.figures else {},
    )
    print(f"wrote {path}; torch and ONNX differ by {change:.3f} mm at most")


if __name__ == "__main__":
    main()
