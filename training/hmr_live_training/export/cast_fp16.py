"""Cast an encoder's weights to float16.

``python -m hmr_live_training.export.cast_fp16 --checkpoint A.pt --out B.pt``; a recipe does the
same in its stage ``cast_fp16``.

Weights that are float16 numbers are stored in half the space without loss
(:func:`.store_as_float16`).  The rounding itself is measured as any other change: evaluate the new
checkpoint.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import State, load_checkpoint, save_checkpoint

_PREFIX = "encoder."


def cast_fp16(network: State) -> State:
    """Round the encoder's weights to float16 numbers; they stay float32 tensors.

    Raises
    ------
    AssetError
        When a weight is too large for float16.
    """
    state = dict(network)
    for name, value in network.items():
        if name.startswith(_PREFIX) and value.dtype == torch.float32:
            state[name] = value.half().float()
            if not torch.isfinite(state[name]).all():
                raise AssetError(
                    f"{name} has weights that float16 cannot hold; leave the stage cast_fp16 out."
                )
    return state


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.export.cast_fp16", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    o = parser.parse_args(arguments)
    saved = load_checkpoint(o.checkpoint)
    save_checkpoint(o.out, replace(saved, network=cast_fp16(saved.network)))
    print(f"wrote {o.out}")


if __name__ == "__main__":
    main()
