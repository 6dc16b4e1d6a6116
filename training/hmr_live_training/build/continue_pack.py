"""Continue a recipe from a pack for some minutes, on a machine with a GPU.

``python -m hmr_live_training.build.continue_pack full_pack.tar --out DIR --minutes 10`` draws
synthetic people, trains, and writes the network before the time is up.  Its ``.onnx`` is the start
of a build elsewhere: ``python -m hmr_live_training.build full --start DIR/full.onnx``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.build.pack_file import add_wheels, check_packages, unpack


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.build.continue_pack", description=__doc__
    )
    add = parser.add_argument
    add("pack", type=Path, help="written by hmr_live_training.build.pack")
    add("--out", type=Path, required=True, help="folder for the network, its figures and the log")
    add("--minutes", type=float, default=10.0, help="for everything together (default 10)")
    add(
        "--workers",
        type=int,
        default=max((os.cpu_count() or 2) - 2, 1),
        help="processes that render people and cut crops (default: processors less two)",
    )
    add("--threads", type=int, default=1, help="CPU threads of the training process")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 when the network is written, 1 after an error."""
    began = time.monotonic()
    o = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="hmr-live-pack-") as temporary:
            folder, contents = unpack(o.pack, Path(temporary))
            add_wheels(folder)
            check_packages()
            # Only now is everything there that training imports.
            from hmr_live_training.build.timed_build import TimedBuild, TimedOptions

            options = TimedOptions(o.out, began + 60 * o.minutes, o.workers, o.threads)
            TimedBuild(folder, contents, options).run()
    except (HmrLiveError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
