"""An exported network as a checkpoint.

``python -m hmr_live_training.export.from_export A.onnx --out A.pt``

The manifest holds the training configuration, so an exported network can teach, be exported again
in another form, or be the start of a build (``--start shipped``).  It cannot be resumed: optimiser
state and raw weights are not exported.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hmr_live.core.assets import read_manifest
from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import build_network
from hmr_live_training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from hmr_live_training.onnx_tools.onnx_weights import load_exported
from hmr_live_training.recipes.run_config import RunConfig


def checkpoint_of(path: Path, *, encoders: Path, data: Path, body: Path) -> Checkpoint:
    """The checkpoint of an exported network, without optimiser state.

    Raises
    ------
    AssetError
        When the file is no network that :mod:`hmr_live_training.export.export` wrote.
    """
    training: dict[str, Any] = read_manifest(path).get("training", {})
    if "run" not in training:
        raise AssetError(
            f"{path} does not say how it was trained; give one that this package exported."
        )
    config = RunConfig.from_dict(training["run"])
    network = build_network(config, encoders=encoders, data=data, body=body)
    load_exported(network, path)
    return Checkpoint(
        config=config,
        step=int(training["steps"]),
        seconds=3600 * float(training["hours"]),
        network=network.state_dict(),
        training={},
        samples=dict(training.get("samples", {})),
    )


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.export.from_export", description=__doc__
    )
    parser.add_argument("network", type=Path, help=".onnx file with its manifest beside it")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--out", type=Path, required=True)
    o = parser.parse_args(arguments)
    saved = checkpoint_of(o.network, encoders=o.encoders, data=o.data, body=o.body)
    save_checkpoint(o.out, saved)
    print(f"wrote {o.out}: the run {saved.config.name}, {saved.step} steps")


if __name__ == "__main__":
    main()
