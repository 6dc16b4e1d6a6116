"""The network of a training checkpoint, run as its export would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.checkpoints.build_network import restore_network
from hmr_live_training.checkpoints.checkpoint import load_checkpoint
from hmr_live_training.export.export import export_network

#: Part of the name of every weight.
_EVERY_WEIGHT: Final = ("",)


@dataclass(frozen=True)
class CheckpointFolders:
    """What is needed to build the network of a checkpoint.

    Attributes
    ----------
    data
        Training data, for motion capture.
    encoders
        BlazePose's tflite files.
    body
        SMPL body file.
    """

    data: Path
    encoders: Path
    body: Path


def open_checkpoint(
    checkpoint: Path, folders: CheckpointFolders, *, backend: str, threads: int
) -> HmrNetwork:
    """Export the averaged weights in float32 to a temporary file and load it in the engine.

    Raises
    ------
    AssetError
        When the file is not a checkpoint, or something in the folders is missing.
    """
    saved = load_checkpoint(checkpoint)
    network = restore_network(
        saved, encoders=folders.encoders, data=folders.data, body=folders.body
    )
    with TemporaryDirectory() as folder:
        exported = Path(folder) / "checkpoint.onnx"
        export_network(
            network,
            exported,
            encoder=saved.config.encoder,
            training=saved.description(),
            figures={},
            keep_float32=_EVERY_WEIGHT,
        )
        return HmrNetwork(exported, backend=backend, threads=threads)
