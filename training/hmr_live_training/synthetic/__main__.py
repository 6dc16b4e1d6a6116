"""Render synthetic people.

``python -m hmr_live_training.synthetic --split train --count 20000 --out FOLDER`` writes shards,
``--sheet FILE`` a contact sheet of the first samples.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from hmr_live.core.errors import HmrLiveError
from hmr_live_training.synthetic.contact_sheet import write_sheet
from hmr_live_training.synthetic.dataset import SyntheticPeople
from hmr_live_training.synthetic.scene.crop_boxes import RULES
from hmr_live_training.synthetic.scene_config import SPLITS, SyntheticConfig
from hmr_live_training.synthetic.shards import write_shards


def main(arguments: list[str] | None = None) -> int:
    """Write shards, a contact sheet, or both."""
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.synthetic", description=__doc__
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the training data"
    )
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument(
        "--count", type=int, default=1000, help="number of samples (a sheet shows at most 64)"
    )
    parser.add_argument("--out", type=Path, help="folder to write shards to")
    parser.add_argument(
        "--sheet", type=Path, help="contact sheet of the first samples to write (.png)"
    )
    parser.add_argument(
        "--crop-boxes", choices=sorted(RULES), default="jittered", help="rule of the crop boxes"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("--body", type=Path, help="SMPL body file (default: the open body)")
    parser.add_argument("--fitted-poses", type=Path, help="more poses: .npz with pose (N, 24, 3)")
    parser.add_argument("--workers", type=int, default=2, help="number of processes")
    given = parser.parse_args(arguments)
    config = SyntheticConfig(seed=given.seed, body=given.body, fitted_poses=given.fitted_poses)
    rule = RULES[given.crop_boxes]
    try:
        if given.sheet is not None:
            people = SyntheticPeople(given.data, given.split, config, rule)
            write_sheet(given.sheet, (people.sample(k) for k in range(min(given.count, 64))))
        if given.out is not None:
            began = time.monotonic()
            settings = (given.data, given.split, given.count, given.out, config)
            for path in write_shards(*settings, crop_box_rule=rule, workers=given.workers):
                print(f"{path}  {time.monotonic() - began:.0f} s", flush=True)
    except HmrLiveError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
