"""What the recorder costs the pipeline's thread, and the disk.

python -m tests.engine.takes.recorder_cost --frames 900
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hmr_live.core.state import Frame, FrameResult
from hmr_live.takes.pre_roll import PreRoll
from hmr_live.takes.recorder import TakeRecorder
from tests.engine.takes.cases import INFO, PICTURE, body_state


def main() -> int:
    """Record in real time and print microseconds a frame and bytes a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--people", type=int, default=1)
    options = parser.parse_args()
    people = tuple(body_state(seed) for seed in range(options.people))
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        recorder = TakeRecorder(Path(folder) / "take.hmrtake", INFO)
        pre_roll = PreRoll(live=True)
        pre_roll.attach(recorder)
        begin = time.monotonic()
        for number in range(options.frames):
            result = FrameResult(Frame(PICTURE, time.monotonic(), number), people)
            start = time.perf_counter()
            pre_roll.add(result)
            spent.append((time.perf_counter() - start) * 1e6)
            time.sleep(max(0.0, begin + (number + 1) / options.fps - time.monotonic()))
        size = recorder.close().stat().st_size
    report = {
        "frames": options.frames,
        "people": options.people,
        "add_us_p50": round(float(np.percentile(spent, 50)), 1),
        "add_us_p95": round(float(np.percentile(spent, 95)), 1),
        "bytes_per_minute_at_30_fps": round(size / options.frames * 1800),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
