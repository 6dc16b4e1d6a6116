"""Append a run of ``hmr-live bench`` to ``docs/benchmarks.jsonl``.

    hmr-live bench --mediapipe mediapipe-env/bin/python --json | \
        python docs/log_benchmark.py --machine "2 cores, no GPU"

Milliseconds depend on the machine, so what is kept is the ratio to MediaPipe Pose in the same run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOG = Path(__file__).parent / "benchmarks.jsonl"


def lines_of(report: dict[str, Any], machine: str, commit: str, date: str) -> list[dict[str, Any]]:
    """One line for each back end that was compared."""
    load = report["load"]
    place = machine if load is None else f"{machine}, load {load}"
    return [
        {
            "date": date,
            "commit": commit,
            "machine": place,
            "measure": "speed",
            "name": ratio["name"],
            "ratio": round(ratio["median"], 2),
            "low": round(ratio["low"], 2),
            "high": round(ratio["high"], 2),
            "against": report["baseline"],
            "source": "hmr-live bench",
        }
        for ratio in report["ratios"]
    ]


def main() -> int:
    """Read the report from standard input."""
    parser = argparse.ArgumentParser(description="Append a run of hmr-live bench to the log.")
    parser.add_argument("--machine", required=True, help='for example "2 cores, no GPU"')
    machine = parser.parse_args().machine
    report = json.load(sys.stdin)
    if not report["ratios"]:
        print("The run has no baseline: add --mediapipe PYTHON to hmr-live bench.", file=sys.stderr)
        return 1
    describe = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, capture_output=True, text=True, check=True, cwd=LOG.parent)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    with LOG.open("a", encoding="utf-8") as log:
        for line in lines_of(report, machine, commit.stdout.strip(), date):
            log.write(json.dumps(line) + "\n")
            print(f"{line['name']}: {line['ratio']} times as fast as {line['against']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
