"""Round an encoder to float16.

``python -m hmr_live_training.export.cast_fp16 --checkpoint A.pt --out B.pt``

An encoder whose weights are float16 numbers is stored in half the space and loses nothing by that
(:func:`.store_as_float16`).  What the rounding itself changes is measured like
any other network: evaluate the new checkpoint.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import State, load_checkpoint, save_checkpoint

_PREFIX = "encoder."


def rounded(network: State) -> State:
    """The state of a network whose encoder's numbers are all float16 numbers, as float32.

    Raises
    ------
    AssetError
        When a number is too large for float16.
    """
    state = dict(network)
    for name, value in network.items():
        if name.startswith(_PREFIX) and value.dtype == torch.float32:
            state[name] = value.half().float()
            if not torch.isfinite(state[name]).all():
                raise AssetError(f"{name} has numbers that float16 cannot hold; keep float32.")
    return state


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.export.cast_fp16", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    o = parser.parse_args(arguments)
    saved = load_checkpoint(o.checkpoint)
    save_checkpoint(o.out, replace(saved, network=rounded(saved.network)))
    print(f"wrote {o.out}")


if __name__ == "__main__":
    main()
